//! Finding work.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::error::unavailable;
use crate::item::{self, Item, Key};
use crate::{Store, StoreError, tables};

/// The place of a validation that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub(crate) key: Key,
    /// When it became due.
    pub at: Timestamp,
}

impl Store {
    /// Up to `limit` validations of one shard that are due at `now`, the
    /// longest overdue first, behind `after`.
    pub async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        limit: i32,
        after: Option<&Due>,
    ) -> Result<Vec<Due>, StoreError> {
        let after = after.map(|due| (due.key.clone(), due.at));
        let found = self
            .find_due(
                &self.validations,
                "find due validations",
                shard,
                now,
                limit,
                after,
            )
            .await?;
        Ok(found.into_iter().map(|(key, at)| Due { key, at }).collect())
    }

    /// What is due in the index of any table.
    pub(crate) async fn find_due(
        &self,
        table: &str,
        action: &'static str,
        shard: u8,
        now: Timestamp,
        limit: i32,
        after: Option<(Key, Timestamp)>,
    ) -> Result<Vec<(Key, Timestamp)>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(table)
            .index_name(tables::DUE_INDEX)
            .key_condition_expression("dueShard = :shard AND dueAt <= :now")
            .expression_attribute_values(":shard", AttributeValue::S(tables::shard_key(shard)))
            .expression_attribute_values(":now", item::millis(now))
            .set_exclusive_start_key(after.map(|(key, at)| index_key(&key, at, shard)))
            .limit(limit)
            .send()
            .await
            .map_err(|error| unavailable(action, error.into_service_error()))?;
        found
            .items()
            .iter()
            .map(|item| Ok((Key::of(item)?, item::timestamp(item, "dueAt")?)))
            .collect()
    }
}

fn index_key(key: &Key, at: Timestamp, shard: u8) -> Item {
    let mut key = key.attributes();
    key.insert(
        "dueShard".to_owned(),
        AttributeValue::S(tables::shard_key(shard)),
    );
    key.insert("dueAt".to_owned(), item::millis(at));
    key
}

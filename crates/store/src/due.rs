//! Finding work.

use std::fmt;
use std::marker::PhantomData;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::error::unavailable;
use crate::item::{self, Item, Key};
use crate::kind::Record;
use crate::{Queue, StoreError, tables};

/// The place of a record that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Due<R> {
    pub(crate) key: Key,
    /// When it became due.
    pub at: Timestamp,
    record: PhantomData<fn() -> R>,
}

impl<R> Due<R> {
    pub(crate) fn new(key: Key, at: Timestamp) -> Self {
        Self {
            key,
            at,
            record: PhantomData,
        }
    }
}

impl<R> fmt::Display for Due<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

impl<R: Record> Queue<R> {
    /// Up to `limit` records of one shard that are due at `now`, the longest
    /// overdue first, behind `after`.
    pub async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        limit: i32,
        after: Option<&Due<R>>,
    ) -> Result<Vec<Due<R>>, StoreError> {
        let found = self
            .table
            .query()
            .index_name(tables::DUE_INDEX)
            .key_condition_expression("dueShard = :shard AND dueAt <= :now")
            .expression_attribute_values(":shard", AttributeValue::S(tables::shard_key(shard)))
            .expression_attribute_values(":now", item::millis(now))
            .set_exclusive_start_key(after.map(|due| index_key(&due.key, due.at, shard)))
            .limit(limit)
            .send()
            .await
            .map_err(|error| unavailable(R::KIND.actions.find, error.into_service_error()))?;
        found
            .items()
            .iter()
            .map(|item| Ok(Due::new(Key::of(item)?, item::timestamp(item, "dueAt")?)))
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

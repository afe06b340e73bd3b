#![doc = include_str!("../README.md")]

mod claim;
mod error;
mod item;
mod ledger;
mod packed;
mod register;
pub mod tables;

pub use claim::{ClaimError, Claimed, Plotted};
pub use error::StoreError;
pub use register::{Registered, Spec};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::evidence::Evidence;
use release::validation::{Validation, ValidationId};

use crate::error::unavailable;
use crate::item::Key;

/// The tables of one deployment of this product.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    validations: String,
    ledger: String,
}

/// The place of a validation that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    key: Key,
    /// When it became due.
    pub at: Timestamp,
}

impl Due {
    fn index_key(&self, shard: u8) -> item::Item {
        let mut key = self.key.attributes();
        key.insert(
            "dueShard".to_owned(),
            AttributeValue::S(tables::shard_key(shard)),
        );
        key.insert("dueAt".to_owned(), item::millis(self.at));
        key
    }
}

impl Store {
    /// A store on the tables of these names.
    pub fn new(client: Client, validations: impl Into<String>, ledger: impl Into<String>) -> Self {
        Self {
            client,
            validations: validations.into(),
            ledger: ledger.into(),
        }
    }

    /// Up to `limit` validations of one shard that are due at `now`, the
    /// longest overdue first, behind `after`.
    pub async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        limit: i32,
        after: Option<&Due>,
    ) -> Result<Vec<Due>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.validations)
            .index_name(tables::DUE_INDEX)
            .key_condition_expression("dueShard = :shard AND dueAt <= :now")
            .expression_attribute_values(":shard", AttributeValue::S(tables::shard_key(shard)))
            .expression_attribute_values(":now", item::millis(now))
            .set_exclusive_start_key(after.map(|due| due.index_key(shard)))
            .limit(limit)
            .send()
            .await
            .map_err(|error| unavailable("find due validations", error))?;
        found
            .items()
            .iter()
            .map(|item| {
                Ok(Due {
                    key: Key::of(item)?,
                    at: item::timestamp(item, "dueAt")?,
                })
            })
            .collect()
    }

    /// The validation of this id.
    pub async fn validation(&self, id: ValidationId) -> Result<Option<Validation>, StoreError> {
        let Some(key) = self.locate(id).await? else {
            return Ok(None);
        };
        let found = self.get("read a validation", &key).await?;
        found.as_ref().map(item::validation).transpose()
    }

    /// What led to the verdict of this validation, once there is one.
    pub async fn evidence(&self, id: ValidationId) -> Result<Option<Evidence>, StoreError> {
        let Some(key) = self.locate(id).await? else {
            return Ok(None);
        };
        let found = self.get("read evidence", &key.evidence(id)).await?;
        found.map(|item| packed::json(&item, "body")).transpose()
    }

    /// The monspec of this hash.
    pub async fn spec(&self, hash: &str) -> Result<Option<String>, StoreError> {
        let found = self.get("read a monspec", &Key::spec(hash)).await?;
        found.map(|item| packed::text(&item, "body")).transpose()
    }

    async fn locate(&self, id: ValidationId) -> Result<Option<Key>, StoreError> {
        let found = self.get("locate a validation", &Key::locator(id)).await?;
        found.map(|item| Key::target(&item)).transpose()
    }

    async fn get(&self, action: &'static str, key: &Key) -> Result<Option<item::Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.validations)
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(action, error))?;
        Ok(found.item)
    }
}

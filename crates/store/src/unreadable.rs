//! Validations and problems that this version cannot read.
//!
//! They were damaged, or written by another version. Reading fails before
//! anything is known of their faults and their time, so the looks are counted
//! beside them, and after the last one they leave the index.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::validation::backoff;
use release::window::saturating_add;

use crate::change::{Change, MINE};
use crate::contention::giving_way;
use crate::error::unavailable;
use crate::item::{self, Item, Key};
use crate::{Store, StoreError};

/// After this many looks, about four hours, nobody looks any more.
const LOOKS: u32 = 50;

/// Where looks in vain are counted.
const COUNT: &str = "unreadable";

/// A validation or problem that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("what is stored at `{place}` cannot be read")]
pub struct Unreadable {
    /// Its keys.
    pub place: String,
    /// How often it was looked at in vain.
    pub looks: u32,
    /// When it is looked at again; never, once it has left the index.
    pub until: Option<Timestamp>,
    /// What cannot be read.
    #[source]
    pub cause: StoreError,
}

impl Unreadable {
    /// What whoever runs this has to know.
    pub fn in_words(&self) -> String {
        let Self { place, cause, .. } = self;
        let then = self.until.map_or_else(
            || "is not looked at any more".to_owned(),
            |until| format!("is looked at again at {until}"),
        );
        format!("What is stored at `{place}` cannot be read and {then}: {cause}")
    }
}

impl Store {
    /// Counts one more look in vain at what was just claimed.
    pub(crate) async fn unreadable(
        &self,
        (table, key): (&str, &Key),
        claim: &str,
        item: &Item,
        now: Timestamp,
        cause: StoreError,
    ) -> Result<Unreadable, StoreError> {
        // Nothing of the item can be relied on, this count included.
        let looks = item::number(item, COUNT).unwrap_or(0_u32).saturating_add(1);
        let until = (looks < LOOKS).then(|| saturating_add(now, backoff(looks - 1)));
        let change = Change::set(COUNT, AttributeValue::N(looks.to_string()));
        let change = match until {
            Some(until) => change.and("dueAt", item::millis(until)).remove(&["claim"]),
            None => change
                .and("deadSince", item::millis(now))
                .remove(&["dueShard", "dueAt", "claim"]),
        };
        let update = self
            .client
            .update_item()
            .table_name(table)
            .set_key(Some(key.attributes()))
            .update_expression(change.expression())
            .condition_expression(MINE)
            .set_expression_attribute_names(Some(change.names()))
            .set_expression_attribute_values(Some(change.values(claim)));
        giving_way(async || update.clone().send().await)
            .await
            .map_err(|error| unavailable("count a look in vain", error.into_service_error()))?;
        Ok(Unreadable {
            place: format!("{} {}", key.pk, key.sk),
            looks,
            until,
            cause,
        })
    }
}

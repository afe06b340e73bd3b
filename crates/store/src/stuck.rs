//! Validations and problems that this version cannot work on.
//!
//! They cannot be read, because they were damaged or written by another version,
//! or they make whoever works on them panic. Nothing can be relied on that the
//! work itself writes down, so the looks in vain are counted beside them, and
//! after the last one they rest in a partition of the index where nobody looks
//! for work.

use std::panic::{AssertUnwindSafe, catch_unwind};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::validation::backoff;
use release::window::saturating_add;

use crate::change::{Change, MINE};
use crate::claim::Claimed;
use crate::claimed_problem::ClaimedProblem;
use crate::contention::giving_way;
use crate::error::unavailable;
use crate::item::{self, Item, Key, STUCK_SINCE};
use crate::tables::RESTING;
use crate::{Store, StoreError};

/// After this many looks, about four hours, nobody looks any more.
const LOOKS: u32 = 50;

/// Where looks are counted that ended in a panic.
pub(crate) const PANICS: &str = "panics";

/// Where looks are counted at what cannot be read.
pub(crate) const UNREADABLE: &str = "unreadable";

/// A validation or problem that could not be worked on.
#[derive(Debug, thiserror::Error)]
#[error("what is stored at `{place}` cannot be worked on")]
pub struct Stuck {
    /// Its keys.
    pub place: String,
    /// How often it was looked at in vain.
    pub looks: u32,
    /// When it is looked at again; never, once it rests.
    pub until: Option<Timestamp>,
    /// Why nothing was done for it.
    #[source]
    pub why: Why,
}

/// Why nothing was done for what was claimed.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(StoreError),
    /// A defect, which the log shows where it happened.
    #[error("the work on it panicked")]
    Panicked,
}

impl Stuck {
    /// What whoever runs this has to know.
    pub fn in_words(&self) -> String {
        let Self { place, why, .. } = self;
        let then = self.until.map_or_else(
            || "is not looked at any more".to_owned(),
            |until| format!("is looked at again at {until}"),
        );
        match why {
            Why::Unreadable(cause) => {
                format!("What is stored at `{place}` cannot be read and {then}: {cause}")
            }
            Why::Panicked => {
                format!("The work on what is stored at `{place}` panicked; it {then}")
            }
        }
    }

    /// What is counted.
    pub fn metric(&self) -> &'static str {
        match self.why {
            Why::Unreadable(_) => "Unreadable",
            Why::Panicked => "Panicked",
        }
    }
}

/// What a worker holds, as far as it can be given back whatever became of the
/// worker.
#[derive(Debug)]
pub struct Held {
    table: String,
    key: Key,
    claim: String,
    panics: u32,
}

impl Store {
    /// What the holder of this validation holds.
    pub fn held(&self, claimed: &Claimed) -> Held {
        Held {
            table: self.validations.clone(),
            key: claimed.key.clone(),
            claim: claimed.claim.clone(),
            panics: claimed.panics,
        }
    }

    /// What the holder of this problem holds.
    pub fn held_problem(&self, claimed: &ClaimedProblem) -> Held {
        Held {
            table: self.remediations.clone(),
            key: claimed.key.clone(),
            claim: claimed.claim.clone(),
            panics: claimed.panics,
        }
    }

    /// Gives back what a worker held that has panicked.
    pub async fn panicked(&self, held: &Held, now: Timestamp) -> Result<Stuck, StoreError> {
        let place = (held.table.as_str(), &held.key);
        let count = (PANICS, held.panics);
        self.stuck(place, &held.claim, count, now, Why::Panicked)
            .await
    }

    /// Gives back what was just claimed and could not be decoded.
    pub(crate) async fn undecoded(
        &self,
        place: (&str, &Key),
        claim: &str,
        item: &Item,
        now: Timestamp,
        why: Why,
    ) -> Result<Stuck, StoreError> {
        let counted = match why {
            Why::Unreadable(_) => UNREADABLE,
            Why::Panicked => PANICS,
        };
        let count = (counted, looks(item, counted));
        self.stuck(place, claim, count, now, why).await
    }

    /// Counts one more look in vain.
    async fn stuck(
        &self,
        (table, key): (&str, &Key),
        claim: &str,
        (counted, looks): (&'static str, u32),
        now: Timestamp,
        why: Why,
    ) -> Result<Stuck, StoreError> {
        let looks = looks.saturating_add(1);
        let until = (looks < LOOKS).then(|| saturating_add(now, backoff(looks - 1)));
        let change = Change::set(counted, AttributeValue::N(looks.to_string()));
        let change = match until {
            Some(until) => change.and("dueAt", item::millis(until)).remove(&["claim"]),
            None => change
                .and(STUCK_SINCE, item::millis(now))
                .and("dueShard", AttributeValue::S(RESTING.to_owned()))
                .and("dueAt", item::millis(now))
                .remove(&["claim"]),
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
        giving_way(|| update.clone().send())
            .await
            .map_err(|error| unavailable("count a look in vain", error.into_service_error()))?;
        Ok(Stuck {
            place: format!("{} {}", key.pk, key.sk),
            looks,
            until,
            why,
        })
    }
}

/// Decodes what was claimed. Damage may show itself as a panic too.
pub(crate) fn decoded<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, Why> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(Why::Unreadable),
        Err(_) => Err(Why::Panicked),
    }
}

/// How often it was looked at in vain. Nothing of an item can be relied on that
/// cannot be read, this count included.
pub(crate) fn looks(item: &Item, counted: &'static str) -> u32 {
    item::number(item, counted).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_while_something_is_decoded_is_counted_like_one_in_the_work() {
        let damaged = decoded(|| -> Result<(), StoreError> { panic!("nobody expected this text") });
        assert!(matches!(damaged, Err(Why::Panicked)), "{damaged:?}");

        let unread = decoded(|| item::validation(&Item::new()));
        assert!(matches!(unread, Err(Why::Unreadable(_))), "{unread:?}");
    }
}

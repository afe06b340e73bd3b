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
use release::window::saturating_add;
use release::work::backoff;

use crate::error::unavailable;
use crate::held::Held;
use crate::item::{self, Item, STUCK_SINCE};
use crate::item_update::ItemUpdate;
use crate::kind::Record;
use crate::tables::RESTING;
use crate::{Queue, StoreError};

/// After this many looks, about four hours, nobody looks any more.
const LOOKS: u32 = 50;

/// Where looks are counted that ended in a panic.
pub(crate) const PANICS: &str = "panics";

/// Where looks are counted at what cannot be read.
pub(crate) const UNREADABLE: &str = "unreadable";

/// A validation or problem that could not be worked on.
#[derive(Debug, thiserror::Error)]
#[error("the record at `{place}` cannot be worked on")]
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
    /// What the operator has to know.
    pub fn in_words(&self) -> String {
        let Self { place, why, .. } = self;
        let then = self.until.map_or_else(
            || "is no longer retried".to_owned(),
            |until| format!("is retried at {until}"),
        );
        match why {
            Why::Unreadable(cause) => {
                format!("The record at `{place}` cannot be read and {then}: {cause}")
            }
            Why::Panicked => {
                format!("The work on the record at `{place}` panicked; it {then}")
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

impl<R: Record> Queue<R> {
    /// Gives back what a worker held that has panicked.
    pub async fn panicked(&self, held: &Held, now: Timestamp) -> Result<Stuck, StoreError> {
        self.stuck(held, (PANICS, held.panics), now, Why::Panicked)
            .await
    }

    /// Gives back what was just claimed and could not be decoded.
    pub(crate) async fn undecoded(
        &self,
        held: &Held,
        item: &Item,
        now: Timestamp,
        why: Why,
    ) -> Result<Stuck, StoreError> {
        let counted = match why {
            Why::Unreadable(_) => UNREADABLE,
            Why::Panicked => PANICS,
        };
        self.stuck(held, (counted, looks(item, counted)), now, why)
            .await
    }

    /// Counts one more look in vain.
    async fn stuck(
        &self,
        held: &Held,
        (counted, looks): (&'static str, u32),
        now: Timestamp,
        why: Why,
    ) -> Result<Stuck, StoreError> {
        let looks = looks.saturating_add(1);
        let until = (looks < LOOKS).then(|| saturating_add(now, backoff(looks - 1)));
        let change =
            ItemUpdate::set(counted, AttributeValue::N(looks.to_string())).remove(&["claim"]);
        let change = match until {
            Some(until) => change.and("dueAt", item::millis(until)),
            None => change
                .and(STUCK_SINCE, item::millis(now))
                .and("dueShard", AttributeValue::S(RESTING.to_owned()))
                .and("dueAt", item::millis(now)),
        };
        self.update(held, &change, None)
            .await
            .map_err(|error| unavailable("count a look in vain", error))?;
        Ok(Stuck {
            place: held.key.to_string(),
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

        let unread = decoded(|| crate::record::validation::read(&Item::new()));
        assert!(matches!(unread, Err(Why::Unreadable(_))), "{unread:?}");
    }
}

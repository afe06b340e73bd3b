//! Claims: the right to work on one record that is due, and how it is given
//! back. The same for every kind of record.

use std::ops::{Deref, DerefMut};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use release::work::Counts;

use crate::contention::giving_way;
use crate::due::Due;
use crate::error::unavailable;
use crate::held::Held;
use crate::item::{self, Item, Key};
use crate::item_update::ItemUpdate;
use crate::kind::Record;
use crate::stuck::{self, Stuck};
use crate::tables::RESTING;
use crate::{Queue, StoreError};

/// A record that this worker owns until its lease ends: as it was read or last
/// written. Only the store makes one, through a conditional write.
#[derive(Debug)]
pub struct Claimed<R> {
    pub(crate) record: R,
    pub(crate) held: Held,
}

/// Why something that is due could not be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another worker was first, or it is no longer due; the caller moves on.
    #[error("it is already claimed")]
    Taken,
    /// The item is not what this version reads.
    #[error(transparent)]
    Stuck(Box<Stuck>),
    /// The claim could not be written or read back.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How giving a claim back went.
enum Given {
    Back,
    /// Something was reported meanwhile; the claim is still held.
    Reported {
        /// When, as it is stored.
        at: AttributeValue,
    },
}

impl<R> Claimed<R> {
    /// What can be given back whatever becomes of the worker.
    pub fn held(&self) -> Held {
        self.held.clone()
    }
}

impl<R: Record> Claimed<R> {
    /// How many looks at it had no result.
    pub fn counts(&self) -> Counts {
        (R::KIND.counts)(self)
    }

    /// Remembers how often it was, until it is given back.
    pub fn count(&mut self, counts: Counts) {
        (R::KIND.count)(self, counts);
    }
}

impl<R> Deref for Claimed<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.record
    }
}

impl<R> DerefMut for Claimed<R> {
    fn deref_mut(&mut self) -> &mut R {
        &mut self.record
    }
}

impl<R: Record> Queue<R> {
    /// Takes what is due until `lease_until`. `claim` names this claim and no
    /// other.
    pub async fn claim(
        &self,
        due: &Due<R>,
        claim: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Claimed<R>, ClaimError> {
        let update = self
            .table
            .update_item(&due.key)
            .update_expression("SET claim = :claim, dueAt = :lease")
            // The client repeats a write whose answer was lost on the way; the
            // repetition finds this very claim and must not take it for a rival's.
            .condition_expression(
                "attribute_exists(dueShard) AND dueShard <> :resting \
                 AND (dueAt <= :now OR claim = :claim)",
            )
            .expression_attribute_values(":resting", AttributeValue::S(RESTING.to_owned()))
            .expression_attribute_values(":claim", AttributeValue::S(claim.to_owned()))
            .expression_attribute_values(":lease", item::millis(lease_until))
            .expression_attribute_values(":now", item::millis(now))
            .return_values(ReturnValue::AllNew);
        let outcome = giving_way(|| update.clone().send()).await;
        let item = match outcome {
            Ok(updated) => updated.attributes.unwrap_or_default(),
            Err(error) => {
                return Err(match error.into_service_error() {
                    UpdateItemError::ConditionalCheckFailedException(_) => ClaimError::Taken,
                    error => unavailable(R::KIND.actions.claim, error).into(),
                });
            }
        };
        self.claimed(&item, due.key.clone(), claim, now).await
    }

    /// What is claimed, as it was read with its claim.
    pub(crate) async fn claimed(
        &self,
        item: &Item,
        key: Key,
        claim: &str,
        now: Timestamp,
    ) -> Result<Claimed<R>, ClaimError> {
        let held = Held {
            table: self.table.name.clone(),
            key,
            claim: claim.to_owned(),
            panics: stuck::looks(item, stuck::PANICS),
        };
        match stuck::decoded(|| (R::KIND.read)(item)) {
            Ok(record) => Ok(Claimed { record, held }),
            Err(why) => {
                let stuck = self.undecoded(&held, item, now, why).await?;
                Err(ClaimError::Stuck(Box::new(stuck)))
            }
        }
    }

    /// Gives the claim back with the counts of faults and waits; the record is
    /// due again at `until`, or at once if something was reported meanwhile.
    pub async fn defer(&self, claimed: Claimed<R>, until: Timestamp) -> Result<(), StoreError> {
        let kind = R::KIND;
        let change = (kind.deferred)(&claimed).and("dueAt", item::millis(until));
        self.give_back(kind.actions.defer, &claimed, change, kind.deferred_by)
            .await
    }

    /// Ends the work on a record. If something was reported meanwhile, it is due
    /// at once instead.
    pub async fn settle(&self, claimed: Claimed<R>) -> Result<(), StoreError> {
        let kind = R::KIND;
        let change = (kind.settled)(&claimed);
        self.give_back(kind.actions.settle, &claimed, change, kind.settled_by)
            .await
    }

    async fn give_back(
        &self,
        action: &'static str,
        claimed: &Claimed<R>,
        change: ItemUpdate,
        trace: &'static str,
    ) -> Result<(), StoreError> {
        let held = &claimed.held;
        let notices = (R::KIND.notices)(claimed);
        match self.release(action, held, change, trace, notices).await? {
            Given::Back => Ok(()),
            Given::Reported { at } => {
                let change = (R::KIND.deferred)(claimed).and("dueAt", at);
                match self.release(action, held, change, trace, None).await? {
                    Given::Back => Ok(()),
                    Given::Reported { .. } => Err(StoreError::Lost),
                }
            }
        }
    }

    /// The last write of a claim, as long as nothing was reported since it was
    /// taken. It takes away what it is conditional on, so it leaves the claim's
    /// name in `trace`: the client repeats a write whose answer was lost on the
    /// way, and the repetition must recognise it.
    async fn release(
        &self,
        action: &'static str,
        held: &Held,
        change: ItemUpdate,
        trace: &'static str,
        notices: Option<&AttributeValue>,
    ) -> Result<Given, StoreError> {
        let claim = AttributeValue::S(held.claim.clone());
        let change = change.and(trace, claim.clone()).remove(&["claim"]);
        let refused = match self.update(held, &change, notices).await {
            Ok(()) => return Ok(Given::Back),
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => refused,
            Err(error) => return Err(unavailable(action, error)),
        };
        let found = refused.item.unwrap_or_default();
        let says = |attribute| found.get(attribute) == Some(&claim);
        match found.get("reportedAt") {
            Some(at) if notices.is_some() && says("claim") => {
                Ok(Given::Reported { at: at.clone() })
            }
            _ if says(trace) => Ok(Given::Back),
            _ => Err(StoreError::Lost),
        }
    }
}

//! Problems: how they come in, and how work on them is found.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};
use release::problem::{Arrival, Phase, Problem, Reported};

use crate::claim::ClaimError;
use crate::contention::giving_way;
use crate::error::unavailable;
use crate::followed::ClaimedProblem;
use crate::item::{self, Item, Key};
use crate::{Remediations, StoreError, record, tables};

/// How long a problem is kept after the last moment at which something may be
/// done about it. What it taught stays in the ledger for good.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How often a notice is tried while workers take the problem and give it back.
const ATTEMPTS: u32 = 8;

/// Whether a problem was known before it was noticed.
#[derive(Clone, Debug, PartialEq)]
pub enum Noticed {
    /// It is stored, and due.
    New,
    /// It was known as this.
    Known(Box<Problem>),
}

/// What became of a notice that shall be worked on at once.
#[derive(Debug)]
pub enum Taken {
    /// It is stored, and the problem is ours.
    Claimed(Box<ClaimedProblem>),
    /// It is stored, but a worker has the problem or it has settled.
    Not(Noticed),
}

/// Whether a problem is due or somebody's once it is entered.
#[derive(Clone, Copy)]
enum Then<'a> {
    Due,
    Claimed { claim: &'a str, until: Timestamp },
}

impl Remediations {
    /// Enters what a notification or a look at the tenant said.
    ///
    /// A problem that is new is stored, due at `now`. One that is known keeps its
    /// document; what was reported is noted, and it is due at `now` unless it
    /// has settled. While a worker has it, nothing makes it due: giving it back
    /// does. A look at the tenant says nothing new of a problem that is known.
    pub async fn notice(
        &self,
        problem: &Problem,
        reported: Reported,
        now: Timestamp,
    ) -> Result<Noticed, StoreError> {
        for _ in 0..ATTEMPTS {
            let taken = match self.enter(problem, reported, now, Then::Due).await? {
                Entered::As(known) => return noticed(&known),
                Entered::Not { known } => known,
            };
            if problem.arrival == Arrival::Adopted {
                return Ok(Noticed::Known(Box::new(record::problem::read(&taken)?)));
            }
            // A worker may give it back in between; then it can be woken.
            if let Some(known) = self.note(&problem.id, reported, now).await? {
                return Ok(Noticed::Known(Box::new(known)));
            }
        }
        Err(StoreError::Unavailable {
            action: "note what was reported",
            cause: "workers kept taking the problem and giving it back".into(),
        })
    }

    /// The same for what was reported open, which is claimed with the same write
    /// until `lease_until`, unless a worker has it or it has settled.
    pub async fn take_notice(
        &self,
        problem: &Problem,
        claim: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Taken, ClaimError> {
        let then = Then::Claimed {
            claim,
            until: lease_until,
        };
        let item = match self.enter(problem, Reported::Open, now, then).await? {
            Entered::As(item) => item,
            Entered::Not { .. } => {
                let noticed = self.notice(problem, Reported::Open, now).await?;
                return Ok(Taken::Not(noticed));
            }
        };
        let key = Key::problem(&problem.id);
        let claimed = self.queue().claimed(&item, key, claim, now).await?;
        Ok(Taken::Claimed(Box::new(claimed)))
    }

    /// What is known of the problem of this id.
    pub async fn problem(&self, id: &str) -> Result<Option<Problem>, StoreError> {
        let found = self.table.get("read a problem", &Key::problem(id)).await?;
        found.as_ref().map(record::problem::read).transpose()
    }

    /// Makes a problem that settled before anything was done due again, as if it
    /// had been heard of now. Whether it is: somebody else may have been faster.
    pub async fn reopen(
        &self,
        id: &str,
        now: Timestamp,
        patience: SignedDuration,
    ) -> Result<bool, StoreError> {
        let key = Key::problem(id);
        let found = self.table.get("read a problem", &key).await?;
        let Some(item) = found else {
            return Ok(false);
        };
        let settled = record::problem::read(&item)?;
        if !settled.may_begin_again() {
            return Ok(false);
        }
        let revision: u64 = item::number(&item, "revision")?;
        let problem = settled.begun_again(now, patience);
        let shard = tables::shard_key(tables::shard_of(id));
        let number = |number: u64| AttributeValue::N(number.to_string());
        let update = self
            .table
            .update_item(&key)
            .update_expression(
                "SET problem = :problem, phase = :phase, faults = :none, waits = :none, \
                 revision = :next, expiresAt = :expiry, dueShard = :shard, dueAt = :now",
            )
            .condition_expression("attribute_not_exists(dueShard) AND revision = :revision")
            .expression_attribute_values(":problem", record::problem::attribute(&problem))
            .expression_attribute_values(":phase", item::word(problem.phase))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":revision", number(revision))
            .expression_attribute_values(":next", number(revision + 1))
            .expression_attribute_values(":expiry", item::seconds(expiry(&problem)))
            .expression_attribute_values(":shard", AttributeValue::S(shard))
            .expression_attribute_values(":now", item::millis(now));
        let outcome = giving_way(|| update.clone().send()).await;
        match outcome {
            Ok(_) => Ok(true),
            Err(error) => match error.into_service_error() {
                UpdateItemError::ConditionalCheckFailedException(_) => Ok(false),
                error => Err(unavailable("open a problem again", error)),
            },
        }
    }

    /// Stores a problem that is new and wakes one that nobody has. What is waited
    /// for is looked at soon again: somebody has news of it.
    async fn enter(
        &self,
        problem: &Problem,
        reported: Reported,
        now: Timestamp,
        then: Then<'_>,
    ) -> Result<Entered, StoreError> {
        let condition = match (problem.arrival, then) {
            (Arrival::Webhook, Then::Due) => {
                "attribute_not_exists(pk) OR \
                 (attribute_exists(dueShard) AND attribute_not_exists(claim))"
            }
            // The client repeats a write whose answer was lost on the way; the
            // repetition finds this very claim.
            (Arrival::Webhook, Then::Claimed { .. }) => {
                "attribute_not_exists(pk) OR (attribute_exists(dueShard) AND \
                 (attribute_not_exists(claim) OR claim = :claim))"
            }
            (Arrival::Adopted, _) => "attribute_not_exists(pk)",
        };
        let (due, set, returned) = match then {
            Then::Due => (now, "", ReturnValue::AllOld),
            Then::Claimed { until, .. } => (until, ", claim = :claim", ReturnValue::AllNew),
        };
        let shard = tables::shard_key(tables::shard_of(&problem.id));
        let update = self
            .table
            .update_item(&Key::problem(&problem.id))
            .update_expression(format!(
                "SET problem = if_not_exists(problem, :problem), \
                 phase = if_not_exists(phase, :phase), \
                 faults = if_not_exists(faults, :none), \
                 waits = :none, \
                 revision = if_not_exists(revision, :none), \
                 expiresAt = if_not_exists(expiresAt, :expiry), \
                 dueShard = :shard, dueAt = :due, \
                 reported = :reported, reportedAt = :now{set} \
                 ADD notices :one"
            ))
            .condition_expression(condition)
            .expression_attribute_values(":problem", record::problem::attribute(problem))
            .expression_attribute_values(":phase", item::word(Phase::Active))
            .expression_attribute_values(":none", AttributeValue::N("0".to_owned()))
            .expression_attribute_values(":expiry", item::seconds(expiry(problem)))
            .expression_attribute_values(":shard", AttributeValue::S(shard))
            .expression_attribute_values(":now", item::millis(now))
            .expression_attribute_values(":reported", item::word(reported))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":due", item::millis(due))
            .return_values(returned)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match then {
            Then::Due => update,
            Then::Claimed { claim, .. } => {
                update.expression_attribute_values(":claim", AttributeValue::S(claim.to_owned()))
            }
        };
        let outcome = giving_way(|| update.clone().send()).await;
        match outcome {
            Ok(updated) => Ok(Entered::As(updated.attributes.unwrap_or_default())),
            Err(error) => match error.into_service_error() {
                UpdateItemError::ConditionalCheckFailedException(refused) => Ok(Entered::Not {
                    known: refused.item.unwrap_or_default(),
                }),
                error => Err(unavailable("note what was reported", error)),
            },
        }
    }

    /// Notes what was reported of a problem that a worker has or that has
    /// settled. Nothing, if that is no longer so.
    async fn note(
        &self,
        id: &str,
        reported: Reported,
        now: Timestamp,
    ) -> Result<Option<Problem>, StoreError> {
        let update = self
            .table
            .update_item(&Key::problem(id))
            .update_expression("SET reported = :reported, reportedAt = :now ADD notices :one")
            .condition_expression(
                "attribute_exists(claim) OR \
                 (attribute_exists(pk) AND attribute_not_exists(dueShard))",
            )
            .expression_attribute_values(":reported", item::word(reported))
            .expression_attribute_values(":now", item::millis(now))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::AllNew);
        let outcome = giving_way(|| update.clone().send()).await;
        match outcome {
            Ok(updated) => record::problem::read(&updated.attributes.unwrap_or_default()).map(Some),
            Err(error) => match error.into_service_error() {
                UpdateItemError::ConditionalCheckFailedException(_) => Ok(None),
                error => Err(unavailable("note what was reported", error)),
            },
        }
    }
}

enum Entered {
    /// The item as it was, or as it is now where it was claimed.
    As(Item),
    /// A worker has it, it has settled, or it is not to be woken.
    Not { known: Item },
}

/// What the item said before.
fn noticed(before: &Item) -> Result<Noticed, StoreError> {
    if before.contains_key("problem") {
        return Ok(Noticed::Known(Box::new(record::problem::read(before)?)));
    }
    Ok(Noticed::New)
}

/// When a problem may be forgotten.
pub(crate) fn expiry(problem: &Problem) -> Timestamp {
    let until = problem.give_up_at.saturating_add(KEPT);
    until.unwrap_or(Timestamp::MAX)
}

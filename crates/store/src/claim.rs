//! Claims: the right to work on one validation, and the small writes it
//! permits.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, Update,
};
use jiff::Timestamp;
use release::approval::Answer;
use release::ledger::Lesson;
use release::validation::{Ending, Hook, Intent, PersonsAnswer, Phase, Validation};

use crate::change::{Change, MINE};
use crate::contention::giving_way;
use crate::due::Due;
use crate::error::unavailable;
use crate::item::{self, Item, Key};
use crate::stuck::{self, Stuck};
use crate::tables::RESTING;
use crate::transaction::{Attempt, Write};
use crate::{Store, StoreError};

/// Who gave the validation back last.
const DEFERRED: &str = "deferredBy";

/// Who settled the validation.
const SETTLED: &str = "settledBy";

/// A validation that this worker owns until its lease ends. Only
/// [`Store::claim`] makes one, through a conditional write.
#[derive(Debug)]
pub struct Claimed {
    /// The validation as it was read or last written.
    pub validation: Validation,
    pub(crate) key: Key,
    pub(crate) claim: String,
    /// How often the work on it panicked.
    pub(crate) panics: u32,
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

impl Store {
    /// Takes a due validation until `lease_until`. `claim` names this claim and
    /// no other.
    pub async fn claim(
        &self,
        due: &Due,
        claim: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Claimed, ClaimError> {
        let place = (self.validations.as_str(), &due.key);
        let item = self
            .take("claim a validation", place, claim, now, lease_until)
            .await?;
        match stuck::decoded(|| item::validation(&item)) {
            Ok(validation) => Ok(Claimed {
                validation,
                key: due.key.clone(),
                claim: claim.to_owned(),
                panics: stuck::looks(&item, stuck::PANICS),
            }),
            Err(why) => {
                let stuck = self.undecoded(place, claim, &item, now, why).await?;
                Err(ClaimError::Stuck(Box::new(stuck)))
            }
        }
    }

    /// Claims what is due in any table, and says how it stands there now.
    pub(crate) async fn take(
        &self,
        action: &'static str,
        (table, key): (&str, &Key),
        claim: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Item, ClaimError> {
        let update = self
            .client
            .update_item()
            .table_name(table)
            .set_key(Some(key.attributes()))
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
        match outcome {
            Ok(updated) => Ok(updated.attributes.unwrap_or_default()),
            Err(error) => Err(match error.into_service_error() {
                UpdateItemError::ConditionalCheckFailedException(_) => ClaimError::Taken,
                error => unavailable(action, error).into(),
            }),
        }
    }

    /// Gives the claim back with the counts of faults and waits, and with
    /// whether the verdict was told; the validation is due again at `until`.
    pub async fn defer(&self, claimed: Claimed, until: Timestamp) -> Result<(), StoreError> {
        let validation = &claimed.validation;
        let change = Change::set("dueAt", item::millis(until))
            .and("faults", AttributeValue::N(validation.faults.to_string()))
            .and("waits", AttributeValue::N(validation.waits.to_string()))
            .remove(&["claim"]);
        let change = if validation.told {
            change.and("told", AttributeValue::Bool(true))
        } else {
            change
        };
        self.let_go("defer a validation", &claimed, change, DEFERRED)
            .await
    }

    /// Stores what is about to be answered, before it is.
    pub async fn intend(&self, claimed: &mut Claimed, intent: Intent) -> Result<(), StoreError> {
        let change = Change::set("intent", item::json_attribute(&intent));
        self.write("store an intent", claimed, change).await?;
        claimed.validation.intent = Some(intent);
        Ok(())
    }

    /// Stores how the approval ended. A person who decides against the verdict
    /// also teaches the ledger.
    pub async fn ended(&self, claimed: &mut Claimed, ending: Ending) -> Result<(), StoreError> {
        const ACTION: &str = "store how an approval ended";
        let change = Change::set("ending", item::json_attribute(&ending));
        match &ending {
            Ending::Person(person) if disagrees(&claimed.validation, person) => {
                self.write_and_teach(ACTION, claimed, &change, person)
                    .await?;
            }
            _ => self.write(ACTION, claimed, change).await?,
        }
        claimed.validation.ending = Some(ending);
        Ok(())
    }

    /// Stores that a person decided otherwise after our answer, and teaches the
    /// ledger.
    pub async fn overridden(
        &self,
        claimed: &mut Claimed,
        person: PersonsAnswer,
    ) -> Result<(), StoreError> {
        let change = Change::set("override", item::json_attribute(&person));
        self.write_and_teach("store a person's answer", claimed, &change, &person)
            .await?;
        claimed.validation.override_ = Some(person);
        Ok(())
    }

    /// Stores what became of the result hook.
    pub async fn hooked(&self, claimed: &mut Claimed, hook: Hook) -> Result<(), StoreError> {
        let change = Change::set("hook", item::word(hook));
        self.write("store what became of the result hook", claimed, change)
            .await?;
        claimed.validation.hook = hook;
        Ok(())
    }

    /// Ends the work on a validation: it leaves the index, or rests there where
    /// it gave up and its approval may still wait for a person.
    pub async fn settle(&self, claimed: Claimed) -> Result<(), StoreError> {
        let validation = &claimed.validation;
        let gave_up = matches!(validation.ending, Some(Ending::GaveUp { .. }));
        let change = Change::set("phase", item::word(Phase::Settled)).remove(&["claim"]);
        let change = if gave_up && validation.registration.approval.is_some() {
            change
                .and("dueShard", AttributeValue::S(RESTING.to_owned()))
                .and("dueAt", item::millis(validation.waits_until()))
        } else {
            change.remove(&["dueShard", "dueAt"])
        };
        self.let_go("settle a validation", &claimed, change, SETTLED)
            .await
    }

    /// The last write of a claim. It takes away what it is conditional on, so
    /// it leaves the claim's name in `trace`: the client repeats a write whose
    /// answer was lost on the way, and the repetition must recognise it.
    async fn let_go(
        &self,
        action: &'static str,
        claimed: &Claimed,
        change: Change,
        trace: &'static str,
    ) -> Result<(), StoreError> {
        let claim = AttributeValue::S(claimed.claim.clone());
        let change = change.and(trace, claim.clone());
        match self.update(claimed, &change).await {
            Ok(_) => Ok(()),
            Err(UpdateItemError::ConditionalCheckFailedException(refused))
                if refused.item().and_then(|item| item.get(trace)) == Some(&claim) =>
            {
                Ok(())
            }
            Err(error) => Err(refusal(action, error)),
        }
    }

    async fn write(
        &self,
        action: &'static str,
        claimed: &Claimed,
        change: Change,
    ) -> Result<(), StoreError> {
        match self.update(claimed, &change).await {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(action, error)),
        }
    }

    async fn update(
        &self,
        claimed: &Claimed,
        change: &Change,
    ) -> Result<UpdateItemOutput, UpdateItemError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.validations)
            .set_key(Some(claimed.key.attributes()))
            .update_expression(change.expression())
            .condition_expression(MINE)
            .set_expression_attribute_names(Some(change.names()))
            .set_expression_attribute_values(Some(change.values(&claimed.claim)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        giving_way(|| update.clone().send())
            .await
            .map_err(SdkError::into_service_error)
    }

    /// A person's word and what it teaches: their decision replaces the
    /// verdict's, so the revision is neither good nor bad by our measure.
    async fn write_and_teach(
        &self,
        action: &'static str,
        claimed: &Claimed,
        change: &Change,
        person: &PersonsAnswer,
    ) -> Result<(), StoreError> {
        let who = person.who.as_deref().unwrap_or("a person");
        let lesson = Lesson::overridden(format!("{} by {who}", person.status));
        let registration = &claimed.validation.registration;
        let mut attempts = self.attempts(action).await;
        loop {
            let mut writes = vec![self.claimed_update(claimed, change)];
            writes.extend(
                self.lessons(registration.taught(), registration.id, &lesson)
                    .await?,
            );
            if attempts.write(self, writes).await? == Attempt::Written {
                return Ok(());
            }
        }
    }

    pub(crate) fn claimed_update(&self, claimed: &Claimed, change: &Change) -> Write {
        Write::owned(
            Update::builder()
                .table_name(&self.validations)
                .set_key(Some(claimed.key.attributes()))
                .update_expression(change.expression())
                .condition_expression(MINE)
                .set_expression_attribute_names(Some(change.names()))
                .set_expression_attribute_values(Some(change.values(&claimed.claim))),
        )
    }
}

fn refusal(action: &'static str, error: UpdateItemError) -> StoreError {
    match error {
        UpdateItemError::ConditionalCheckFailedException(_) => StoreError::Lost,
        error => unavailable(action, error),
    }
}

/// Whether a person decided otherwise than the verdict says. Whoever agrees
/// with it says nothing new of the revision.
fn disagrees(validation: &Validation, person: &PersonsAnswer) -> bool {
    let answer = validation
        .judgement
        .as_ref()
        .map(|judgement| judgement.answer);
    !matches!(
        (answer, person.status.as_str()),
        (Some(Answer::Approve), "Approved") | (Some(Answer::Reject), "Rejected")
    )
}

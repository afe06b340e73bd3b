//! Validations as work: how they are put down, and the small writes that a claim
//! permits.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use release::approval::Answer;
use release::ledger::Lesson;
use release::validation::{Ending, Hook, Intent, PersonsAnswer, Phase, Validation};

use crate::claim::{Actions, Claimed, Kind, Record};
use crate::error::unavailable;
use crate::item;
use crate::item_update::ItemUpdate;
use crate::tables::RESTING;
use crate::transaction::{Attempt, Write};
use crate::{Store, StoreError};

impl Record for Validation {
    const KIND: Kind<Self> = Kind {
        table: |store| &store.validations,
        read: item::validation,
        counts: Validation::counts,
        count: Validation::count,
        deferred: |validation| {
            let change = ItemUpdate::counts(validation.counts());
            if validation.told {
                change.and("told", AttributeValue::Bool(true))
            } else {
                change
            }
        },
        settled,
        notices: |_| None,
        deferred_by: "deferredBy",
        settled_by: "settledBy",
        actions: Actions {
            find: "find due validations",
            claim: "claim a validation",
            defer: "defer a validation",
            settle: "settle a validation",
        },
    };
}

/// It leaves the index, or rests there where it gave up and its approval may
/// still wait for a person.
fn settled(validation: &Validation) -> ItemUpdate {
    let change = ItemUpdate::set("phase", item::word(Phase::Settled));
    let gave_up = matches!(validation.ending, Some(Ending::GaveUp { .. }));
    if gave_up && validation.registration.approval.is_some() {
        change
            .and("dueShard", AttributeValue::S(RESTING.to_owned()))
            .and("dueAt", item::millis(validation.waits_until()))
    } else {
        change.remove(&["dueShard", "dueAt"])
    }
}

impl Store {
    /// Stores what is about to be answered, before it is.
    pub async fn intend(
        &self,
        claimed: &mut Claimed<Validation>,
        intent: Intent,
    ) -> Result<(), StoreError> {
        let change = ItemUpdate::set("intent", item::json_attribute(&intent));
        self.write("store an intent", claimed, change).await?;
        claimed.intent = Some(intent);
        Ok(())
    }

    /// Stores how the approval ended. A person who decides against the verdict
    /// also teaches the ledger.
    pub async fn ended(
        &self,
        claimed: &mut Claimed<Validation>,
        ending: Ending,
    ) -> Result<(), StoreError> {
        const ACTION: &str = "store how an approval ended";
        let change = ItemUpdate::set("ending", item::json_attribute(&ending));
        match &ending {
            Ending::Person(person) if disagrees(claimed, person) => {
                self.write_and_teach(ACTION, claimed, &change, person)
                    .await?;
            }
            _ => self.write(ACTION, claimed, change).await?,
        }
        claimed.ending = Some(ending);
        Ok(())
    }

    /// Stores that a person decided otherwise after our answer, and teaches the
    /// ledger.
    pub async fn overridden(
        &self,
        claimed: &mut Claimed<Validation>,
        person: PersonsAnswer,
    ) -> Result<(), StoreError> {
        let change = ItemUpdate::set("override", item::json_attribute(&person));
        self.write_and_teach("store a person's answer", claimed, &change, &person)
            .await?;
        claimed.override_ = Some(person);
        Ok(())
    }

    /// Stores what became of the result hook.
    pub async fn hooked(
        &self,
        claimed: &mut Claimed<Validation>,
        hook: Hook,
    ) -> Result<(), StoreError> {
        let change = ItemUpdate::set("hook", item::word(hook));
        self.write("store what became of the result hook", claimed, change)
            .await?;
        claimed.hook = hook;
        Ok(())
    }

    async fn write(
        &self,
        action: &'static str,
        claimed: &Claimed<Validation>,
        change: ItemUpdate,
    ) -> Result<(), StoreError> {
        let written = self.update(&claimed.held, &change, None).await;
        written.map_err(|error| match error {
            UpdateItemError::ConditionalCheckFailedException(_) => StoreError::Lost,
            error => unavailable(action, error),
        })
    }

    /// A person's word and what it teaches: their decision replaces the
    /// verdict's, so the revision is neither good nor bad by our measure.
    async fn write_and_teach(
        &self,
        action: &'static str,
        claimed: &Claimed<Validation>,
        change: &ItemUpdate,
        person: &PersonsAnswer,
    ) -> Result<(), StoreError> {
        let who = person.who.as_deref().unwrap_or("a person");
        let lesson = Lesson::overridden(format!("{} by {who}", person.status));
        let registration = &claimed.registration;
        let mut attempts = self.attempts(action).await;
        loop {
            let mut writes = vec![Write::owned(claimed.held.update(change))];
            writes.extend(
                self.lessons(registration.taught(), registration.id, &lesson)
                    .await?,
            );
            if attempts.write(self, writes).await? == Attempt::Written {
                return Ok(());
            }
        }
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

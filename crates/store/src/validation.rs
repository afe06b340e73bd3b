//! Validations: how they are read and put down, and the small writes that a
//! claim permits.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use release::evidence::Evidence;
use release::ledger::Lesson;
use release::outbox::Entry;
use release::validation::{
    Answering, Ending, Intent, PersonsAnswer, Phase, Progress, Registration, Validation,
    ValidationId,
};

use crate::claim::Claimed;
use crate::error::unavailable;
use crate::held::Held;
use crate::item::{self, Key};
use crate::item_update::ItemUpdate;
use crate::kind::{Actions, Kind, Record};
use crate::spec::Spec;
use crate::tables::RESTING;
use crate::transaction::{Attempt, Write};
use crate::{Ledger, StoreError, Validations, packed, record};

impl Record for Validation {
    const KIND: Kind<Self> = Kind {
        read: record::validation::read,
        counts: |validation| validation.counts,
        count: |validation, counts| validation.counts = counts,
        deferred: |validation| {
            let mut change = ItemUpdate::counts(validation.counts);
            if validation.judged().is_some_and(|judged| judged.told) {
                change = change.and("told", AttributeValue::Bool(true));
            }
            if validation.result.as_ref().is_some_and(was_refused) {
                change = change.and_all(record::validation::result(validation));
            }
            change
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

/// Whether its receiver did not take it, and is tried again.
fn was_refused(result: &Entry) -> bool {
    result.is_owed() && 0 < result.attempts
}

/// It leaves the index, or rests there where it gave up and its approval may
/// still wait for a person.
fn settled(validation: &Validation) -> ItemUpdate {
    const INDEXED: [&str; 2] = ["dueShard", "dueAt"];
    let change = ItemUpdate::set("phase", record::validation::phase(Phase::Settled))
        .and_all(record::validation::result(validation));
    let Some(gave_up @ Ending::GaveUp { .. }) = validation.ending() else {
        return change.remove(&INDEXED);
    };
    let change = change.and("ending", record::answer::ending(gave_up));
    match validation.registration.approval {
        Some(_) => change
            .and("dueShard", AttributeValue::S(RESTING.to_owned()))
            .and("dueAt", item::millis(validation.waits_until())),
        None => change.remove(&INDEXED),
    }
}

impl Validations {
    /// The validation of this id.
    pub async fn validation(&self, id: ValidationId) -> Result<Option<Validation>, StoreError> {
        let Some(key) = self.locate(id).await? else {
            return Ok(None);
        };
        let found = self.table.get("read a validation", &key).await?;
        found.as_ref().map(record::validation::read).transpose()
    }

    /// What led to the verdict of this validation, once there is one.
    pub async fn evidence(&self, id: ValidationId) -> Result<Option<Evidence>, StoreError> {
        let Some(key) = self.locate(id).await? else {
            return Ok(None);
        };
        let found = self.table.get("read evidence", &key.evidence(id)).await?;
        found.as_ref().map(record::evidence::read).transpose()
    }

    /// The monspec of this hash.
    pub async fn spec(&self, hash: &str) -> Result<Option<String>, StoreError> {
        if let Some(known) = self.specs.text(hash) {
            return Ok(Some(known));
        }
        let found = self.table.get("read a monspec", &Key::spec(hash)).await?;
        let text = found.map(|item| packed::text(&item, "body")).transpose()?;
        if let Some(text) = &text {
            self.specs.remember(Spec::new(text.clone()));
        }
        Ok(text)
    }

    pub(crate) async fn locate(&self, id: ValidationId) -> Result<Option<Key>, StoreError> {
        let key = Key::locator(id);
        let found = self.table.get("locate a validation", &key).await?;
        found.map(|item| Key::target(&item)).transpose()
    }

    /// Stores what is about to be answered, before it is.
    pub async fn intend(
        &self,
        held: &Held,
        answering: &mut Answering<'_>,
        intent: Intent,
    ) -> Result<(), StoreError> {
        let change = ItemUpdate::set("intent", record::answer::intent(&intent));
        self.write("store an intent", held, change).await?;
        answering.judged.intent = Some(intent);
        Ok(())
    }

    /// Stores how the approval ended. A person who decides against the verdict
    /// also teaches the ledger.
    pub async fn ended(
        &self,
        ledger: &Ledger,
        held: &Held,
        answering: &mut Answering<'_>,
        ending: Ending,
    ) -> Result<(), StoreError> {
        const ACTION: &str = "store how an approval ended";
        let Answering {
            registration,
            judged,
            ..
        } = answering;
        let change = ItemUpdate::set("ending", record::answer::ending(&ending));
        let change = match ending.overridden() {
            Some(person) => change.and("override", record::answer::person(person)),
            None => change,
        };
        match judged.overruled(&ending) {
            Some(person) => {
                self.write_and_teach(ledger, ACTION, held, registration, &change, person)
                    .await?;
            }
            None => self.write(ACTION, held, change).await?,
        }
        judged.progress = Progress::Ended(ending);
        Ok(())
    }

    /// Stores what became of the result hook.
    pub async fn hooked(
        &self,
        claimed: &mut Claimed<Validation>,
        result: Entry,
    ) -> Result<(), StoreError> {
        let before = claimed.result.replace(result);
        let change = record::validation::result(claimed);
        let action = "store what became of the result hook";
        let written = self.write(action, &claimed.held, change).await;
        if written.is_err() {
            claimed.result = before;
        }
        written
    }

    async fn write(
        &self,
        action: &'static str,
        held: &Held,
        change: ItemUpdate,
    ) -> Result<(), StoreError> {
        let written = self.queue().update(held, &change, None).await;
        written.map_err(|error| match error {
            UpdateItemError::ConditionalCheckFailedException(_) => StoreError::Lost,
            error => unavailable(action, error),
        })
    }

    /// A person's word and what it teaches: their decision replaces the
    /// verdict's, so the revision is neither good nor bad by our measure.
    async fn write_and_teach(
        &self,
        ledger: &Ledger,
        action: &'static str,
        held: &Held,
        registration: &Registration,
        change: &ItemUpdate,
        person: &PersonsAnswer,
    ) -> Result<(), StoreError> {
        let who = person.who.as_deref().unwrap_or("a person");
        let lesson = Lesson::overridden(format!("{} by {who}", person.status));
        let mut attempts = ledger.attempts(action).await;
        loop {
            let mut writes = vec![Write::owned(held.update(change))];
            writes.extend(
                ledger
                    .lessons(registration.taught(), registration.id, &lesson)
                    .await?,
            );
            if attempts.write(writes).await? == Attempt::Written {
                return Ok(());
            }
        }
    }
}

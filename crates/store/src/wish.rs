//! A person's wish for a validation that answered nothing.
//!
//! It is written without a claim, like a registration: a worker that holds one
//! finds it lost, and calls nothing, because every call follows a write that is
//! conditional on the claim.

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use jiff::Timestamp;
use release::approval::Answer;
use release::ledger::Lesson;
use release::validation::wish::{Unfulfilled, Wish};
use release::validation::{PersonsDecision, Validation, ValidationId};

use crate::item::{self, Item, Key, STUCK_SINCE};
use crate::item_update::ItemUpdate;
use crate::stuck::{PANICS, UNREADABLE};
use crate::tables::{shard_key, shard_of};
use crate::transaction::{Attempt, Write};
use crate::{Ledger, StoreError, Validations, record};

/// What became of a wish.
#[derive(Clone, Debug, PartialEq)]
pub enum Fulfilled {
    /// It is stored; the next tick acts on it.
    Now(Box<Validation>),
    /// It had been, by whom the validation names, and it has not given up since.
    Already(Box<Validation>),
    /// It cannot be.
    Not(Box<Validation>, Unfulfilled),
    /// There is no such validation.
    Unknown,
}

impl Validations {
    /// Stores a person's wish with everything that follows from it, all or
    /// nothing, and makes the validation due.
    pub async fn wish(
        &self,
        ledger: &Ledger,
        id: ValidationId,
        wish: Wish,
        word: &PersonsDecision,
    ) -> Result<Fulfilled, StoreError> {
        const ACTION: &str = "store what a person wants of a validation";
        let Some(key) = self.locate(id).await? else {
            return Ok(Fulfilled::Unknown);
        };
        let mut attempts = ledger.attempts(ACTION).await;
        loop {
            let Some(read) = self.table.get("read a validation", &key).await? else {
                return Ok(Fulfilled::Unknown);
            };
            let validation = record::validation::read(&read)?;
            let fulfilled = match validation.fulfilled(wish, word) {
                Ok(fulfilled) => fulfilled,
                Err(refused) => {
                    let is_released = validation.released().is_some();
                    let validation = Box::new(validation);
                    return Ok(match wish {
                        Wish::Release if is_released => Fulfilled::Already(validation),
                        Wish::Release | Wish::Rejudge => Fulfilled::Not(validation, refused),
                    });
                }
            };
            let slot = Key::slot(&validation.registration);
            if let Some(slot) = &slot
                && !self.holds(slot, id).await?
            {
                return Ok(Fulfilled::Not(Box::new(validation), Unfulfilled::Over));
            }
            let goes_on = wish == Wish::Rejudge && validation.is_decided();
            let due = due(&fulfilled, word.at);
            let change = match wish {
                Wish::Rejudge if goes_on => due,
                Wish::Rejudge => judged_again(due, &fulfilled),
                Wish::Release => due
                    .and("phase", record::validation::phase(fulfilled.phase()))
                    .and("released", record::answer::decision(word))
                    .remove(&["ending"]),
            };
            let mut writes = vec![self.as_read(&key, &read, &change)];
            let slot = slot.filter(|_| !goes_on);
            writes.extend(slot.map(|slot| self.say_in(&slot, id, wish)));
            if wish == Wish::Release {
                let by = format!("released by {}: {}", word.who, word.why);
                let lesson = Lesson::overridden(by);
                let taught = validation.registration.taught();
                writes.extend(ledger.lessons(taught, id, &lesson).await?);
            }
            if attempts.write(writes).await? == Attempt::Written {
                return Ok(Fulfilled::Now(Box::new(fulfilled)));
            }
        }
    }

    /// Whether the slot is still this validation's.
    async fn holds(&self, slot: &Key, id: ValidationId) -> Result<bool, StoreError> {
        let slot = self.table.get("read a slot", slot).await?;
        let holder: Option<ValidationId> = slot.map(|slot| item::plain(&slot, "id")).transpose()?;
        Ok(holder == Some(id))
    }

    /// The change of a validation on which nobody decided anything since it was
    /// read. Who has its claim is of no concern.
    fn as_read(&self, key: &Key, read: &Item, change: &ItemUpdate) -> Write {
        let mut condition = vec!["phase = :was_phase".to_owned()];
        let mut update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(key.attributes()))
            .update_expression(change.expression())
            .set_expression_attribute_names(Some(change.names()))
            .set_expression_attribute_values(Some(change.plain_values()));
        if let Some(phase) = read.get("phase") {
            update = update.expression_attribute_values(":was_phase", phase.clone());
        }
        for name in ["judgement", "intent", "ending", "released", "rejudged"] {
            match read.get(name) {
                Some(value) => {
                    condition.push(format!("{name} = :was_{name}"));
                    update =
                        update.expression_attribute_values(format!(":was_{name}"), value.clone());
                }
                None => condition.push(format!("attribute_not_exists({name})")),
            }
        }
        Write::reread(update.condition_expression(condition.join(" AND ")))
    }

    fn say_in(&self, slot: &Key, id: ValidationId, wish: Wish) -> Write {
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(slot.attributes()))
            .condition_expression("id = :id")
            .expression_attribute_values(":id", item::word(id));
        Write::reread(match wish {
            Wish::Rejudge => update.update_expression("REMOVE answer"),
            Wish::Release => update
                .update_expression("SET answer = :answer")
                .expression_attribute_values(":answer", item::word(Answer::Approve)),
        })
    }
}

/// Makes a validation due that is taken up again, as if nobody had looked at it
/// in vain.
fn due(validation: &Validation, now: Timestamp) -> ItemUpdate {
    let id = validation.registration.id.to_string();
    ItemUpdate::counts(validation.counts)
        .and("dueShard", AttributeValue::S(shard_key(shard_of(&id))))
        .and("dueAt", item::millis(now))
        .remove(&["claim", PANICS, UNREADABLE, STUCK_SINCE])
}

/// What is judged again has neither verdict nor answer.
fn judged_again(due: ItemUpdate, validation: &Validation) -> ItemUpdate {
    due.and("phase", record::validation::phase(validation.phase()))
        .and("rejudged", record::answer::decisions(&validation.rejudged))
        .and_all(record::validation::result(validation))
        // The last two were written by earlier versions.
        .remove(&["ending", "judgement", "plot", "told", "verdict", "judgedAt"])
}

//! Claims: the right to work on one validation, and the writes it permits.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem, Update};
use jiff::Timestamp;
use monspec::{Outcome, Verdict};
use release::approval::Answer;
use release::deployment::Standing;
use release::evidence::Evidence;
use release::validation::{
    ApprovalAction, Ending, Hook, Intent, Judgement, PersonsAnswer, Phase, Registration,
    Validation, ValidationId,
};

use crate::error::unavailable;
use crate::item::{self, Item, Key};
use crate::ledger::{Lesson, by_validation};
use crate::packed::pack_json;
use crate::register::{condition_failed, expiring};
use crate::{Due, Store, StoreError};

/// How often a transaction is tried again when the ledger moved under it.
const ATTEMPTS: usize = 4;

/// A validation that this worker owns until its lease ends. Only
/// [`Store::claim`] makes one, through a conditional write.
#[derive(Debug)]
pub struct Claimed {
    /// The validation as it was read or last written.
    pub validation: Validation,
    key: Key,
    claim: String,
}

/// Why a validation could not be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another worker was first, or it is no longer due; the caller moves on.
    #[error("the validation is already claimed")]
    Taken,
    /// The claim could not be written or read back.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One point of a chart: the numbers of one signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Plotted {
    /// Names the signature across builds.
    pub name: String,
    /// How it was judged.
    pub outcome: Outcome,
    /// The number of the new build.
    pub observation: Option<f64>,
    /// The number it was held against.
    pub baseline: Option<f64>,
    /// The limit above.
    pub upper_limit: Option<f64>,
    /// The limit below.
    pub lower_limit: Option<f64>,
}

impl Store {
    /// Takes a due validation until `lease_until`.
    pub async fn claim(
        &self,
        due: &Due,
        claim: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Claimed, ClaimError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.validations)
            .set_key(Some(due.key.attributes()))
            .update_expression("SET claim = :claim, dueAt = :lease")
            .condition_expression("attribute_exists(dueShard) AND dueAt <= :now")
            .expression_attribute_values(":claim", AttributeValue::S(claim.to_owned()))
            .expression_attribute_values(":lease", item::millis(lease_until))
            .expression_attribute_values(":now", item::millis(now))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let item = match outcome {
            Ok(updated) => updated.attributes.unwrap_or_default(),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_dynamodb::operation::update_item::UpdateItemError::is_conditional_check_failed_exception) =>
            {
                return Err(ClaimError::Taken);
            }
            Err(error) => return Err(unavailable("claim a validation", error).into()),
        };
        Ok(Claimed {
            validation: item::validation(&item)?,
            key: due.key.clone(),
            claim: claim.to_owned(),
        })
    }

    /// Gives the claim back; the validation is due again at `until`.
    pub async fn defer(&self, claimed: Claimed, until: Timestamp) -> Result<(), StoreError> {
        let validation = &claimed.validation;
        let change = Change::set("dueAt", item::millis(until))
            .and("faults", AttributeValue::N(validation.faults.to_string()))
            .and("waits", AttributeValue::N(validation.waits.to_string()))
            .remove(&["claim"]);
        self.write("defer a validation", &claimed, change).await
    }

    /// Stores the verdict with its evidence, tells the slot and teaches the
    /// ledger, all or nothing.
    pub async fn judged(
        &self,
        claimed: &mut Claimed,
        judgement: Judgement,
        evidence: &Evidence,
        plot: &[Plotted],
    ) -> Result<(), StoreError> {
        let lesson = lesson(claimed.validation.registration.id, evidence);
        let change = Change::set("phase", item::word(Phase::Judged))
            .and("judgement", item::json_attribute(&judgement))
            .and("verdict", item::word(judgement.verdict))
            .and("judgedAt", item::millis(judgement.at))
            .and(
                "plot",
                AttributeValue::L(plot.iter().map(plotted).collect()),
            )
            .and("faults", AttributeValue::N("0".to_owned()))
            .and("waits", AttributeValue::N("0".to_owned()));
        for _ in 0..ATTEMPTS {
            let mut writes = vec![
                self.claimed_update(claimed, &change),
                self.put_evidence(claimed, evidence),
                self.put_catalogue(claimed, &judgement),
            ];
            if let Some(slot) = Key::slot(&claimed.validation.registration) {
                writes.push(self.answer_slot(&slot, claimed, judgement.answer));
            }
            let deployments = &claimed.validation.registration.deployments;
            writes.extend(self.lessons(deployments, &lesson).await?);
            let outcome = self
                .client
                .transact_write_items()
                .set_transact_items(Some(writes))
                .send()
                .await;
            match outcome {
                Ok(_) => {
                    claimed.validation.phase = Phase::Judged;
                    claimed.validation.judgement = Some(judgement);
                    claimed.validation.faults = 0;
                    claimed.validation.waits = 0;
                    return Ok(());
                }
                Err(error) if condition_failed(&error) => {}
                Err(error) => return Err(unavailable("store a verdict", error)),
            }
        }
        Err(StoreError::Lost)
    }

    /// Stores what is about to be answered, before it is.
    pub async fn intend(&self, claimed: &mut Claimed, intent: Intent) -> Result<(), StoreError> {
        let change = Change::set("intent", item::json_attribute(&intent));
        self.write("store an intent", claimed, change).await?;
        claimed.validation.intent = Some(intent);
        Ok(())
    }

    /// Stores how the approval ended.
    pub async fn ended(&self, claimed: &mut Claimed, ending: Ending) -> Result<(), StoreError> {
        let change = Change::set("ending", item::json_attribute(&ending));
        match &ending {
            Ending::Person(person) => self.write_human(claimed, change, person).await?,
            _ => {
                self.write("store how an approval ended", claimed, change)
                    .await?;
            }
        }
        claimed.validation.ending = Some(ending);
        Ok(())
    }

    /// Stores that a person decided otherwise after our answer.
    pub async fn overridden(
        &self,
        claimed: &mut Claimed,
        person: PersonsAnswer,
    ) -> Result<(), StoreError> {
        let change = Change::set("override", item::json_attribute(&person));
        self.write_human(claimed, change, &person).await?;
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

    /// Ends the work on a validation: it leaves the index.
    pub async fn settle(&self, claimed: Claimed) -> Result<(), StoreError> {
        let change = Change::set("phase", item::word(Phase::Settled))
            .remove(&["dueShard", "dueAt", "claim"]);
        self.write("settle a validation", &claimed, change).await
    }

    /// The answers of all validations registered for the same approval of the
    /// same execution, this one included.
    pub async fn answers(&self, claimed: &Claimed) -> Result<Vec<Option<Answer>>, StoreError> {
        let registration = &claimed.validation.registration;
        let Some(execution) = registration.execution.as_deref() else {
            return Ok(vec![
                claimed
                    .validation
                    .judgement
                    .as_ref()
                    .map(|judgement| judgement.answer),
            ]);
        };
        let mut answers = Vec::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.validations)
            .key_condition_expression("pk = :slots AND begins_with(sk, :slot)")
            .expression_attribute_values(
                ":slots",
                AttributeValue::S(item::slots(&registration.pipeline, execution)),
            )
            .expression_attribute_values(":slot", AttributeValue::S("slot#".to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(slot) = pages.next().await {
            let slot =
                slot.map_err(|error| unavailable("read the validations of an approval", error))?;
            let approval: Option<ApprovalAction> = item::optional_json(&slot, "approval")?;
            if approval == registration.approval {
                answers.push(
                    slot.get("answer")
                        .map(|_| item::plain(&slot, "answer"))
                        .transpose()?,
                );
            }
        }
        Ok(answers)
    }

    async fn write(
        &self,
        action: &'static str,
        claimed: &Claimed,
        change: Change,
    ) -> Result<(), StoreError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.validations)
            .set_key(Some(claimed.key.attributes()))
            .update_expression(change.expression())
            .condition_expression("claim = :mine")
            .set_expression_attribute_names(Some(change.names()))
            .set_expression_attribute_values(Some(change.values(&claimed.claim)))
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_dynamodb::operation::update_item::UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Err(StoreError::Lost)
            }
            Err(error) => Err(unavailable(action, error)),
        }
    }

    /// A person's word and what it teaches: their decision replaces the
    /// verdict's, so the revision is neither good nor bad by our measure.
    async fn write_human(
        &self,
        claimed: &Claimed,
        change: Change,
        person: &PersonsAnswer,
    ) -> Result<(), StoreError> {
        let lesson = Lesson {
            standing: Standing::Unknown,
            by: format!(
                "{} by {}",
                person.status,
                person.who.as_deref().unwrap_or("a person")
            ),
        };
        for _ in 0..ATTEMPTS {
            let mut writes = vec![self.claimed_update(claimed, &change)];
            let Registration {
                id, deployments, ..
            } = &claimed.validation.registration;
            writes.extend(self.lessons_of_a_person(deployments, *id, &lesson).await?);
            let outcome = self
                .client
                .transact_write_items()
                .set_transact_items(Some(writes))
                .send()
                .await;
            match outcome {
                Ok(_) => return Ok(()),
                Err(error) if condition_failed(&error) => {}
                Err(error) => return Err(unavailable("store a person's answer", error)),
            }
        }
        Err(StoreError::Lost)
    }

    fn claimed_update(&self, claimed: &Claimed, change: &Change) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.validations)
            .set_key(Some(claimed.key.attributes()))
            .update_expression(change.expression())
            .condition_expression("claim = :mine")
            .set_expression_attribute_names(Some(change.names()))
            .set_expression_attribute_values(Some(change.values(&claimed.claim)))
            .build()
            .expect("table, key and expression are given");
        TransactWriteItem::builder().update(update).build()
    }

    fn put_evidence(&self, claimed: &Claimed, evidence: &Evidence) -> TransactWriteItem {
        let registration = &claimed.validation.registration;
        let mut item = claimed.key.evidence(registration.id).attributes();
        item.insert("body".to_owned(), pack_json(evidence));
        let put = Put::builder()
            .table_name(&self.validations)
            .set_item(Some(expiring(item, registration)))
            .build()
            .expect("table and item are given");
        TransactWriteItem::builder().put(put).build()
    }

    fn put_catalogue(&self, claimed: &Claimed, judgement: &Judgement) -> TransactWriteItem {
        let registration = &claimed.validation.registration;
        let mut item = Key::catalogue(registration).attributes();
        let attributes = [
            ("pipeline", AttributeValue::S(registration.pipeline.clone())),
            (
                "comparison",
                AttributeValue::S(registration.comparison.clone()),
            ),
            ("id", item::word(registration.id)),
            ("verdict", item::word(judgement.verdict)),
            ("version", AttributeValue::S(registration.version.clone())),
            ("judgedAt", item::millis(judgement.at)),
        ];
        for (name, value) in attributes {
            item.insert(name.to_owned(), value);
        }
        let put = Put::builder()
            .table_name(&self.validations)
            .set_item(Some(expiring(item, registration)))
            .build()
            .expect("table and item are given");
        TransactWriteItem::builder().put(put).build()
    }

    fn answer_slot(&self, slot: &Key, claimed: &Claimed, answer: Answer) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.validations)
            .set_key(Some(slot.attributes()))
            .update_expression("SET answer = :answer")
            .condition_expression("id = :id")
            .expression_attribute_values(":answer", item::word(answer))
            .expression_attribute_values(":id", item::word(claimed.validation.registration.id))
            .build()
            .expect("table, key and expression are given");
        TransactWriteItem::builder().update(update).build()
    }
}

/// What a verdict teaches the ledger. A first release had nothing to be held
/// against, so it proves nothing.
fn lesson(id: ValidationId, evidence: &Evidence) -> Lesson {
    let first_release = evidence
        .findings
        .iter()
        .any(|finding| finding.finding.accepted);
    let standing = match evidence.verdict {
        Verdict::Passed if !first_release => Standing::Good,
        Verdict::Failed => Standing::Bad,
        Verdict::Passed | Verdict::Inconclusive => Standing::Unknown,
    };
    Lesson {
        standing,
        by: format!("{} ({})", by_validation(id), evidence.verdict),
    }
}

fn plotted(point: &Plotted) -> AttributeValue {
    let mut map = HashMap::from([
        ("name".to_owned(), AttributeValue::S(point.name.clone())),
        ("outcome".to_owned(), item::word(point.outcome)),
    ]);
    let numbers = [
        ("observation", point.observation),
        ("baseline", point.baseline),
        ("upperLimit", point.upper_limit),
        ("lowerLimit", point.lower_limit),
    ];
    for (name, number) in numbers {
        if let Some(number) = number.filter(|number| plottable(*number)) {
            map.insert(name.to_owned(), AttributeValue::N(number.to_string()));
        }
    }
    AttributeValue::M(map)
}

/// Whether DynamoDB can hold the number; no chart could show the others.
fn plottable(number: f64) -> bool {
    number == 0.0 || (1e-30..1e30).contains(&number.abs())
}

/// An update of one item: attributes to set, attributes to remove.
struct Change {
    set: Vec<(&'static str, AttributeValue)>,
    remove: &'static [&'static str],
}

impl Change {
    fn set(name: &'static str, value: AttributeValue) -> Self {
        Self {
            set: vec![(name, value)],
            remove: &[],
        }
    }

    fn and(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.set.push((name, value));
        self
    }

    fn remove(mut self, names: &'static [&'static str]) -> Self {
        self.remove = names;
        self
    }

    /// Names are always replaced: some of ours are reserved words.
    fn expression(&self) -> String {
        let set: Vec<String> = (0..self.set.len())
            .map(|index| format!("#s{index} = :s{index}"))
            .collect();
        let mut expression = format!("SET {}", set.join(", "));
        if !self.remove.is_empty() {
            expression.push_str(" REMOVE ");
            expression.push_str(&self.remove.join(", "));
        }
        expression
    }

    fn names(&self) -> HashMap<String, String> {
        let names = self.set.iter().enumerate();
        names
            .map(|(index, (name, _))| (format!("#s{index}"), (*name).to_owned()))
            .collect()
    }

    fn values(&self, claim: &str) -> Item {
        let values = self.set.iter().enumerate();
        values
            .map(|(index, (_, value))| (format!(":s{index}"), value.clone()))
            .chain([(":mine".to_owned(), AttributeValue::S(claim.to_owned()))])
            .collect()
    }
}

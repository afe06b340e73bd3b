//! A verdict and everything that has to be known with it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, Update};
use release::approval::Answer;
use release::deployment::Deployment;
use release::evidence::Evidence;
use release::ledger::Lesson;
use release::plot::Plotted;
use release::validation::{
    self, Intent, Judgement, Phase, Registration, State, Validation, ValidationId,
};
use release::work::Counts;

use crate::claim::Claimed;
use crate::entry::Entry;
use crate::item::{self, Item, Key, expiring};
use crate::item_update::ItemUpdate;
use crate::transaction::{Attempt, Write};
use crate::{Ledger, StoreError, Validations, record};

/// What a verdict is written beside, and has to be read before.
#[derive(Debug)]
pub struct Beside {
    catalogued: Option<Item>,
    entries: Vec<Entry>,
}

/// A verdict and what is stored with it.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The verdict and its answer.
    pub judgement: Judgement,
    /// What led to it.
    pub evidence: &'a Evidence,
    /// Its numbers for charts.
    pub plot: &'a [Plotted],
    /// What is about to be answered, where that is known already.
    pub intent: Option<Intent>,
    /// What was read ahead; without it, it is read now.
    pub beside: Option<Beside>,
}

impl Beside {
    /// For these deployments alone, with what was learnt of them since it was
    /// read.
    fn with(mut self, deployments: &[Deployment]) -> Self {
        let is_wanted = |entry: &Entry| deployments.iter().any(|one| entry.is(one));
        self.entries.retain(is_wanted);
        for entry in &mut self.entries {
            for deployment in deployments {
                if entry.is(deployment) {
                    entry.learn_what_it_is(deployment);
                }
            }
        }
        self
    }
}

impl Validations {
    /// Reads what the verdict of a validation will be written beside.
    pub async fn beside_verdict(
        &self,
        ledger: &Ledger,
        registration: &Registration,
    ) -> Result<Beside, StoreError> {
        // On the heap: several requests under way are too large for a stack.
        let read = Box::pin(async {
            tokio::try_join!(
                self.gate_item(registration),
                ledger.entries(registration.taught()),
            )
        });
        let (catalogued, entries) = read.await?;
        Ok(Beside {
            catalogued,
            entries,
        })
    }

    /// Stores the verdict with its evidence, tells the slot and the catalogue
    /// and teaches the ledger, all or nothing.
    pub async fn judged(
        &self,
        ledger: &Ledger,
        claimed: &mut Claimed<Validation>,
        judgement: Judgement,
        evidence: &Evidence,
        plot: &[Plotted],
    ) -> Result<(), StoreError> {
        let judged = Judged {
            judgement,
            evidence,
            plot,
            intent: None,
            beside: None,
        };
        self.judged_with(ledger, claimed, judged).await
    }

    /// The same with more that is known.
    pub async fn judged_with(
        &self,
        ledger: &Ledger,
        claimed: &mut Claimed<Validation>,
        judged: Judged<'_>,
    ) -> Result<(), StoreError> {
        let Judged {
            judgement,
            evidence,
            plot,
            intent,
            mut beside,
        } = judged;
        let registration = &claimed.registration;
        let lesson = Lesson::of_verdict(registration.id, evidence);
        let change = change(&judgement, plot);
        let change = match &intent {
            Some(intent) => change.and("intent", record::answer::intent(intent)),
            None => change,
        };
        let mut attempts = ledger.attempts("store a verdict").await;
        loop {
            let mut writes = vec![
                Write::owned(claimed.held.update(&change)),
                self.put_evidence(claimed, evidence),
            ];
            if let Some(slot) = Key::slot(registration) {
                writes.push(self.answer_slot(&slot, registration.id, judgement.answer));
            }
            let Beside {
                catalogued,
                entries,
            } = match beside.take() {
                Some(beside) => beside.with(registration.taught()),
                None => self.beside_verdict(ledger, registration).await?,
            };
            writes.extend(self.catalogue_verdict(catalogued.as_ref(), registration, &judgement)?);
            writes.extend(ledger.taught(entries, registration.id, &lesson));
            if attempts.write(writes).await? == Attempt::Written {
                break;
            }
        }
        claimed.state = State::Judged(validation::Judged::new(judgement, intent));
        claimed.count(Counts::default());
        Ok(())
    }

    fn put_evidence(&self, claimed: &Claimed<Validation>, evidence: &Evidence) -> Write {
        let registration = &claimed.registration;
        let mut item = claimed.held.key.evidence(registration.id).attributes();
        item.insert("body".to_owned(), record::evidence::attribute(evidence));
        Write::put(
            Put::builder()
                .table_name(&self.table.name)
                .set_item(Some(expiring(item, registration))),
        )
    }

    fn answer_slot(&self, slot: &Key, id: ValidationId, answer: Answer) -> Write {
        Write::owned(
            Update::builder()
                .table_name(&self.table.name)
                .set_key(Some(slot.attributes()))
                .update_expression("SET answer = :answer")
                .condition_expression("id = :id")
                .expression_attribute_values(":answer", item::word(answer))
                .expression_attribute_values(":id", item::word(id)),
        )
    }
}

/// What a verdict changes in the validation itself.
fn change(judgement: &Judgement, plot: &[Plotted]) -> ItemUpdate {
    let plot = plot.iter().map(plotted).collect();
    ItemUpdate::counts(Counts::default())
        .and("phase", record::validation::phase(Phase::Judged))
        .and("judgement", record::validation::judgement(judgement))
        .and("plot", AttributeValue::L(plot))
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
            // Adding zero turns a negative zero into the only zero a chart knows.
            let number = AttributeValue::N((number + 0.0).to_string());
            map.insert(name.to_owned(), number);
        }
    }
    AttributeValue::M(map)
}

/// Whether DynamoDB can hold the number; no chart could show the others.
fn plottable(number: f64) -> bool {
    number == 0.0 || (1e-30..1e30).contains(&number.abs())
}

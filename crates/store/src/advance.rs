//! One step of an answer to a problem: the document and what it does to the
//! ledger, written together or not at all.

use aws_sdk_dynamodb::types::AttributeValue;
use release::ledger::Effect;

use crate::effect::Planned;
use crate::entry::Reading;
use crate::followed::ClaimedProblem;
use crate::item;
use crate::item_update::{ItemUpdate, MINE};
use crate::problem_list::listing;
use crate::problems::expiry;
use crate::transaction::{Attempt, Write};
use crate::{Ledger, Remediations, StoreError, record};

/// What became of a step.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// Everything is stored.
    Written,
    /// Nothing is stored, because something that the effects rest on has
    /// changed: read again and decide anew.
    Stale,
}

impl Remediations {
    /// Stores the document of a claimed problem and what it does to the ledger,
    /// all or nothing.
    ///
    /// Where nothing could be stored, the document in hand is put back to the
    /// one that is, so that nothing half-decided is stored later.
    pub async fn advance(
        &self,
        ledger: &Ledger,
        claimed: &mut ClaimedProblem,
        effects: &[Effect],
    ) -> Result<Advanced, StoreError> {
        self.advance_on(ledger, claimed, effects, &[]).await
    }

    /// The same, resting on what was read of deployments before. It is read
    /// again only where it does not hold any more.
    pub async fn advance_on(
        &self,
        ledger: &Ledger,
        claimed: &mut ClaimedProblem,
        effects: &[Effect],
        readings: &[Reading],
    ) -> Result<Advanced, StoreError> {
        let outcome = Self::step(ledger, claimed, effects, readings).await;
        if let Ok(Advanced::Written) = outcome {
            claimed.stored = claimed.problem.clone();
            claimed.revision += 1;
        } else {
            claimed.problem = claimed.stored.clone();
        }
        outcome
    }

    async fn step(
        ledger: &Ledger,
        claimed: &ClaimedProblem,
        effects: &[Effect],
        mut readings: &[Reading],
    ) -> Result<Advanced, StoreError> {
        let mut attempts = ledger.attempts("store a step of an answer").await;
        let mut again = false;
        loop {
            let listed = listing(&claimed.held.table, &claimed.problem);
            let mut writes = vec![document(claimed), listed];
            let planned = ledger.planned(&claimed.stored.id, effects, readings, again);
            match planned.await? {
                Planned::Writes(planned) => writes.extend(planned),
                Planned::Stale => return Ok(Advanced::Stale),
            }
            if attempts.write(writes).await? == Attempt::Written {
                return Ok(Advanced::Written);
            }
            (readings, again) = (&[], true);
        }
    }
}

fn document(claimed: &ClaimedProblem) -> Write {
    let problem = &claimed.problem;
    let number = |number: u64| AttributeValue::N(number.to_string());
    let change = ItemUpdate::counts(problem.counts())
        .and("problem", record::problem::attribute(problem))
        .and("revision", number(claimed.revision + 1))
        .and("expiresAt", item::seconds(expiry(problem)));
    Write::owned(
        claimed
            .held
            .update(&change)
            .condition_expression(format!("{MINE} AND revision = :revision"))
            .expression_attribute_values(":revision", number(claimed.revision)),
    )
}

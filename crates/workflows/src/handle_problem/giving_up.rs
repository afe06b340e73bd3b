//! Ending what can be brought to no better end.

use release::problem::Cause;
use release::remediation::give_up;
use release::runbook;
use store::{Advanced, ClaimedProblem, StoreError};

use super::tools::Pass;
use super::{comments, rules, running, words};

impl Pass<'_> {
    /// Ends what is still owed in states that can be seen, and says so once.
    pub(super) async fn give_up(&self, claimed: &mut ClaimedProblem) -> Result<(), StoreError> {
        let now = self.tick.now;
        let ledger = &self.services.ledger;
        let remediations = &self.services.remediations;
        let limits = self.services.healing.limits;
        for _ in 0..4 {
            let mut problem = claimed.problem.clone();
            let mut effects = Vec::new();
            let mut said = Vec::new();
            if problem.cause == Cause::Pending {
                problem.cause = Cause::GaveUp;
                said.push(words::cause_unknown());
            }
            for remediation in &mut problem.remediations {
                let guard = ledger.guard(&remediation.culprit.place()).await?;
                let Some(what) = give_up(remediation, &claimed.problem.id, &guard, limits, now)
                else {
                    continue;
                };
                said.extend(words::of(&claimed.problem, remediation, &what, &[]));
                remediation.take(&what);
                effects.extend(what.effects);
            }
            said.extend(rules::give_up(&mut problem));
            for run in &mut problem.runs {
                let guard = ledger.guard(&run.place()).await?;
                let Some(what) = runbook::give_up(run, &guard, now) else {
                    continue;
                };
                running::raise(&what, &claimed.problem.id, run);
                said.extend(runbook::words::of(run, &what));
                run.take(&what);
                effects.extend(what.effects);
            }
            for text in said {
                problem.say(text, now);
            }
            claimed.problem = problem;
            if remediations.advance(ledger, claimed, &effects).await? == Advanced::Written {
                let older = claimed.problem.comments.len();
                comments::post(self, claimed, older).await?;
                return Ok(());
            }
        }
        Err(StoreError::Unavailable {
            action: "give a problem up",
            cause: "the ledger kept changing".into(),
        })
    }
}

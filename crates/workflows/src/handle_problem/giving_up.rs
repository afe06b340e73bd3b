//! Ending what can be brought to no better end, as [`release::problem::giving_up`]
//! says.

use futures_util::future::try_join_all;
use release::problem::giving_up::{Ended, give_up, guarded};
use release::problem::{Cause, Problem};
use release::runbook;
use store::{Advanced, ClaimedProblem, StoreError};

use super::tools::Pass;
use super::{comments, rules, running, words};

impl Pass<'_> {
    /// Ends what is still owed in states that can be seen, and says so once.
    pub(super) async fn give_up(&self, claimed: &mut ClaimedProblem) -> Result<(), StoreError> {
        rules::leave_watched(self, &claimed.problem).await?;
        let now = self.tick.now;
        let ledger = &self.services.ledger;
        let remediations = &self.services.remediations;
        let limits = self.services.healing.limits;
        for _ in 0..4 {
            let guards = guarded(&claimed.problem).map(async |place| {
                let guard = ledger.guard(&place).await?;
                Ok::<_, StoreError>((place, guard))
            });
            let guards: Vec<_> = guards.collect();
            let guards = try_join_all(guards).await?.into_iter().collect();
            let mut effects = Vec::new();
            for ended in give_up(&claimed.problem, &guards, limits, now) {
                let said = said(&claimed.problem, &ended);
                effects.extend_from_slice(ended.effects());
                claimed.problem.end(ended);
                if let Some(text) = said {
                    claimed.problem.say(text, now);
                }
            }
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

/// What is said of something that ends, and a person is called where that is due.
fn said(problem: &Problem, ended: &Ended) -> Option<String> {
    match ended {
        Ended::Cause(Cause::GaveUp) => Some(words::cause_unknown()),
        Ended::Cause(_) => None,
        Ended::Remediation(index, what) => {
            words::of(problem, &problem.remediations[*index], what, &[])
        }
        Ended::Application(index, state) => rules::said(&problem.applications[*index], state),
        Ended::Run(index, what) => {
            let run = &problem.runs[*index];
            running::raise(what, &problem.id, run);
            runbook::words::of(problem, run, what)
        }
    }
}

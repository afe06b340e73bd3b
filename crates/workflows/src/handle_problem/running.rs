//! One run of a runbook, taken as far as it goes. [`release::runbook::step`]
//! decides; what it asks for is found out here, what it says is written, and what
//! it calls is called.

use jiff::SignedDuration;
use release::ledger::Effect;
use release::problem::{Problem, Reported};
use release::runbook::{Attempt, Call, JobAt, Move, Observed, Question, Run, Said, Situation};
use release::runbook::{State, Step, step, words};
use release::window::saturating_add;
use release::work::Wait;
use store::{Advanced, ClaimedProblem};

use super::healing::Tenant;
use super::tools::Pass;
use crate::remedy::runbook::Asking;

/// How many steps one pass may take with one run, questions included. Far more
/// than a run has; a row that led to itself would end here.
const MOST_STEPS: usize = 50;

/// How long after a run the problem may take to end.
const VERIFIED_WITHIN: SignedDuration = SignedDuration::from_mins(30);

/// Takes the run at `index` as far as it goes now.
pub(super) async fn pursue(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    index: usize,
    tenant: Tenant,
) -> anyhow::Result<Option<Wait>> {
    let mut walk = Walk {
        pass,
        index,
        tenant,
        observed: Observed::default(),
    };
    let mut next = None;
    for _ in 0..MOST_STEPS {
        match next.take().unwrap_or_else(|| walk.decide(claimed)) {
            Step::Ask(question) => Box::pin(walk.find_out(claimed, question)).await?,
            Step::Write(what) => match Box::pin(walk.write(claimed, &what)).await? {
                Advanced::Written if what.then.is_some() => next = what.then,
                // What was known is of before; or it has changed since.
                Advanced::Written | Advanced::Stale => walk.observed = Observed::default(),
            },
            Step::Call(call) => Box::pin(walk.call(claimed, &call)).await?,
            Step::Wait { what, look_in } => {
                return Ok(Some(Wait {
                    waiting_for: what,
                    until: Some(saturating_add(pass.tick.now, look_in)),
                }));
            }
            Step::Rest => return Ok(None),
        }
    }
    Ok(Some(Wait::for_(
        "a record that keeps changing; retrying later",
    )))
}

/// One run in one pass.
struct Walk<'a> {
    pass: &'a Pass<'a>,
    index: usize,
    tenant: Tenant,
    observed: Observed,
}

impl Walk<'_> {
    fn run<'c>(&self, claimed: &'c ClaimedProblem) -> &'c Run {
        &claimed.problem.runs[self.index]
    }

    fn decide(&self, claimed: &ClaimedProblem) -> Step {
        let problem = &claimed.problem;
        let run = self.run(claimed);
        let healing = &self.pass.services.healing;
        let listed = &self.pass.connected.automation.listed;
        let situation = Situation {
            problem,
            heard: self.tenant == Tenant::Answered,
            lost: claimed.reported == Reported::Merged && problem.merged_into.is_none(),
            mode: run.runbook.mode.under(healing.mode),
            listed: listed.lists(&run.runbook),
            max_age: healing.max_age,
            verify_within: VERIFIED_WITHIN,
            paused: self.pass.paused(run.place()),
            permission: claimed.permissions.get(&run.id).cloned(),
            now: self.pass.tick.now,
        };
        step(run, &situation, &self.observed)
    }

    async fn find_out(
        &mut self,
        claimed: &ClaimedProblem,
        question: Question,
    ) -> anyhow::Result<()> {
        let run = self.run(claimed);
        let ledger = &self.pass.services.ledger;
        let asking = asking(self.pass, run);
        match question {
            Question::Holder => {
                self.observed.holder = Some(ledger.holder(&run.change()).await?);
            }
            Question::Guard => self.observed.guard = Some(ledger.guard(&run.place()).await?),
            Question::Form => self.observed.form = Some(asking.form().await),
            Question::Found => self.observed.found = Some(asking.found(attempt(run)?).await),
            Question::Job => self.observed.job = Some(asking.job(job(run)?).await),
            Question::Ended => self.observed.ended = Some(asking.ended(job(run)?).await),
        }
        Ok(())
    }

    /// Stores what a step says, with its comment and what it does to the ledger.
    /// If something changed meanwhile, nothing is stored.
    async fn write(&self, claimed: &mut ClaimedProblem, what: &Move) -> anyhow::Result<Advanced> {
        let run = self.run(claimed);
        let comment = words::of(run, what);
        let comment = match what.said {
            Some(Said::Paused(_)) => comment,
            _ => comment.map(|text| self.pass.noted(run.place(), text)),
        };
        let effects: Vec<Effect> = run.in_ledger(&what.effects);
        raise(what, &claimed.problem.id, run);
        let now = self.pass.tick.now;
        let change = |problem: &mut Problem| {
            if what.state.is_some() {
                problem.waits = 0;
            }
            what.apply(&mut problem.runs[self.index]);
            if let Some(text) = comment {
                problem.say(text, now);
            }
        };
        Ok(self.pass.commit(claimed, change, &effects).await?)
    }

    /// Makes a call that is written down.
    async fn call(&mut self, claimed: &ClaimedProblem, call: &Call) -> anyhow::Result<()> {
        let run = self.run(claimed);
        let asking = asking(self.pass, run);
        match call {
            Call::Launch => {
                self.observed.launched = Some(asking.launch(attempt(run)?).await);
            }
            Call::Cancel(jobs) => {
                asking.cancel(jobs).await;
                self.observed.wished = true;
            }
        }
        Ok(())
    }
}

/// Calls a person, if a step of a run says so.
pub(super) fn raise(what: &Move, problem: &str, run: &Run) {
    if what.alarm {
        tracing::error!(
            problem.id = problem,
            run = run.id,
            "A person has to look after runbook `{}`",
            run.runbook.alias
        );
    }
}

/// The controller of a run.
fn asking<'a>(pass: &'a Pass<'_>, run: &'a Run) -> Asking<'a> {
    Asking {
        controller: pass.connected.automation.controller(&run.runbook.on),
        run,
        now: pass.tick.now,
        until: pass.remotes_until,
    }
}

/// The launch that a run has written down.
fn attempt(run: &Run) -> anyhow::Result<&Attempt> {
    match &run.state {
        State::Intended { attempt }
        | State::Unknown { attempt, .. }
        | State::Again { first: attempt } => Ok(attempt),
        state => anyhow::bail!("nothing is launched by a run that is {}", state.word()),
    }
}

/// The job of a run.
fn job(run: &Run) -> anyhow::Result<&JobAt> {
    match &run.state {
        State::Launched { job, .. } | State::Aborting { job, .. } => Ok(job),
        state => anyhow::bail!("there is no job of a run that is {}", state.word()),
    }
}

//! One run of a runbook, taken as far as it goes. [`release::runbook::step`]
//! decides; what it asks for is found out here, what it says is written, and what
//! it calls is called.

use release::problem::Problem;
use release::runbook::{Attempt, Call, JobAt, Move, Observed, Question, Run, Situation};
use release::runbook::{State, Step, step, words};
use release::work::Wait;
use store::{Advanced, ClaimedProblem};

use super::tools::{Pass, Tenant, is_lost_in_merge};
use crate::remedy::runbook::Asking;
use crate::walk::{Walk, walk};

/// Takes the run at `index` as far as it goes now.
pub(super) async fn pursue(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    index: usize,
    tenant: Tenant,
) -> anyhow::Result<Option<Wait>> {
    let mut running = Running {
        claimed,
        index,
        tenant,
        known: Known::new(pass),
    };
    walk(&mut running).await
}

/// One run in one pass.
struct Running<'a> {
    claimed: &'a mut ClaimedProblem,
    index: usize,
    tenant: Tenant,
    known: Known<'a>,
}

impl Running<'_> {
    fn run(&self) -> &Run {
        &self.claimed.problem.runs[self.index]
    }
}

impl Walk for Running<'_> {
    type Question = Question;
    type Move = Move;
    type Call = Call;

    fn decide(&self) -> Step {
        let run = self.run();
        let pass = self.known.pass;
        let healing = &pass.services.healing;
        let listed = &pass.connected.automation.listed;
        let situation = Situation {
            problem: &self.claimed.problem,
            heard: self.tenant == Tenant::Answered,
            lost: is_lost_in_merge(self.claimed),
            mode: run.runbook.mode.under(healing.mode),
            listed: listed.lists(&run.runbook),
            max_age: healing.max_age,
            paused: pass.paused(run.place()),
            permission: self.claimed.permissions.get(&run.id).cloned(),
            now: pass.tick.now,
        };
        step(run, &situation, &self.known.observed)
    }

    async fn find_out(&mut self, question: Question) -> anyhow::Result<()> {
        let run = &self.claimed.problem.runs[self.index];
        self.known.find_out(run, question).await
    }

    async fn write(&mut self, what: Move) -> anyhow::Result<Option<Step>> {
        let pass = self.known.pass;
        let run = self.run();
        let comment = words::of(&self.claimed.problem, run, &what);
        raise(&what, &self.claimed.problem.id, run);
        let (place, index) = (run.place(), self.index);
        let take = |problem: &mut Problem| {
            problem.take_of_run(index, what.state.is_some(), |run| run.take(&what));
        };
        let advanced = pass.write(self.claimed, &what, (place, comment), take);
        let observed = &mut self.known.observed;
        if advanced.await? == Advanced::Written && what.then.is_some() {
            observed.guard = what.guard().cloned().or(observed.guard.take());
            return Ok(what.then);
        }
        // What was known is of before; or it has changed since.
        *observed = Observed::default();
        Ok(None)
    }

    async fn call(&mut self, call: Call) -> anyhow::Result<Option<Step>> {
        let run = &self.claimed.problem.runs[self.index];
        let asking = asking(self.known.pass, run);
        let observed = &mut self.known.observed;
        match call {
            Call::Launch => observed.launched = Some(asking.launch(attempt(run)?).await),
            Call::Cancel(jobs) => {
                asking.cancel(&jobs).await;
                observed.wished = true;
            }
        }
        Ok(None)
    }
}

/// What is known of a run since its last step.
pub(super) struct Known<'a> {
    pass: &'a Pass<'a>,
    pub(super) observed: Observed,
}

impl<'a> Known<'a> {
    pub(super) fn new(pass: &'a Pass<'a>) -> Self {
        Self {
            pass,
            observed: Observed::default(),
        }
    }

    /// Finds out what a step asks for.
    pub(super) async fn find_out(&mut self, run: &Run, question: Question) -> anyhow::Result<()> {
        let ledger = &self.pass.services.ledger;
        let asking = asking(self.pass, run);
        let observed = &mut self.observed;
        match question {
            Question::Holder => observed.holder = Some(ledger.holder(&run.change()).await?),
            Question::Guard => observed.guard = Some(ledger.guard(&run.place()).await?),
            Question::Form => observed.form = Some(asking.form().await),
            Question::Found => observed.found = Some(asking.found(attempt(run)?).await),
            Question::Job => observed.job = Some(asking.job(job(run)?).await),
            Question::Ended => observed.ended = Some(asking.ended(job(run)?).await),
        }
        Ok(())
    }
}

/// Calls a person, if a step of a run says so.
pub(super) fn raise(what: &Move, problem: &str, run: &Run) {
    if what.more.alarm {
        tracing::error!(
            problem.id = problem,
            run = run.id,
            "A person has to look after runbook `{}`",
            run.runbook.alias
        );
    }
}

/// The controller or the receiver of a run.
fn asking<'a>(pass: &'a Pass<'_>, run: &'a Run) -> Asking<'a> {
    Asking {
        automation: &pass.connected.automation,
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

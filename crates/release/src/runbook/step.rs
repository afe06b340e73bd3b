//! One step of a run, as a function of what is known.
//!
//! [`step`] decides and [`give_up`] ends; whoever calls them finds out what they
//! ask for, writes what they say and makes the calls. Each row of the table in
//! [`crate::runbook`] that has a name is a case of the tests below.

mod asked;
mod given_up;
mod watched;

use jiff::SignedDuration;

use super::{
    Abort, Answer, Attempt, Ended, Found, JobAt, Launched, Marking, Needless, Observed, Purpose,
    Refusal, Run, Situation, State,
};
use crate::pause::Stopped;
use crate::remediation::{Guard, Limits};

pub use given_up::give_up;

/// How long a launch that was sent may take to leave something behind.
const MAY_COMMIT: SignedDuration = SignedDuration::from_secs(150);

/// When a launch that was sent is looked for.
const LOOKS: [SignedDuration; 3] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(30),
    MAY_COMMIT,
];

/// How long something is left alone that somebody else has to do.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// This has to be found out first.
    Ask(Question),
    /// This is written, and then something follows.
    Write(Box<Move>),
    /// This is called; that it will be is written already.
    Call(Call),
    /// Something has to happen first.
    Wait {
        /// What.
        what: String,
        /// When to look again.
        look_in: SignedDuration,
    },
    /// Nothing is to be done until the problem changes.
    Rest,
}

/// What is found out, and where it is put down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// [`Observed::holder`].
    Holder,
    /// [`Observed::guard`].
    Guard,
    /// [`Observed::form`].
    Form,
    /// [`Observed::found`], for the attempt of the state.
    Found,
    /// [`Observed::job`], of the state.
    Job,
    /// [`Observed::ended`], of the job of the state: it has ended.
    Ended,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Launch [`Run::order`] of the attempt of the state, once; what becomes of it
    /// is put down in [`Observed::launched`] of the next step.
    Launch,
    /// Wish that these jobs end, and put down in [`Observed::wished`] that it was
    /// done, however it was answered.
    Cancel(Vec<JobAt>),
}

/// What is written in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Move {
    /// The new state, unless it stays.
    pub state: Option<State>,
    /// Who said yes, if that is new.
    pub allowed: Option<String>,
    /// What a check has shown, if that is new.
    pub checked: Option<Ended>,
    /// The foreign job that is waited for, if that is another one.
    pub named: Option<u64>,
    /// Whether the problem has nothing more to say of the change.
    pub lets_go: bool,
    /// What is done to what is known of the change, and to the guard.
    pub effects: Vec<Effect>,
    /// What is said on the problem.
    pub said: Option<Said>,
    /// Whether a person has to be called.
    pub alarm: bool,
    /// What follows once it is written; the next step, if nothing.
    pub then: Option<Step>,
}

/// What a step does to what is known of the change, and to the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The change becomes suspect because of the problem and is bound to it. Stale
    /// if another problem holds it.
    Blame,
    /// The binding ends, and what the problem said of the change is taken back.
    Release,
    /// The change becomes bad.
    Condemn,
    /// The guard of the run's target goes from what was read to what follows.
    /// Stale if it has changed.
    Guard {
        /// What was read.
        from: Guard,
        /// What follows.
        to: Guard,
    },
}

/// What is said on the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// What follows from the new state.
    State,
    /// Nothing is begun for now.
    Paused(Stopped),
    /// Somebody else's job of the template is waited for.
    Busy {
        /// Its id.
        job: u64,
        /// How far it is.
        status: String,
        /// Who launched it.
        by: String,
    },
    /// The job waits, for this reason.
    Queued(String),
    /// The check ended well.
    Checked,
}

impl Move {
    /// Makes the run what it is once this is written.
    pub fn apply(&self, run: &mut Run) {
        for effect in &self.effects {
            match effect {
                Effect::Blame => run.holds = true,
                Effect::Release | Effect::Condemn => run.holds = false,
                Effect::Guard { to, .. } => run.guards = to.active.as_ref() == Some(&run.id),
            }
        }
        if self.lets_go {
            run.holds = false;
        }
        if let Some(who) = &self.allowed {
            run.allowed = Some(who.clone());
        }
        if let Some(ended) = &self.checked {
            run.checked = Some(ended.clone());
        }
        if let Some(job) = self.named {
            run.named = Some(job);
        }
        if let Some(state) = &self.state {
            run.state = state.clone();
        }
    }
}

/// The next step of a run.
pub fn step(run: &Run, situation: &Situation<'_>, observed: &Observed) -> Step {
    let at = At {
        run,
        situation,
        observed,
    };
    match &run.state {
        State::Asked => at.asked(None),
        State::Again { first } => at.again(first),
        State::Joined { .. } => at.joined(),
        State::Waiting { .. } => at.waiting(),
        State::Intended { attempt } => at.intended(attempt),
        State::Unknown { attempt, .. } => at.looked_for(attempt),
        State::Launched { .. } => at.launched(),
        State::Aborting {
            attempt,
            job,
            why,
            since,
            wished,
        } => at.aborting(attempt, job, why, *since, *wished),
        State::Verifying { ended } => at.verifying(ended),
        State::Healed { .. }
        | State::Late { .. }
        | State::Unconfirmed { .. }
        | State::Unhealed { .. }
        | State::Failed { .. }
        | State::Aborted { .. }
        | State::Stuck { .. }
        | State::Gone { .. }
        | State::Lost { .. }
        | State::Shadowed { .. }
        | State::Refused { .. }
        | State::NotNeeded { .. }
        | State::GaveUp => at.ended(),
    }
}

/// A run at this moment.
#[derive(Clone, Copy)]
struct At<'a> {
    run: &'a Run,
    situation: &'a Situation<'a>,
    observed: &'a Observed,
}

/// What becomes of the guard at an end.
#[derive(Clone, Copy)]
enum Guarding {
    /// Nothing was done: as if it had not been admitted.
    Returned,
    /// Something was, or may have been: the target is left alone for a while.
    Released,
}

impl At<'_> {
    /// The change is answered under another problem, as long as that one holds it.
    fn joined(self) -> Step {
        let closed = self.situation.problem.closed.is_some();
        match &self.observed.holder {
            _ if closed => self.not_needed(Needless::Closed),
            None => Step::Ask(Question::Holder),
            Some(Some(holder)) if *holder != self.situation.problem.id => {
                wait("the answer to another problem", PATIENCE)
            }
            Some(_) => write(Move {
                state: Some(State::Asked),
                effects: vec![Effect::Blame],
                ..Move::default()
            }),
        }
    }

    /// Nothing more is done. Where nothing was run, the end of the problem clears
    /// the change.
    fn ended(self) -> Step {
        if !self.run.holds {
            return Step::Rest;
        }
        if self.situation.problem.closed.is_none() {
            return wait("the problem to end", PATIENCE);
        }
        let lifts = !self.run.state.ran();
        write(Move {
            lets_go: true,
            effects: lifts.then_some(Effect::Release).into_iter().collect(),
            then: Some(Step::Rest),
            ..Move::default()
        })
    }

    fn refuse(self, why: Refusal) -> Step {
        self.to(State::Refused { why }, Guarding::Returned)
    }

    fn not_needed(self, why: Needless) -> Step {
        let closed = why == Needless::Closed;
        let released = closed && self.run.holds;
        self.finish(
            Move {
                state: Some(State::NotNeeded { why }),
                effects: released.then_some(Effect::Release).into_iter().collect(),
                said: Some(Said::State),
                ..Move::default()
            },
            Guarding::Returned,
        )
    }

    /// The state changes, that is said, and the guard is given up.
    fn to(self, state: State, guarding: Guarding) -> Step {
        let what = Move {
            state: Some(state),
            said: Some(Said::State),
            ..Move::default()
        };
        self.finish(what, guarding)
    }

    /// The same, and a person is called.
    fn to_with_alarm(self, state: State) -> Step {
        let what = Move {
            state: Some(state),
            said: Some(Said::State),
            alarm: true,
            ..Move::default()
        };
        self.finish(what, Guarding::Released)
    }

    fn finish(self, mut what: Move, guarding: Guarding) -> Step {
        if self.run.guards {
            let Some(guard) = &self.observed.guard else {
                return Step::Ask(Question::Guard);
            };
            let to = match guarding {
                Guarding::Returned => guard.returned(),
                Guarding::Released => guard.released(self.limits(), self.situation.now),
            };
            what.effects.extend(guard_effect(self.run, guard, to));
        }
        write(what)
    }

    fn limits(self) -> Limits {
        self.run.runbook.limits()
    }
}

/// The guard turns, if it is this run that holds it.
fn guard_effect(run: &Run, from: &Guard, to: Guard) -> Vec<Effect> {
    if from.active.as_ref() != Some(&run.id) {
        return Vec::new();
    }
    vec![Effect::Guard {
        from: from.clone(),
        to,
    }]
}

fn lost(attempt: &Attempt, why: &str) -> State {
    State::Lost {
        purpose: attempt.purpose,
        why: why.to_owned(),
    }
}

fn write(what: Move) -> Step {
    Step::Write(Box::new(what))
}

fn wait(what: impl Into<String>, look_in: SignedDuration) -> Step {
    Step::Wait {
        what: what.into(),
        look_in,
    }
}

#[cfg(test)]
mod tests;

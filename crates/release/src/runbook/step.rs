//! One step of a run, as a function of what is known.
//!
//! [`step()`] decides and [`give_up`] ends; whoever calls them finds out what they
//! ask for, writes what they say and makes the calls. Each row of the table in
//! [`crate::runbook`] that has a name is a case of the tests below.

mod asked;
mod given_up;
mod repeated;
mod watched;

use jiff::SignedDuration;

use super::{
    Abort, Answer, Attempt, Ended, Found, JobAt, Launched, Marking, Needless, Observed, Purpose,
    Refusal, Run, Situation, State,
};
use crate::ledger::Effect;
use crate::remediation::{Guard, Limits};
use crate::step;
use crate::window::saturating_add;
use crate::work::Wait;

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

/// What comes next for a run.
pub type Step = step::Step<Question, Move, Call>;

/// What is written of a run.
pub type Move = step::Move<State, Told, Question, Call, Learnt>;

/// What is said of a run.
pub type Said = step::Said<Told>;

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
    /// Launch [`Run::order`] of the attempt of the state, or send it to the receiver,
    /// once; what becomes of it is put down in [`Observed::launched`] of the next step.
    Launch,
    /// Wish that these jobs end, and put down in [`Observed::wished`] that it was
    /// done, however it was answered.
    Cancel(Vec<JobAt>),
}

/// What only a run learns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    /// Who said yes, if that is new.
    pub allowed: Option<String>,
    /// What a check has shown, if that is new.
    pub checked: Option<Ended>,
    /// The foreign job that is waited for, if that is another one.
    pub named: Option<u64>,
    /// Whether a person has to be called.
    pub alarm: bool,
}

/// What is said of a run alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
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

impl Run {
    /// Makes it what it is once this is written.
    pub fn take(&mut self, what: &Move) {
        what.apply(&mut self.state, &mut self.holds);
        if let Some(guard) = what.guard() {
            self.guards = guard.active.as_ref() == Some(&self.id);
        }
        let Learnt {
            allowed,
            checked,
            named,
            alarm: _,
        } = what.more.clone();
        self.allowed = allowed.or(self.allowed.take());
        self.checked = checked.or(self.checked.take());
        self.named = named.or(self.named);
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
        State::Unknown {
            attempt,
            why,
            again: Some(due),
        } if run.runbook.is_request() => at.repeated(attempt, why, *due),
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
                self.wait("the answer to another problem", PATIENCE)
            }
            Some(_) => Step::write(Move {
                state: Some(State::Asked),
                effects: vec![Effect::Blame {
                    change: self.run.change(),
                }],
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
            return self.wait("the problem to end", PATIENCE);
        }
        let lifts = !self.run.state.ran();
        Step::write(Move {
            lets_go: true,
            effects: lifts.then(|| released(self.run)).into_iter().collect(),
            then: Some(Step::Rest),
            ..Move::default()
        })
    }

    fn refuse(self, why: Refusal) -> Step {
        self.to(State::Refused { why }, Guarding::Returned)
    }

    fn not_needed(self, why: Needless) -> Step {
        let closed = why == Needless::Closed;
        let lifts = closed && self.run.holds;
        self.finish(
            Move {
                state: Some(State::NotNeeded { why }),
                effects: lifts.then(|| released(self.run)).into_iter().collect(),
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
            more: Learnt {
                alarm: true,
                ..Learnt::default()
            },
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
        Step::write(what)
    }

    fn limits(self) -> Limits {
        self.run.runbook.limits()
    }

    /// Something has to happen first, and is looked at again in this time.
    fn wait(self, what: impl Into<String>, look_in: SignedDuration) -> Step {
        Step::Wait(Wait {
            waiting_for: what.into(),
            until: Some(saturating_add(self.situation.now, look_in)),
        })
    }
}

/// The guard turns, if it is this run that holds it.
fn guard_effect(run: &Run, from: &Guard, to: Guard) -> Vec<Effect> {
    if from.active.as_ref() != Some(&run.id) {
        return Vec::new();
    }
    vec![Effect::Guard {
        place: run.place(),
        from: from.clone(),
        to,
    }]
}

/// The change is as it was before the problem spoke of it.
fn released(run: &Run) -> Effect {
    Effect::Release {
        change: run.change(),
    }
}

fn lost(attempt: &Attempt, why: &str) -> State {
    State::Lost {
        purpose: attempt.purpose,
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests;

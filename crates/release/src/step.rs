//! What comes next for whatever is taken as far as it goes in one look: the answer
//! to a problem, a rule that is applied, an approval.
//!
//! The step function of each decides. One loop in `workflows` finds out what a step
//! asks for, writes what it says, makes its calls, and asks for the next one.

use crate::ledger::Effect;
use crate::pause::Stopped;
use crate::remediation::Guard;
use crate::work::Wait;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<Question, Move, Call> {
    /// This has to be found out first.
    Ask(Question),
    /// This is written, and then something follows.
    Write(Box<Move>),
    /// This is called; that it will be is written already.
    Call(Call),
    /// Something has to happen first.
    Wait(Wait),
    /// Nothing is to be done until something changes.
    Rest,
}

/// What is written of an answer to a problem, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move<State, Own, Question, Call, More> {
    /// The new state, unless it stays.
    pub state: Option<State>,
    /// Whether the problem has nothing more to say of its culprit.
    pub lets_go: bool,
    /// What is done to the ledger.
    pub effects: Vec<Effect>,
    /// What is said on the problem.
    pub said: Option<Said<Own>>,
    /// What else changes, of this kind of answer alone.
    pub more: More,
    /// What follows once it is written; the next step, if nothing.
    pub then: Option<Step<Question, Self, Call>>,
}

/// What is said on the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<Own> {
    /// What follows from the new state.
    State,
    /// Nothing is begun for now.
    Paused(Stopped),
    /// The problem has not ended with the remedy.
    StillOpen,
    /// What only this kind of answer says.
    Own(Own),
}

impl<State, Own, Question, Call, More: Default> Default for Move<State, Own, Question, Call, More> {
    fn default() -> Self {
        Self {
            state: None,
            lets_go: false,
            effects: Vec::new(),
            said: None,
            more: More::default(),
            then: None,
        }
    }
}

impl<State, Own, Question, Call, More: Default + PartialEq> Move<State, Own, Question, Call, More> {
    /// Whether nothing is written but what is said.
    pub fn only_says(&self) -> bool {
        !self.is_progress() && !self.lets_go && self.effects.is_empty()
    }

    /// Whether the answer is another one after this.
    pub fn is_progress(&self) -> bool {
        self.state.is_some() || self.more != More::default()
    }

    /// The guard of the place, where this turns it.
    pub fn guard(&self) -> Option<&Guard> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Guard { to, .. } => Some(to),
            _ => None,
        })
    }
}

impl<State: Clone, Own, Question, Call, More> Move<State, Own, Question, Call, More> {
    /// What every answer becomes by this: its state, and whether the problem holds
    /// its culprit.
    pub(crate) fn apply(&self, state: &mut State, holds: &mut bool) {
        for after in self.effects.iter().filter_map(Effect::holds) {
            *holds = after;
        }
        if self.lets_go {
            *holds = false;
        }
        if let Some(after) = &self.state {
            *state = after.clone();
        }
    }
}

impl<Question, Move, Call> Step<Question, Move, Call> {
    pub(crate) fn write(what: Move) -> Self {
        Self::Write(Box::new(what))
    }

    pub(crate) fn wait(waiting_for: impl Into<String>) -> Self {
        Self::Wait(Wait::for_(waiting_for))
    }
}

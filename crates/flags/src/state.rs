//! What was said of a flag, and what holds of it at a moment.
//!
//! Words lie on top of each other. The uppermost that has not ended holds; if
//! none is left, what was declared holds. So whatever ends or is taken back gives
//! back what was before it, as that is *now*: a trial below that has ended
//! meanwhile does not come back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::declaration::Declaration;
use crate::hash::Digest;
use crate::ramp::Ramp;
use crate::value::Value;

/// Everything that is kept of a flag beside its declaration. A flag that nobody
/// touched is the default of this.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// How often something was written; the next write is conditional on it.
    pub version: u64,
    /// The words that may still hold, the latest last.
    pub assignments: Vec<Assignment>,
    /// Whether older words were dropped below the first.
    pub pruned: bool,
    /// The value before the last change of it.
    pub previous: Option<Value>,
    /// The latest changes, the newest last.
    pub recent: Vec<Recent>,
    /// The digest of the newest entry of its history.
    pub digest: Option<Digest>,
}

/// What somebody said, and until when.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The change that said it.
    pub change: String,
    /// Who said it.
    pub by: Author,
    /// When.
    pub at: Timestamp,
    /// The version of the flag that it made.
    pub version: u64,
    /// The value.
    pub course: Course,
    /// When it ends.
    pub end: End,
    /// The person who kept, extended or stopped it last.
    pub kept: Option<Since>,
}

/// A value over time.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// It stays the same.
    Steady(Value),
    /// It moves.
    Ramp(Ramp),
}

/// When a word ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// When it is changed.
    Never,
    /// At this moment, unless somebody keeps it.
    Lease(Timestamp),
    /// With the last of these problems.
    Holds(BTreeMap<String, Holder>),
}

/// A problem that holds a mitigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The longest that it does.
    pub until: Timestamp,
    /// Whether the problem has closed already, and what it held is given back
    /// late because the flag was flapping.
    pub closed: bool,
}

/// Who said something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name of the key or of the rule.
    pub name: String,
    /// Who or what the name stands for.
    pub kind: AuthorKind,
}

/// Who or what makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorKind {
    /// A person: what they say later is never overwritten by what is given back.
    Person,
    /// A program with a key of its own, such as a workflow.
    Machine,
    /// A rule of ours.
    Rule,
    /// Time, and what follows from a problem that closed.
    Clock,
}

/// What is remembered of a change after its word is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// The change.
    pub change: String,
    /// When.
    pub at: Timestamp,
    /// By what.
    pub kind: AuthorKind,
    /// Whether a program put back what had been before the change before it.
    pub reversal: bool,
    /// The problem that held it, or that it was given back after.
    pub problem: Option<String>,
}

/// Who said the latest word, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// The change.
    pub change: String,
    /// Who.
    pub by: Author,
    /// When.
    pub at: Timestamp,
}

impl State {
    /// What holds at this moment, whether or not anybody has written down what
    /// the clock did.
    pub fn value(&self, flag: &Declaration, now: Timestamp) -> Value {
        self.assignment(now).map_or_else(
            || flag.default.clone(),
            |assignment| assignment.course.at(now),
        )
    }

    /// The word that holds at this moment; none if it is what was declared.
    pub fn assignment(&self, now: Timestamp) -> Option<&Assignment> {
        self.assignments
            .iter()
            .rev()
            .find(|assignment| !assignment.end.is_over(now))
    }

    /// When the clock has something to write down next.
    pub fn timer(&self) -> Option<Timestamp> {
        self.assignments.iter().flat_map(Assignment::moments).min()
    }

    /// Whether the clock has something to write down already.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.timer().is_some_and(|timer| timer <= now)
    }

    /// Whether a problem holds or held a value of the flag, as far as that is
    /// remembered.
    pub fn knows(&self, problem: &str) -> bool {
        let holds =
            |assignment: &Assignment| assignment.end.holders().any(|(one, _)| one == problem);
        let held = |recent: &Recent| recent.problem.as_deref() == Some(problem);
        self.assignments.iter().any(holds) || self.recent.iter().any(held)
    }

    /// The problems that hold a value and are not known to be over.
    pub fn held_by(&self) -> impl Iterator<Item = &str> {
        let holders = self
            .assignments
            .iter()
            .flat_map(|assignment| assignment.end.holders());
        holders
            .filter(|(_, holder)| !holder.closed)
            .map(|(problem, _)| problem)
    }

    /// The open problems that stop holding a mitigation before `by`, because they
    /// have held it for as long as they may.
    pub fn holds_ending(&self, by: Timestamp) -> Vec<&str> {
        let holders = self
            .assignments
            .iter()
            .flat_map(|assignment| assignment.end.holders());
        holders
            .filter(|(_, holder)| !holder.closed && holder.until <= by)
            .map(|(problem, _)| problem)
            .collect()
    }
}

impl Assignment {
    /// The person who kept it from that moment on, or ever where none is given.
    pub(crate) fn kept_since(&self, at: Option<Timestamp>) -> Option<&Since> {
        let kept = self.kept.as_ref();
        kept.filter(|kept| at.is_none_or(|at| at <= kept.at))
    }

    /// Who said it, and when.
    pub fn since(&self) -> Since {
        Since {
            change: self.change.clone(),
            by: self.by.clone(),
            at: self.at,
        }
    }

    fn moments(&self) -> impl Iterator<Item = Timestamp> {
        let ramp = match &self.course {
            Course::Ramp(ramp) => Some(ramp.end),
            Course::Steady(_) => None,
        };
        let lease = match &self.end {
            End::Lease(until) => Some(*until),
            End::Never | End::Holds(_) => None,
        };
        let holds = self.end.holders().map(|(_, holder)| holder.until);
        ramp.into_iter().chain(lease).chain(holds)
    }
}

impl Course {
    /// The value at this moment.
    pub fn at(&self, now: Timestamp) -> Value {
        match self {
            Self::Steady(value) => value.clone(),
            Self::Ramp(ramp) => ramp.at(now),
        }
    }
}

impl End {
    /// Whether the word has ended by itself.
    pub fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Never => false,
            Self::Lease(until) => *until <= now,
            Self::Holds(holders) => holders.values().all(|holder| holder.until <= now),
        }
    }

    /// When it ends at the latest.
    pub fn at_the_latest(&self) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::Lease(until) => Some(*until),
            Self::Holds(holders) => holders.values().map(|holder| holder.until).max(),
        }
    }

    /// The problems that hold it.
    pub fn holders(&self) -> impl Iterator<Item = (&str, &Holder)> {
        let holders = match self {
            Self::Holds(holders) => Some(holders),
            Self::Never | Self::Lease(_) => None,
        };
        holders
            .into_iter()
            .flatten()
            .map(|(problem, holder)| (problem.as_str(), holder))
    }
}

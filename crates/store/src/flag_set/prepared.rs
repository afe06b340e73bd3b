//! What is kept of a change that waits for its event.

use std::collections::BTreeMap;

use flags::Because;
use flags::state::Author;
use flags::step::Transition;
use jiff::Timestamp;

use super::repeat::{Repeat, RepeatId};

/// The most of a wanted value that is kept.
const LONGEST_WANTED: usize = 200;

/// What is written of a flag once the tenant has its event.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The request.
    pub request: String,
    /// What is written.
    pub transition: Transition,
}

/// A request whose changes wait for their events.
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedChange {
    /// The set.
    pub set: String,
    /// What it is known by.
    pub request: String,
    /// Since when it waits.
    pub since: Timestamp,
    /// Who wants it.
    pub by: Author,
    /// Why.
    pub why: String,
    /// What made them, in the words of the caller.
    pub triggered_by: String,
    /// What is wanted, by flag.
    pub wanted: BTreeMap<String, WantedChange>,
    /// What whoever asks again is answered once it is made.
    pub answer: Option<(RepeatId, Repeat)>,
    /// How it ended.
    pub ended: Option<EndedAs>,
}

/// What is wanted of one flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedChange {
    /// The change.
    pub change: String,
    /// The version that it would make.
    pub version: u64,
    /// The value, shortened.
    pub value: String,
    /// Whether it is made only if the tenant takes its event.
    pub requires_event: bool,
}

/// How a change ended that waited for its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedAs {
    /// It was made.
    Made,
    /// It was not.
    Aborted(Because),
}

impl WantedChange {
    /// What is wanted by a transition.
    pub fn of(transition: &Transition, requires_event: bool) -> Self {
        let record = transition.last();
        let value = record.after.to_string();
        Self {
            change: record.change.clone(),
            version: record.version,
            value: value.chars().take(LONGEST_WANTED).collect(),
            requires_event,
        }
    }

    /// What its event is known by.
    pub fn marker(&self) -> String {
        format!("{} {}", self.change, self.version)
    }
}

impl PreparedChange {
    /// Whether the flag is changed only if the tenant takes its event.
    pub fn requires(&self, flag: &str) -> bool {
        let wanted = self.wanted.get(flag);
        wanted.is_some_and(|wanted| wanted.requires_event)
    }
}

//! How often flags were changed, and how often a problem closed soon after one was
//! changed because of it.

use std::collections::{BTreeMap, BTreeSet};

use flags::{Cause, Entry, Record};
use jiff::{SignedDuration, Timestamp};

/// Changes of flags because of problems, and when these closed.
#[derive(Clone, Copy, Debug)]
pub struct Remedies<'a> {
    /// The set.
    pub set: &'a str,
    /// How far back was looked.
    pub span: SignedDuration,
    /// How soon is soon.
    pub within: SignedDuration,
    /// Everything that was written down in the span.
    pub changes: &'a [Entry],
    /// Whether the span had more than could be read.
    pub cut: bool,
    /// The problems that are known, by every name that a change may use.
    pub problems: &'a BTreeMap<String, Closing>,
    /// Where the same is as JSON.
    pub json: Option<&'a str>,
}

/// When a problem closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The id of the problem, whichever name it was found by.
    pub id: String,
    /// Nothing while it is open.
    pub at: Option<Timestamp>,
}

/// How often a flag was set to a value, and what became of the problems because of
/// which it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    /// All changes, those that name no problem and repeated ones among them.
    pub(crate) changes: usize,
    /// Closed as soon as is asked for.
    pub(crate) soon: usize,
    /// Closed later.
    pub(crate) later: usize,
    /// Still open.
    pub(crate) open: usize,
    /// Nobody knows.
    pub(crate) unknown: usize,
}

/// What was done: a flag, its value, and what set it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Remedy {
    pub(crate) flag: String,
    pub(crate) value: String,
    pub(crate) trigger: String,
}

impl Outcomes {
    /// The problems.
    pub(crate) fn all(&self) -> usize {
        self.soon + self.later + self.open + self.unknown
    }

    /// The percentage of problems that closed soon, among those of which anything
    /// is known.
    pub(crate) fn share(&self) -> Option<u32> {
        let known = self.soon + self.later + self.open;
        let percent = (100 * self.soon + known / 2).checked_div(known)?;
        u32::try_from(percent).ok()
    }
}

impl Remedies<'_> {
    /// What was done, how often, and what became of the problems; each problem counts
    /// once, from the first time on.
    pub(crate) fn outcomes(&self) -> Vec<(Remedy, Outcomes)> {
        let mut acted: Vec<&Record> = self
            .changes
            .iter()
            .map(|entry| &entry.record)
            .filter(|record| is_remedy(&record.cause))
            .collect();
        acted.sort_by_key(|record| record.at);
        let mut counted = BTreeSet::new();
        let mut outcomes: BTreeMap<Remedy, Outcomes> = BTreeMap::new();
        for record in acted {
            let remedy = Remedy {
                flag: record.flag.clone(),
                value: record.after.to_string(),
                trigger: record.triggered_by.clone(),
            };
            let of = outcomes.entry(remedy.clone()).or_default();
            of.changes += 1;
            let Some(problem) = record.problem.as_deref() else {
                continue;
            };
            let known = self.problems.get(problem);
            let id = known.map_or(problem, |closing| &closing.id);
            if !counted.insert((remedy, id.to_owned())) {
                continue;
            }
            match known.map(|closing| closing.at) {
                None => of.unknown += 1,
                Some(None) => of.open += 1,
                Some(Some(at)) if at.duration_since(record.at) <= self.within => of.soon += 1,
                Some(Some(_)) => of.later += 1,
            }
        }
        outcomes.into_iter().collect()
    }
}

/// Whether a change answers the problem that it names.
fn is_remedy(cause: &Cause) -> bool {
    cause.competes() || *cause == Cause::TakenBack
}

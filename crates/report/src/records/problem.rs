//! A problem, and what became of it.

use flags::Entry;
use jiff::Timestamp;
use release::problem::{Cause, Phase, Problem, Remediation};

use crate::told;

/// A problem, and everything that was done because of it.
#[derive(Clone, Copy, Debug)]
pub struct AnsweredProblem<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// The changes of flags that were made because of it.
    pub changes: &'a [Entry],
    /// Where the same is as JSON.
    pub json: Option<&'a str>,
}

/// Some of all problems, those that were noticed last first.
#[derive(Clone, Copy, Debug)]
pub struct Problems<'a> {
    /// The problems of this page.
    pub problems: &'a [ProblemRow],
    /// Where the newest are, if this is not their page.
    pub newest: Option<&'a str>,
    /// Where older ones are.
    pub older: Option<&'a str>,
    /// Where it is told what remedies achieved.
    pub remedies: Option<&'a str>,
    /// Where the same is as JSON.
    pub json: Option<&'a str>,
}

/// A problem as a list shows it.
#[derive(Clone, Debug)]
pub struct ProblemRow {
    /// What the tenant's API calls it.
    pub id: String,
    /// What people call it.
    pub display_id: Option<String>,
    /// What is wrong.
    pub title: Option<String>,
    /// When it was reported or found.
    pub noticed: Timestamp,
    /// When it ended, if that is known.
    pub closed: Option<Timestamp>,
    /// How far the answer is, in a word.
    pub state: String,
    /// Whether nothing more is done.
    pub decided: bool,
    /// Where everything about it is.
    pub address: String,
}

/// What kind of step something was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The tenant said something.
    Reported,
    /// Something was changed before, and is to blame.
    Blamed,
    /// Something was said on the problem.
    Said,
    /// Something was changed because of it.
    Changed,
}

/// One step of the timeline.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    pub(crate) at: Timestamp,
    pub(crate) kind: Kind,
    pub(crate) what: String,
    /// Whether the tenant does not have yet what is said to it.
    pub(crate) owed: bool,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Blamed => "blamed",
            Self::Said => "said",
            Self::Changed => "changed",
        }
    }
}

impl AnsweredProblem<'_> {
    /// What happened, in the order of time.
    pub(crate) fn timeline(&self) -> Vec<Happening> {
        let problem = self.problem;
        let mut all: Vec<Happening> = Vec::new();
        let mut add = |at, kind, what: String, owed| {
            all.push(Happening {
                at,
                kind,
                what,
                owed,
            });
        };
        for Remediation { culprit, .. } in &problem.remediations {
            let what = format!(
                "{} changes {}: this is blamed",
                culprit.id(),
                culprit.place()
            );
            add(culprit.at(), Kind::Blamed, what, false);
        }
        if let Some(began) = problem.began {
            add(
                began,
                Kind::Reported,
                "The problem begins".to_owned(),
                false,
            );
        }
        let noticed = "It is reported, and an answer is looked for".to_owned();
        add(problem.noticed, Kind::Reported, noticed, false);
        for comment in &problem.comments {
            let owed = comment.posted.is_none();
            add(comment.at, Kind::Said, comment.text.clone(), owed);
        }
        for entry in self.changes {
            let record = &entry.record;
            let what = format!("{}: {}", record.flag, told::happened(record));
            add(record.at, Kind::Changed, what, false);
        }
        if let Some(closed) = problem.closed {
            add(
                closed,
                Kind::Reported,
                "The problem closes".to_owned(),
                false,
            );
        }
        all.sort_by_key(|happening| happening.at);
        all
    }

    /// What was found out about the cause, in a sentence.
    pub(crate) fn cause(&self) -> String {
        match &self.problem.cause {
            Cause::Pending => "Nobody knows yet what caused it".to_owned(),
            Cause::Test => "The tenant tried out its connection".to_owned(),
            Cause::NotProduction => "It is felt on nothing that belongs to production".to_owned(),
            Cause::Over => "It was over before anything was found out".to_owned(),
            Cause::NothingChanged => "Nothing was changed shortly before it began".to_owned(),
            Cause::Blamed => {
                let culprits = self.problem.remediations.iter();
                let culprits = culprits.map(|one| one.culprit.id());
                format!("Blamed on {}", culprits.collect::<Vec<_>>().join(", "))
            }
            Cause::TooManyPlaces { places } => {
                format!("{places} places changed before it, more than may be changed back at once")
            }
            Cause::Ambiguous { changes } => {
                format!("Either of {} may have caused it", changes.join(" and "))
            }
            Cause::GaveUp => "The cause could not be found out in time".to_owned(),
        }
    }

    /// Whether something is still owed to it.
    pub(crate) fn is_followed(&self) -> bool {
        self.problem.phase == Phase::Active
    }
}

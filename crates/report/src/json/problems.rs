//! The problems that were answered, or are.

use schemars::JsonSchema;
use serde::Serialize;

use super::Time;
use crate::frame::Frame;
use crate::records;

/// Some of all problems.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProblemList<'a> {
    /// When this was written.
    written_at: Time,
    /// The problems, those that were noticed last first.
    problems: Vec<ListedProblem<'a>>,
    /// Where older ones are.
    older: Option<&'a str>,
}

/// A problem with how far its answer is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ListedProblem<'a> {
    /// What the tenant's API calls it.
    id: &'a str,
    /// What people call it.
    display_id: Option<&'a str>,
    /// What is wrong.
    title: Option<&'a str>,
    /// When it was reported or found.
    noticed: Time,
    /// When it ended.
    closed: Option<Time>,
    /// How far the answer is, in a word.
    state: &'a str,
    /// Whether nothing more is done.
    decided: bool,
    /// Where everything about it is.
    problem: &'a str,
}

impl<'a> ProblemList<'a> {
    pub(super) fn of(frame: &Frame<'_>, problems: &records::Problems<'a>) -> Self {
        let rows = problems.problems.iter().map(|row| ListedProblem {
            id: &row.id,
            display_id: row.display_id.as_deref(),
            title: row.title.as_deref(),
            noticed: row.noticed.into(),
            closed: row.closed.map(Time::from),
            state: &row.state,
            decided: row.decided,
            problem: &row.address,
        });
        Self {
            written_at: frame.now.into(),
            problems: rows.collect(),
            older: problems.older,
        }
    }
}

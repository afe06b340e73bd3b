//! The start page.

use schemars::JsonSchema;
use serde::Serialize;

use super::Time;
use crate::frame::Frame;
use crate::records;
use crate::words::State;

/// One page of all gates.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start<'a> {
    /// When this was written.
    written_at: Time,
    /// The pipelines and comparisons of this page, by name.
    gates: Vec<Gate<'a>>,
    /// Where the gates behind these are.
    next: Option<&'a str>,
}

/// A pipeline and one of its comparisons.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Gate<'a> {
    /// The pipeline.
    pipeline: &'a str,
    /// The comparison.
    comparison: &'a str,
    /// The validation that was judged last.
    validation: String,
    /// What a person calls its build.
    version: &'a str,
    /// Its verdict.
    verdict: State,
    /// When it fell.
    judged_at: Time,
    /// The latest verdicts, oldest first.
    trend: Vec<State>,
    /// Where the history is.
    history: &'a str,
    /// Where the last evaluation is.
    evaluation: &'a str,
}

impl<'a> Start<'a> {
    pub(super) fn of(frame: &Frame<'_>, start: &records::Start<'a>) -> Self {
        let gate = |gate: &'a records::Gate| Gate {
            pipeline: &gate.pipeline,
            comparison: &gate.comparison,
            validation: gate.last.to_string(),
            version: &gate.version,
            verdict: gate.verdict.into(),
            judged_at: gate.judged_at.into(),
            trend: gate.trend.iter().copied().map(State::from).collect(),
            history: &gate.history,
            evaluation: &gate.evaluation,
        };
        Self {
            written_at: frame.now.into(),
            gates: start.gates.iter().map(gate).collect(),
            next: start.next,
        }
    }
}

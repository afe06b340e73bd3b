//! What remedies achieved.

use schemars::JsonSchema;
use serde::Serialize;

use super::Time;
use crate::frame::Frame;
use crate::records;

/// How often flags were changed, and whether problems closed soon after it.
#[derive(Serialize, JsonSchema)]
#[expect(
    clippy::struct_field_names,
    reason = "the JSON calls the list what the page is called"
)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remedies<'a> {
    /// When this was written.
    written_at: Time,
    /// The set.
    set: &'a str,
    /// How far back was looked.
    span_seconds: i64,
    /// How soon is soon.
    within_seconds: i64,
    /// Whether the span had more than could be read.
    cut: bool,
    /// What was done, by flag, value and trigger.
    remedies: Vec<Remedy>,
}

/// A flag, its value, what set it, how often, and what became of the problems.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Remedy {
    /// The flag.
    flag: String,
    /// What it was set to, as JSON.
    value: String,
    /// What set it, in the words of the caller.
    triggered_by: String,
    /// How often, whether or not because of a problem.
    changes: usize,
    /// Because of how many problems.
    problems: usize,
    /// How many of them closed as soon as is asked for.
    closed_soon: usize,
    /// How many closed later.
    closed_later: usize,
    /// How many are open.
    open: usize,
    /// How many are not known here.
    unknown: usize,
    /// The percentage that closed soon, among those of which anything is known.
    percent: Option<u32>,
}

impl<'a> Remedies<'a> {
    pub(super) fn of(frame: &Frame<'_>, remedies: &records::Remedies<'a>) -> Self {
        let outcomes = remedies.outcomes().into_iter();
        Self {
            written_at: frame.now.into(),
            set: remedies.set,
            span_seconds: remedies.span.as_secs(),
            within_seconds: remedies.within.as_secs(),
            cut: remedies.cut,
            remedies: outcomes
                .map(|(remedy, of)| Remedy {
                    changes: of.changes,
                    problems: of.all(),
                    percent: of.share(),
                    flag: remedy.flag,
                    value: remedy.value,
                    triggered_by: remedy.trigger,
                    closed_soon: of.soon,
                    closed_later: of.later,
                    open: of.open,
                    unknown: of.unknown,
                })
                .collect(),
        }
    }
}

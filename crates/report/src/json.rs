//! Verdicts and the facts of the pages for machines, with a JSON Schema.
//!
//! Numbers stand in the unit of their metric and texts are whole. What has not
//! happened yet is null, and so is a number that does not exist.

mod changes;
mod evaluation;
mod finding;
mod history;
mod problem;
mod problems;
mod remedies;
mod start;
mod verdict;

use jiff::Timestamp;
use monspec::Verdict;
use release::evidence::{Evidence, Evidenced};
use release::validation::{Judgement, Registration};
use release::window::Window;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use crate::frame::Frame;
use crate::records;
use crate::units::Unit;
use finding::Finding;
use verdict::{Judged, Posted};

/// One page of all gates.
pub fn start(frame: &Frame<'_>, start: &records::Start<'_>) -> String {
    text(&start::Start::of(frame, start))
}

/// A pipeline and a comparison over builds.
pub fn history(frame: &Frame<'_>, history: &records::History<'_>) -> String {
    text(&history::History::of(frame, history))
}

/// One validation.
pub fn evaluation(frame: &Frame<'_>, evaluation: &records::Evaluation<'_>) -> String {
    text(&evaluation::Evaluation::of(frame, evaluation))
}

/// All flags of a set.
pub fn changes(frame: &Frame<'_>, changes: &records::Changes<'_>) -> String {
    text(&changes::Changes::of(frame, changes))
}

/// The history of one flag.
pub fn flag(frame: &Frame<'_>, history: &records::FlagHistory<'_>) -> String {
    text(&changes::FlagHistory::of(frame, history))
}

/// Some of all problems.
pub fn problems(frame: &Frame<'_>, problems: &records::Problems<'_>) -> String {
    text(&problems::ProblemList::of(frame, problems))
}

/// One problem.
pub fn problem(frame: &Frame<'_>, answered: &records::AnsweredProblem<'_>) -> String {
    text(&problem::AnsweredProblem::of(frame, answered))
}

/// How often flags were changed, and whether problems closed soon after it.
pub fn remedies(frame: &Frame<'_>, remedies: &records::Remedies<'_>) -> String {
    text(&remedies::Remedies::of(frame, remedies))
}

/// What a result hook is sent.
pub fn posted(
    registration: &Registration,
    judgement: &Judgement,
    evidence: &Evidence,
    report_url: Option<&str>,
) -> String {
    text(&Posted::of(registration, judgement, evidence, report_url))
}

/// A verdict on what the tenant was asked for without a pipeline, in units that
/// it may know.
pub fn measured(
    verdict: Verdict,
    findings: &[Evidenced],
    unit: impl Fn(&monspec::Finding) -> Unit,
) -> impl Serialize {
    let found = |one| Finding::asked(one, unit(&one.finding));
    Judged::of(verdict, findings.iter().map(found).collect())
}

/// A verdict on numbers that were handed in.
pub fn judged(verdict: Verdict, findings: &[monspec::Finding]) -> impl Serialize {
    let found = |one| Finding::handed_in(one, Unit::of_finding(one));
    Judged::of(verdict, findings.iter().map(found).collect())
}

/// The JSON Schema of all of these, as text that ends with a line break.
pub fn schema() -> String {
    let schema = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report<'_>>();
    let text = serde_json::to_string_pretty(&schema).expect("a schema is always JSON");
    text + "\n"
}

/// What machines are told of verdicts: by the report, in the artifact, by the
/// result hook, and by the commands.
#[derive(JsonSchema)]
#[schemars(title = "report", untagged)]
#[expect(dead_code, reason = "only its shape is used")]
enum Report<'a> {
    /// One page of all gates.
    Start(start::Start<'a>),
    /// A pipeline and a comparison over builds.
    History(history::History<'a>),
    /// One validation.
    Evaluation(Box<evaluation::Evaluation<'a>>),
    /// All flags of a set.
    Changes(changes::Changes<'a>),
    /// The history of one flag.
    FlagHistory(Box<changes::FlagHistory<'a>>),
    /// Some of all problems.
    ProblemList(problems::ProblemList<'a>),
    /// One problem.
    AnsweredProblem(problem::AnsweredProblem<'a>),
    /// How often flags were changed, and whether problems closed soon after it.
    Remedies(remedies::Remedies<'a>),
    /// What a result hook is sent.
    Posted(Posted<'a>),
    /// What the commands print that judge without a pipeline.
    Judged(Judged<'a>),
}

/// A moment, in UTC.
#[derive(Serialize, JsonSchema)]
#[schemars(inline, extend("format" = "date-time"))]
struct Time(String);

/// A half-open span of time.
#[derive(Serialize, JsonSchema)]
struct Span {
    /// The first moment that counts.
    start: Time,
    /// The first moment that no longer counts.
    end: Time,
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at.to_string())
    }
}

impl From<Window> for Span {
    fn from(window: Window) -> Self {
        Self {
            start: window.start.into(),
            end: window.end.into(),
        }
    }
}

fn text(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("the documents have text keys only")
}

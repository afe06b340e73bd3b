//! The facts of the pages for machines, with a JSON Schema.
//!
//! Numbers stand in the unit of their metric and texts are whole. What has not
//! happened yet is null, and so is a number that does not exist.

mod evaluation;
mod history;
mod start;

use jiff::Timestamp;
use release::window::Window;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use crate::frame::Frame;
use crate::records;

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

/// The JSON Schema of all of these, as text that ends with a line break.
pub fn schema() -> String {
    let schema = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report<'_>>();
    let text = serde_json::to_string_pretty(&schema).expect("a schema is always JSON");
    text + "\n"
}

/// What the report answers to `Accept: application/json`.
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

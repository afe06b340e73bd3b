//! What the linter says about a monspec, and what it needs to know about metrics.

mod hidden;
mod path;
mod report;

use std::fmt;

use serde::Serialize;

pub use hidden::{escaped, is_hidden};
pub(crate) use path::{Path, Place, shortened};
pub(crate) use report::Report;

/// What is known of a v1 metric; answers `None` for a metric that is not known.
pub type MetricCatalogue = fn(timeseries: &str) -> Option<MetricFacts>;

/// What the linter wants to know of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricFacts {
    /// The aggregates the metric has: `avg`, `min`, `max`, `sum`, `count`, `median`,
    /// `percentile`. Empty when they are not known.
    pub aggregates: &'static [&'static str],
    /// Whether Dynatrace API v2 can answer for this metric.
    pub has_v2_counterpart: bool,
}

/// One thing the linter has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is in the file.
    #[serde(flatten)]
    pub position: Position,
    /// Where it is in the document, `$.SampleService.comparisons[0].source` for example.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What likely repairs it.
    pub fix: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            position,
            path,
            problem,
            fix,
        } = self;
        write!(f, "{position}: {severity}: {problem} ({path}) help: {fix}")
    }
}

/// How bad a message is. Ordered by weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a second look.
    Hint,
    /// Probably not what was meant.
    Warning,
    /// The spec is refused.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A place in the file, counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in that line.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

//! What there is to say about a file.

use std::fmt;

use serde::Serialize;

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
    /// The file is refused.
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

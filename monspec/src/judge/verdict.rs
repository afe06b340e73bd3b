//! The result of all findings together.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Outcome};

/// The result of all findings together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything held, but for gaps that are accepted.
    Passed,
    /// Something was violated.
    Failed,
    /// Nothing was violated, but not everything could be judged.
    Inconclusive,
}

/// Composes the verdict: a violation outweighs every gap, and a gap that is not
/// accepted outweighs everything that held. No findings at all are a gap too.
pub fn verdict(findings: &[Finding]) -> Verdict {
    let is_gap = |finding: &Finding| finding.outcome == Outcome::Inconclusive && !finding.accepted;
    if findings
        .iter()
        .any(|finding| finding.outcome == Outcome::Violated)
    {
        Verdict::Failed
    } else if findings.is_empty() || findings.iter().any(is_gap) {
        Verdict::Inconclusive
    } else {
        Verdict::Passed
    }
}

impl Verdict {
    /// The word that files and people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

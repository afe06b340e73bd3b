//! One signature, judged.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::coverage::Coverage;
use crate::signature::BoundSide;

/// One judged signature, with every number behind the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The signature.
    pub address: Address,
    /// What was measured, as the spec says it.
    pub metric: String,
    /// How the values became one number, as the spec says it.
    pub aggregate: String,
    /// Which side is bounded when the limit derives from a baseline.
    pub side: BoundSide,
    /// The result.
    pub outcome: Outcome,
    /// Whether a gap is accepted because there can be no baseline for a first
    /// release. It stays inconclusive and visible.
    pub accepted: bool,
    /// The number of the new build.
    pub observation: Option<f64>,
    /// The number of the compare side, shown even where static limits made it unnecessary.
    pub baseline: Option<f64>,
    /// How many entities the numbers cover, where they are unweighted means.
    pub coverage: Coverage,
    /// How much worse than the baseline the number may be, in percent of it,
    /// where the limit derives from one.
    pub tolerance: Option<f64>,
    /// The upper limit that was in force.
    pub upper_limit: Option<f64>,
    /// The lower limit that was in force.
    pub lower_limit: Option<f64>,
    /// The distance to the nearest limit, negative when it is violated.
    pub margin: Option<f64>,
    /// The reason for the result, in a sentence.
    pub reason: String,
}

/// The result of judging one signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Within its limits.
    Held,
    /// Beyond a limit.
    Violated,
    /// It could not be judged.
    Inconclusive,
}

impl Outcome {
    /// The word that files and people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Violated => "violated",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

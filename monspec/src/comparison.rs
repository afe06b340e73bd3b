//! Comparisons: which environments or timeframes are compared, and how strictly.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::signature::Metric;

/// A named pairing of two environments, or of one environment at two times.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The name that a pipeline refers to.
    pub name: String,
    /// The environment of the new build.
    pub source: String,
    /// The environment that it is compared with; without one only static limits can be judged.
    pub compare: Option<String>,
    /// How far the new build may be off.
    pub scale: ScaleFactors,
    /// How many seconds the window of the source lies in the past.
    pub shift_source_seconds: i64,
    /// How many seconds the window of the baseline lies in the past.
    pub shift_compare_seconds: i64,
    /// What follows when the verdict is inconclusive.
    pub when_inconclusive: WhenInconclusive,
    /// What a baseline that does not exist yet means.
    pub missing_baseline: MissingBaseline,
    /// What a problem on the environment of the new build means.
    pub open_problems: OpenProblems,
}

impl Comparison {
    /// Whether both sides are the same environment, so that only the shifts tell them apart.
    pub fn compares_environment_with_itself(&self) -> bool {
        self.compare.as_deref() == Some(self.source.as_str())
    }

    /// How many seconds lie between the two windows.
    pub fn seconds_between_windows(&self) -> u64 {
        self.shift_source_seconds
            .abs_diff(self.shift_compare_seconds)
    }
}

/// The tolerance towards the baseline, in percent of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScaleFactors {
    /// The percentage for every metric that has none of its own.
    pub default: f64,
    /// Percentages by metric id or smartscape name.
    pub by_metric: BTreeMap<String, f64>,
}

impl ScaleFactors {
    /// The percentage that holds for a metric.
    pub fn of(&self, metric: &Metric) -> f64 {
        self.by_metric
            .get(&metric.to_string())
            .copied()
            .unwrap_or(self.default)
    }
}

/// What follows when the verdict is inconclusive.
// The variants stand in the order of their strictness, which `Ord` derives from.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum WhenInconclusive {
    /// The approval is given although the gate could not judge.
    Approve,
    /// The approval is not answered; a person decides.
    #[default]
    Hold,
    /// The approval is refused.
    Reject,
}

impl WhenInconclusive {
    /// All policies, mildest first.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Hold, Self::Reject];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Hold => "hold",
            Self::Reject => "reject",
        }
    }
}

impl fmt::Display for WhenInconclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The strictest of the policies of several entries; none when there are no entries.
pub fn strictest(policies: impl Iterator<Item = WhenInconclusive>) -> Option<WhenInconclusive> {
    policies.max()
}

/// What a baseline that does not exist yet means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MissingBaseline {
    /// A gap like any other.
    #[default]
    Inconclusive,
    /// Accepted for the very first release, when nothing can exist to compare with.
    FirstRelease,
}

impl MissingBaseline {
    /// All policies, strictest first.
    pub const ALL: [Self; 2] = [Self::Inconclusive, Self::FirstRelease];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inconclusive => "inconclusive",
            Self::FirstRelease => "firstRelease",
        }
    }
}

impl fmt::Display for MissingBaseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a problem that was open on the environment of the new build means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OpenProblems {
    /// It is told and changes nothing.
    #[default]
    Tell,
    /// It is a violation, and where nobody can say whether there is one, a gap.
    Count,
    /// Nobody asks.
    Ignore,
}

impl OpenProblems {
    /// All policies, the default first.
    pub const ALL: [Self; 3] = [Self::Tell, Self::Count, Self::Ignore];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tell => "tell",
            Self::Count => "count",
            Self::Ignore => "ignore",
        }
    }
}

impl fmt::Display for OpenProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use WhenInconclusive::{Approve, Hold, Reject};

    #[test]
    fn strictest_policy_of_several_entries_wins() {
        assert_eq!(strictest([Approve, Reject, Hold].into_iter()), Some(Reject));
        assert_eq!(strictest([Approve, Hold, Approve].into_iter()), Some(Hold));
        assert_eq!(strictest([Approve].into_iter()), Some(Approve));
        assert_eq!(strictest([].into_iter()), None);
    }
}

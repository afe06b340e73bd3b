//! How samples become one number.

use std::fmt;

/// How samples become one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Aggregation {
    Auto,
    Avg,
    Count,
    Max,
    Median,
    Min,
    Percentile(f64),
    Sum,
    Value,
}

impl Aggregation {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "auto" => Self::Auto,
            "avg" => Self::Avg,
            "count" => Self::Count,
            "max" => Self::Max,
            "median" => Self::Median,
            "min" => Self::Min,
            "sum" => Self::Sum,
            "value" => Self::Value,
            _ => return None,
        })
    }

    pub(super) fn percentile(rank: f64) -> Option<Self> {
        (rank > 0.0 && rank < 100.0).then_some(Self::Percentile(rank))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Max => "max",
            Self::Median => "median",
            Self::Min => "min",
            Self::Percentile(_) => "percentile",
            Self::Sum => "sum",
            Self::Value => "value",
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(rank) => write!(f, "percentile({rank:?})"),
            _ => f.write_str(self.name()),
        }
    }
}

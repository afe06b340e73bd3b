//! Signatures: one metric or relationship count each, and which side of it is bounded.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One metric or relationship count that is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// What is measured.
    pub metric: Metric,
    /// How the values of the window become one number.
    pub aggregate: Aggregate,
    /// Which side is bounded when the limit derives from a baseline.
    pub validate: BoundSide,
    /// The static upper limit.
    pub upper_limit: Option<f64>,
    /// The static lower limit.
    pub lower_limit: Option<f64>,
    /// How several entities become one number.
    pub merge: Merge,
}

impl Signature {
    /// Whether the limit derives from a baseline because no static limit is set.
    pub fn needs_baseline(&self) -> bool {
        self.upper_limit.is_none() && self.lower_limit.is_none()
    }
}

/// What a signature measures. Displays the text that `scalefactorperc` uses as its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// A metric by its id in the first Dynatrace API.
    Timeseries(String),
    /// A metric selector of Dynatrace API v2, sent as it is written.
    Selector(String),
    /// The number of relationships of one kind.
    Smartscape {
        /// Whether the entity is where the relationship starts or where it ends.
        direction: Direction,
        /// The relationship, `calls` or `runsOn` for example.
        relation: String,
    },
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeseries(name) | Self::Selector(name) => f.write_str(name),
            Self::Smartscape {
                direction,
                relation,
            } => {
                write!(f, "{}:{relation}", direction.as_str())
            }
        }
    }
}

/// The end of a relationship that an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// `fromRelationships`: the entity is where the relationship starts.
    From,
    /// `toRelationships`: the entity is where the relationship ends.
    To,
}

impl Direction {
    /// Both directions.
    pub const ALL: [Self; 2] = [Self::From, Self::To];

    /// The word of the file and of Dynatrace.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::From => "fromRelationships",
            Self::To => "toRelationships",
        }
    }
}

/// How the values of a window become one number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Aggregate {
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The mean.
    #[default]
    Avg,
    /// The sum.
    Sum,
    /// How often something happened.
    Count,
    /// The value in the middle.
    Median,
    /// A percentile between 0 and 100, 99.9 for example.
    Percentile(f64),
}

impl Aggregate {
    /// The aggregates that have no parameter.
    pub const NAMED: [Self; 6] = [
        Self::Min,
        Self::Max,
        Self::Avg,
        Self::Sum,
        Self::Count,
        Self::Median,
    ];

    /// The kind of aggregate, as metric catalogues name it: all percentiles are one kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
            Self::Sum => "sum",
            Self::Count => "count",
            Self::Median => "median",
            Self::Percentile(_) => "percentile",
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(rank) => write!(f, "p{rank}"),
            named => f.write_str(named.kind()),
        }
    }
}

/// The side on which a value is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BoundSide {
    /// Large values are bad.
    #[default]
    Upper,
    /// Small values are bad.
    Lower,
}

impl BoundSide {
    /// Both sides.
    pub const ALL: [Self; 2] = [Self::Upper, Self::Lower];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Lower => "lower",
        }
    }
}

impl fmt::Display for BoundSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How several entities become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Merge {
    /// Dynatrace merges them, so that an entity counts as much as its traffic.
    #[default]
    Tenant,
    /// The unweighted mean over the entities.
    Mean,
}

impl Merge {
    /// Both ways to merge.
    pub const ALL: [Self; 2] = [Self::Tenant, Self::Mean];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Mean => "mean",
        }
    }
}

impl fmt::Display for Merge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

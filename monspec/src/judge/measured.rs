//! What was measured, and why it sometimes was not.

use serde::{Deserialize, Serialize};

/// Both numbers of one signature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// The number of the new build.
    pub observation: Measurement,
    /// The number it is held against.
    pub baseline: Measurement,
}

/// A number, or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Measurement {
    /// A number was measured.
    Value(f64),
    /// There is none.
    Missing(Gap),
}

/// Why there is no number. Displays as a sentence that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum Gap {
    /// The tenant answered without a value for what is named here.
    #[error("Dynatrace has no data for {0}; check that it got traffic during the window")]
    NoData(String),
    /// Nothing in the tenant matches what is named here.
    #[error("no entity matches {0}; check the tags of the environment")]
    NoEntity(String),
    /// The tenant does not know this metric.
    #[error("Dynatrace does not know the metric `{0}`; check its name in the monspec")]
    UnknownMetric(String),
    /// Nothing was deployed to the compare side before.
    #[error("this is the first release, so there is no baseline yet")]
    FirstRelease,
    /// The window belongs to more than one build, or to a bad one.
    #[error("the window cannot be trusted: {0}")]
    Tainted(String),
    /// The tenant could not be asked.
    #[error("Dynatrace could not be asked: {0}")]
    Unavailable(String),
    /// The question has no answer in this tenant's API.
    #[error("Dynatrace cannot answer this signature: {0}")]
    Unanswerable(String),
    /// What was measured or derived is not a finite number.
    #[error("the value is not a finite number, so nothing can be held against it")]
    NotFinite,
    /// Nobody handed in a number.
    #[error("nothing was measured")]
    NotMeasured,
    /// There is neither a compare side nor a static limit.
    #[error(
        "there is nothing to hold it against; name a `compare` environment in the comparison \
         or set `upperlimit` or `lowerlimit` in the signature"
    )]
    NothingToCompare,
}

impl Measured {
    /// What is known when nobody measured.
    pub fn nothing() -> Self {
        Self {
            observation: Measurement::Missing(Gap::NotMeasured),
            baseline: Measurement::Missing(Gap::NotMeasured),
        }
    }
}

impl Measurement {
    /// The number, if it is one to calculate with.
    pub(super) fn finite(&self) -> Result<f64, Gap> {
        match self {
            Self::Value(number) if number.is_finite() => Ok(*number),
            Self::Value(_) => Err(Gap::NotFinite),
            Self::Missing(gap) => Err(gap.clone()),
        }
    }
}

//! What was measured, and why it sometimes was not.

use super::coverage::Answered;

/// Both numbers of one signature.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The number of the new build.
    pub observation: Measurement,
    /// The number it is compared with.
    pub baseline: Measurement,
}

/// A number, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Measurement {
    /// A number was measured.
    Value(f64),
    /// The unweighted mean of those entities that answered.
    Mean {
        /// The number.
        value: f64,
        /// How many answered.
        of: Answered,
    },
    /// There is none.
    Missing(Gap),
}

/// Why there is no number. Displays as a sentence that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
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
    /// The entities cannot have this relationship.
    #[error("Dynatrace does not know the relationship {0}; check its name in the monspec")]
    UnknownRelationship(String),
    /// None of the entities has a relationship of any kind yet.
    #[error(
        "Dynatrace knows no relationship of any kind of {0}; check that OneAgent monitors \
        them"
    )]
    NoRelationship(String),
    /// Nothing was deployed to the compare side before.
    #[error("this is the first release, so there is no baseline yet")]
    FirstRelease,
    /// The window belongs to more than one build, or to a bad one.
    #[error("the window cannot be trusted: {0}")]
    Tainted(String),
    /// The window holds the judged content itself, which is not known to be good.
    #[error("the build would be compared with itself: {0}")]
    OwnBaseline(String),
    /// The tenant could not be asked.
    #[error("Dynatrace could not be asked: {0}")]
    Unavailable(String),
    /// The question has no answer in this tenant's API.
    #[error("Dynatrace cannot answer this signature: {0}")]
    Unanswerable(String),
    /// What was measured or derived is not a finite number.
    #[error("the value is not a finite number, so it cannot be compared")]
    NotFinite,
    /// No number was passed in.
    #[error("nothing was measured")]
    NotMeasured,
    /// There is neither a compare side nor a static limit.
    #[error(
        "there is nothing to compare it with; name a `compare` environment in the comparison \
         or set `upperlimit` or `lowerlimit` in the signature"
    )]
    NothingToCompare,
}

impl Measured {
    /// The state without a measurement.
    pub fn nothing() -> Self {
        Self {
            observation: Measurement::Missing(Gap::NotMeasured),
            baseline: Measurement::Missing(Gap::NotMeasured),
        }
    }
}

impl Measurement {
    /// The number, whatever it is.
    pub fn number(&self) -> Result<f64, &Gap> {
        match self {
            Self::Value(number) | Self::Mean { value: number, .. } => Ok(*number),
            Self::Missing(gap) => Err(gap),
        }
    }

    /// How many entities answered, where the number is their mean.
    pub fn mean_of(&self) -> Option<Answered> {
        match self {
            Self::Mean { of, .. } => Some(*of),
            Self::Value(_) | Self::Missing(_) => None,
        }
    }

    /// The number, if it is finite.
    pub(super) fn finite(&self) -> Result<f64, Gap> {
        match self.number() {
            Ok(number) if number.is_finite() => Ok(number),
            Ok(_) => Err(Gap::NotFinite),
            Err(gap) => Err(gap.clone()),
        }
    }
}

//! The limits for a value.

use super::measured::Gap;
use crate::signature::BoundSide;

/// The limits that are in force for one signature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub(super) range: Range,
    pub(super) origin: Origin,
}

/// The values that hold, limits included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Range {
    AtMost(f64),
    AtLeast(f64),
    Between { least: f64, most: f64 },
}

/// Where the limits come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Origin {
    /// They are written in the spec.
    Fixed,
    /// They derive from a baseline and a tolerance in percent.
    Derived { baseline: f64, factor: f64 },
}

impl Bounds {
    /// The static limits of a signature; none when it has none.
    pub(super) fn fixed(upper: Option<f64>, lower: Option<f64>) -> Option<Self> {
        let range = match (lower, upper) {
            (Some(least), Some(most)) => Range::Between { least, most },
            (Some(least), None) => Range::AtLeast(least),
            (None, Some(most)) => Range::AtMost(most),
            (None, None) => return None,
        };
        Some(Self {
            range,
            origin: Origin::Fixed,
        })
    }

    /// The tolerance is a share of the baseline's size, so that it widens the
    /// limit for negative baselines too. It is calculated on what is written,
    /// so that a value on its limit holds.
    pub(super) fn derived(side: BoundSide, baseline: f64, factor: f64) -> Result<Self, Gap> {
        let towards_zero = baseline.is_sign_negative();
        let limit = |percent: f64| {
            decimal::with_percent(baseline, if towards_zero { -percent } else { percent })
        };
        let (limit, range) = match side {
            BoundSide::Upper => (limit(factor), Range::AtMost(limit(factor))),
            BoundSide::Lower => (limit(-factor), Range::AtLeast(limit(-factor))),
        };
        if !limit.is_finite() {
            return Err(Gap::NotFinite);
        }
        Ok(Self {
            range,
            origin: Origin::Derived { baseline, factor },
        })
    }
}

impl Range {
    pub(super) fn upper(self) -> Option<f64> {
        match self {
            Self::AtMost(most) | Self::Between { most, .. } => Some(most),
            Self::AtLeast(_) => None,
        }
    }

    pub(super) fn lower(self) -> Option<f64> {
        match self {
            Self::AtLeast(least) | Self::Between { least, .. } => Some(least),
            Self::AtMost(_) => None,
        }
    }

    /// A value on the limit holds.
    pub(super) fn admits(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => least <= value,
            Self::Between { least, most } => least <= value && value <= most,
        }
    }

    /// The distance to the nearest limit, negative beyond it.
    pub(super) fn margin(self, value: f64) -> f64 {
        let margin = match self {
            Self::AtMost(most) => most - value,
            Self::AtLeast(least) => value - least,
            Self::Between { least, most } => (most - value).min(value - least),
        };
        // Two huge numbers of different sign may be further apart than a number can say.
        margin.clamp(f64::MIN, f64::MAX)
    }
}

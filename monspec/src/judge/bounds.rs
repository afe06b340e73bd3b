//! What a value is held against.

use super::measured::Gap;
use crate::signature::Side;

/// The limits that are in force for one signature; at least one is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub(super) upper: Option<f64>,
    pub(super) lower: Option<f64>,
    pub(super) origin: Origin,
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
    pub(super) fn fixed(upper: Option<f64>, lower: Option<f64>) -> Self {
        Self {
            upper,
            lower,
            origin: Origin::Fixed,
        }
    }

    /// The tolerance is a share of the baseline's size, so that it widens the
    /// limit for negative baselines too.
    pub(super) fn derived(side: Side, baseline: f64, factor: f64) -> Result<Self, Gap> {
        let tolerance = baseline.abs() * factor / 100.0;
        let (upper, lower) = match side {
            Side::Upper => (Some(baseline + tolerance), None),
            Side::Lower => (None, Some(baseline - tolerance)),
        };
        if upper.or(lower).is_some_and(f64::is_finite) {
            Ok(Self {
                upper,
                lower,
                origin: Origin::Derived { baseline, factor },
            })
        } else {
            Err(Gap::NotFinite)
        }
    }

    /// A value on the limit holds.
    pub(super) fn hold(&self, value: f64) -> bool {
        self.upper.is_none_or(|limit| value <= limit)
            && self.lower.is_none_or(|limit| limit <= value)
    }

    /// The distance to the nearest limit, negative beyond it.
    pub(super) fn margin(&self, value: f64) -> Option<f64> {
        let below_upper = self.upper.map(|limit| limit - value);
        let above_lower = self.lower.map(|limit| value - limit);
        let nearest = below_upper.into_iter().chain(above_lower).reduce(f64::min);
        // Two huge numbers of different sign may be further apart than a number can say.
        nearest.map(|margin| margin.clamp(f64::MIN, f64::MAX))
    }
}

//! The sentences that explain findings.

use super::bounds::{Bounds, Origin};
use super::measured::Gap;
use super::number::{distinct, readable};

/// Why a number holds or does not.
pub(super) fn of_number(observed: f64, bounds: &Bounds) -> String {
    let Bounds {
        upper,
        lower,
        origin,
    } = *bounds;
    let (value, relation, limit) = match (upper, lower) {
        (Some(most), _) if most < observed => told(observed, "is above the upper limit", most),
        (_, Some(least)) if observed < least => told(observed, "is below the lower limit", least),
        (Some(most), Some(least)) => {
            let range = format!("{} and {}", readable(least), readable(most));
            (readable(observed), "lies between the limits", range)
        }
        (Some(most), None) => told(observed, "does not exceed the upper limit", most),
        (None, Some(least)) => told(observed, "does not fall below the lower limit", least),
        (None, None) => (readable(observed), "has no limit", String::new()),
    };
    match origin {
        Origin::Fixed => format!("{value} {relation} {limit}"),
        Origin::Derived { baseline, factor } => {
            let sign = if upper.is_some() { '+' } else { '-' };
            let (baseline, factor) = (readable(baseline), readable(factor));
            format!("{value} {relation} {limit} (baseline {baseline} {sign} {factor} %)")
        }
    }
}

/// Why a signature could not be judged; says which of the two numbers is missing.
pub(super) fn of_gap(gap: &Gap, observation: Option<f64>) -> String {
    match (gap, observation) {
        (Gap::NothingToCompare | Gap::FirstRelease, _) => gap.to_string(),
        (_, Some(_)) => format!("no baseline: {gap}"),
        (_, None) => format!("no observation: {gap}"),
    }
}

fn told(observed: f64, relation: &'static str, limit: f64) -> (String, &'static str, String) {
    let (observed, limit) = distinct(observed, limit);
    (observed, relation, limit)
}

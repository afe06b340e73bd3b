//! The sentences that explain findings.

use super::bounds::{Origin, Range};
use super::coverage::Coverage;
use super::measured::Gap;
use super::number::{distinct, readable};

/// Why a number holds or does not.
pub(super) fn of_number(observed: f64, range: Range, origin: Origin, coverage: Coverage) -> String {
    let sentence = match range {
        Range::AtMost(most) | Range::Between { most, .. } if most < observed => {
            told(observed, "is above the upper limit", most)
        }
        Range::AtLeast(least) | Range::Between { least, .. } if observed < least => {
            told(observed, "is below the lower limit", least)
        }
        Range::AtMost(most) => told(observed, "does not exceed the upper limit", most),
        Range::AtLeast(least) => told(observed, "does not fall below the lower limit", least),
        Range::Between { least, most } => {
            let [observed, least, most] = [observed, least, most].map(readable);
            format!("{observed} lies between the limits {least} and {most}")
        }
    };
    let sentence = match origin {
        Origin::Fixed => sentence,
        Origin::Derived { baseline, factor } => {
            let sign = if range.upper().is_some() { '+' } else { '-' };
            format!(
                "{sentence} (baseline {} {sign} {} %)",
                readable(baseline),
                readable(factor)
            )
        }
    };
    if coverage.is_empty() {
        return sentence;
    }
    format!("{sentence}; {coverage}")
}

/// Why a number that is within its limits does not hold.
pub(super) fn of_silence(coverage: Coverage) -> String {
    format!("the answers are within the limits, but some are missing: {coverage}")
}

/// Why a signature could not be judged; says which of the two numbers is missing.
pub(super) fn of_gap(gap: &Gap, observation: Option<f64>) -> String {
    match (gap, observation) {
        (Gap::NothingToCompare | Gap::FirstRelease, _) => gap.to_string(),
        (_, Some(_)) => format!("no baseline: {gap}"),
        (_, None) => format!("no observation: {gap}"),
    }
}

fn told(observed: f64, relation: &str, limit: f64) -> String {
    let (observed, limit) = distinct(observed, limit);
    format!("{observed} {relation} {limit}")
}

//! The numbers of a finding as people read them, on pages and in terminals.

use monspec::{Finding, Outcome};

use crate::chart::limits;
use crate::units::{Unit, rounded};

/// The numbers of a finding, for people.
pub struct Numbers {
    /// The number of the new build.
    pub observation: Option<String>,
    /// The number it is held against.
    pub baseline: Option<String>,
    /// The limits that were in force.
    pub limit: Option<String>,
    /// How far it is from the nearest limit, and on which side.
    pub margin: Option<String>,
}

impl Numbers {
    /// The numbers of a finding in the unit that its metric is known to have.
    pub fn of(finding: &Finding) -> Self {
        Self::in_unit(finding, Unit::of_finding(finding))
    }

    /// The numbers of a finding in a unit.
    pub fn in_unit(finding: &Finding, unit: Unit) -> Self {
        let measured = finding.observation.or(finding.baseline).unwrap_or_default();
        let scale = unit.scale(measured);
        let [observation, baseline, upper, lower] = scale.told([
            finding.observation,
            finding.baseline,
            finding.upper_limit,
            finding.lower_limit,
        ]);
        let margin = finding.margin.map(|margin| {
            let [distance] = scale.told([Some(margin.abs())]);
            let distance = distance.unwrap_or_default();
            let word = match finding.outcome {
                Outcome::Violated => "beyond",
                Outcome::Held | Outcome::Inconclusive => "to spare",
            };
            if margin == 0.0 {
                return "exactly at the limit".to_owned();
            }
            match times(finding) {
                Some(times) => format!("{distance} {word} ({times}\u{a0}× the limit)"),
                None => format!("{distance} {word}"),
            }
        });
        Self {
            observation,
            baseline,
            limit: limits(upper, lower),
            margin,
        }
    }
}

/// The observation in multiples of the limit that the margin is measured from.
fn times(finding: &Finding) -> Option<String> {
    let observation = finding.observation?;
    let limits = [finding.upper_limit, finding.lower_limit];
    let distance = |limit: &f64| (limit - observation).abs();
    let nearest = limits
        .into_iter()
        .flatten()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    let comparable = 0.0 < nearest && 0.0 <= observation;
    comparable.then(|| rounded(observation / nearest, 3))
}

//! The numbers that charts show, one point per signature and build.

use monspec::{Finding, Outcome};

use crate::summary::series_name;

/// The longest name of a plotted signature; all those of a build are stored in
/// one item.
const LONGEST_NAME: usize = 200;

/// One point of a chart: the numbers of one signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Plotted {
    /// Names the signature across builds.
    pub name: String,
    /// How it was judged.
    pub outcome: Outcome,
    /// The number of the new build.
    pub observation: Option<f64>,
    /// The number it was held against.
    pub baseline: Option<f64>,
    /// The limit above.
    pub upper_limit: Option<f64>,
    /// The limit below.
    pub lower_limit: Option<f64>,
}

impl From<&Finding> for Plotted {
    fn from(finding: &Finding) -> Self {
        Self {
            name: series_name(finding).chars().take(LONGEST_NAME).collect(),
            outcome: finding.outcome,
            observation: finding.observation,
            baseline: finding.baseline,
            upper_limit: finding.upper_limit,
            lower_limit: finding.lower_limit,
        }
    }
}

//! The numbers that charts show, one point per signature and build.

use monspec::{Finding, Outcome};

use crate::summary::series_name;

/// The longest name of a plotted signature, in characters and in bytes; all
/// those of a build are stored in one item.
const LONGEST_NAME: usize = 200;
const MOST_BYTES: usize = 400;

/// One point of a chart: the numbers of one signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Plotted {
    /// Names the signature across builds.
    pub name: String,
    /// How it was judged.
    pub outcome: Outcome,
    /// The number of the new build.
    pub observation: Option<f64>,
    /// The number it was compared with.
    pub baseline: Option<f64>,
    /// The limit above.
    pub upper_limit: Option<f64>,
    /// The limit below.
    pub lower_limit: Option<f64>,
}

impl From<&Finding> for Plotted {
    fn from(finding: &Finding) -> Self {
        Self {
            name: shortened(&series_name(finding)),
            outcome: finding.outcome,
            observation: finding.observation,
            baseline: finding.baseline,
            upper_limit: finding.upper_limit,
            lower_limit: finding.lower_limit,
        }
    }
}

fn shortened(name: &str) -> String {
    let mut bytes = 0;
    let fits = |c: &char| {
        bytes += c.len_utf8();
        bytes <= MOST_BYTES
    };
    name.chars().take(LONGEST_NAME).take_while(fits).collect()
}

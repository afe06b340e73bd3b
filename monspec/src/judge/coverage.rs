//! How many of the entities a mean covers.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// How many of the entities behind an unweighted mean answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// Those that had a number.
    pub answered: usize,
    /// All that there are.
    pub entities: usize,
}

/// How many entities the numbers of a finding cover, with `merge: mean`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// The entities behind the observation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation: Option<Answered>,
    /// The entities behind the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Answered>,
}

impl Answered {
    /// Whether some did not answer.
    pub fn is_partial(self) -> bool {
        self.answered < self.entities
    }
}

impl Coverage {
    /// Whether the numbers are no such means.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answered, entities } = self;
        let noun = if *entities == 1 { "entity" } else { "entities" };
        write!(f, "{answered} of {entities} {noun} answered")
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.observation, self.baseline) {
            (Some(observation), Some(baseline)) => {
                write!(f, "{observation}, and {baseline} for the baseline")
            }
            (Some(observation), None) => observation.fmt(f),
            (None, Some(baseline)) => write!(f, "{baseline} for the baseline"),
            (None, None) => Ok(()),
        }
    }
}

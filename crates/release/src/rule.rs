//! Rules: what a problem sets, as a mitigation, in flags.
//!
//! A rule is a [condition](crate::condition) with what follows once it holds.

mod action;
pub mod application;
pub mod effect;
mod format;
mod read;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::remediation;

pub use action::{Action, Bad};
pub use application::Application;
pub use format::schema;
pub use read::{MOST_RULES, Reading, read};

/// The rules of a set of flags, by id.
pub type Rules = BTreeMap<String, Rule>;

/// What follows from problems of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it is for.
    pub description: Option<String>,
    /// From which problems.
    pub when: Condition,
    /// What is done with flags.
    pub action: Action,
    /// The longest that it lasts.
    pub ttl: Option<SignedDuration>,
    /// What ends it.
    pub restore: Restore,
    /// Whether it is done.
    pub mode: Mode,
    /// How often it is done in 24 hours.
    pub max_per_day: usize,
}

/// What becomes of what a rule did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Restore {
    /// When the problem closes, what was before is given back.
    #[default]
    OnClose,
    /// It stays, or lasts for its `ttl`.
    Never,
}

/// Whether a rule is followed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// It is not.
    Off,
    /// It is said what would be done.
    #[default]
    Shadow,
    /// It is.
    Auto,
}

/// How often a rule is followed a day where nothing else is said.
const USUALLY_PER_DAY: usize = 6;

impl Restore {
    /// Both.
    pub const ALL: [Self; 2] = [Self::OnClose, Self::Never];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnClose => "onClose",
            Self::Never => "never",
        }
    }
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Shadow, Self::Auto];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::Auto => "auto",
        }
    }

    /// What of it the operator allows, who may have switched healing off.
    #[must_use]
    pub fn within(self, healing: remediation::Mode) -> Self {
        self.min(match healing {
            remediation::Mode::Off => Self::Off,
            remediation::Mode::Shadow => Self::Shadow,
            remediation::Mode::Auto => Self::Auto,
        })
    }
}

//! What a rule does with flags.

use std::collections::BTreeMap;
use std::fmt;

use flags::step::{LONGEST_RAMP, Target};
use flags::{BadBulk, BadWish, Declarations};
use jiff::SignedDuration;
use serde_json::Value as Json;

/// What a rule does with flags, whatever is declared of them at the moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// These flags are set to these values.
    Set(BTreeMap<String, Json>),
    /// What the preset of this name sets.
    Preset(String),
    /// A flag moves evenly from what it is to another number.
    Ramp {
        /// The flag.
        flag: String,
        /// Where it ends.
        to: Json,
        /// How long it takes.
        duration: SignedDuration,
    },
}

/// Why the flags cannot be what a rule wants.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Bad {
    /// There is no such preset.
    #[error("there is no preset `{0}`")]
    Preset(String),
    /// This flag cannot.
    #[error("`{flag}`: {why}")]
    Flag {
        /// Which.
        flag: String,
        /// Why.
        why: BadWish,
    },
    /// This flag knows nothing between two of its values.
    #[error("nothing lies between two values of `{0}`")]
    NoRamp(String),
    /// It is nothing, or too much for one transaction.
    #[error(transparent)]
    Count(BadBulk),
}

impl Action {
    /// What each flag becomes, if that is declared so.
    pub fn targets(&self, declared: &Declarations) -> Result<BTreeMap<String, Target>, Bad> {
        let wished = |flag: &String, value: &Json| {
            let value = declared.wished(flag, value);
            value.map_err(|why| Bad::Flag {
                flag: flag.clone(),
                why,
            })
        };
        match self {
            Self::Set(values) => {
                let most = 1..=flags::LARGEST_BULK;
                if !most.contains(&values.len()) {
                    return Err(Bad::Count(BadBulk::Count(values.len())));
                }
                let targets = values
                    .iter()
                    .map(|(flag, value)| Ok((flag.clone(), Target::Value(wished(flag, value)?))));
                targets.collect()
            }
            Self::Preset(name) => {
                let preset = declared.presets.get(name);
                let preset = preset.ok_or_else(|| Bad::Preset(name.clone()))?;
                let targets = preset.set.iter();
                let targets =
                    targets.map(|(flag, value)| (flag.clone(), Target::Value(value.clone())));
                Ok(targets.collect())
            }
            Self::Ramp { flag, to, duration } => {
                let to = wished(flag, to)?;
                let declared = &declared.flags[flag];
                if !declared.kind.is_numeric() || !declared.bounds.allowed.is_empty() {
                    return Err(Bad::NoRamp(flag.clone()));
                }
                let duration = (*duration).min(LONGEST_RAMP);
                Ok([(flag.clone(), Target::Ramp { to, duration })].into())
            }
        }
    }
}

/// In words that follow "would" or "to".
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(values) => {
                f.write_str("set ")?;
                for (index, (flag, value)) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}`{flag}` to {value}")?;
                }
                Ok(())
            }
            Self::Preset(name) => write!(f, "set what the preset `{name}` sets"),
            Self::Ramp { flag, to, duration } => {
                write!(f, "move `{flag}` to {to} within {duration:#}")
            }
        }
    }
}

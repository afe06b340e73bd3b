//! What an operator allows.

use std::str::FromStr;

use jiff::SignedDuration;

use super::Limits;

/// What an operator allows.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Whether heals are made.
    pub mode: Mode,
    /// How old a notification may be.
    pub max_age: SignedDuration,
    /// How often a group may be healed.
    pub limits: Limits,
}

/// Whether heals are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything is written down and nothing is answered.
    Off,
    /// Everything is decided and told, and nothing is called.
    Shadow,
    /// Everything is done.
    #[default]
    Auto,
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "off" => Ok(Self::Off),
            "shadow" => Ok(Self::Shadow),
            "auto" => Ok(Self::Auto),
            _ => Err(UnknownMode),
        }
    }
}

/// The text names no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is `off`, `shadow` or `auto`")]
pub struct UnknownMode;

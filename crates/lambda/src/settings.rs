//! The environment, read at start.

use std::fmt::{self, Display};
use std::str::FromStr;

use jiff::SignedDuration;

/// A setting that is missing or cannot be used.
#[derive(thiserror::Error, PartialEq, Eq)]
pub enum SettingError {
    /// It is not there.
    #[error("the setting {name} is missing: set it to {meaning}")]
    Missing {
        /// The environment variable.
        name: &'static str,
        /// What belongs there.
        meaning: &'static str,
    },
    /// It is there and wrong.
    #[error("the setting {name} is not usable: {reason}")]
    Unusable {
        /// The environment variable.
        name: &'static str,
        /// Why.
        reason: String,
    },
}

/// A function that cannot start ends with the `Debug` form of its reason, and
/// the person who deploys it reads that line.
impl fmt::Debug for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// The value of `name`; empty counts as missing.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the environment"
)]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}

/// The value of `name`, which the function cannot do without.
pub fn required(name: &'static str, meaning: &'static str) -> Result<String, SettingError> {
    optional(name).ok_or(SettingError::Missing { name, meaning })
}

/// The parsed value of `name`, or `default` when it is not set.
pub fn parsed<T>(name: &'static str, default: T) -> Result<T, SettingError>
where
    T: FromStr,
    T::Err: Display,
{
    match optional(name) {
        None => Ok(default),
        Some(text) => text
            .trim()
            .parse()
            .map_err(|error: T::Err| unusable(name, error)),
    }
}

/// The minutes that `name` says, or `default` when it is not set.
pub fn minutes(
    name: &'static str,
    default: SignedDuration,
) -> Result<SignedDuration, SettingError> {
    let default = u32::try_from(default.as_mins()).unwrap_or(u32::MAX);
    let minutes = parsed::<u32>(name, default)?;
    Ok(SignedDuration::from_mins(i64::from(minutes)))
}

/// The address that `name` says, of what is told in words.
pub fn address(
    name: &'static str,
    of: &str,
    longest: usize,
) -> Result<Option<String>, SettingError> {
    let Some(address) = optional(name) else {
        return Ok(None);
    };
    let is_address = address.starts_with("https://") || address.starts_with("http://");
    if longest < address.len() || !is_address {
        let reason = format!("it is the https address of {of}, at most {longest} characters");
        return Err(unusable(name, reason));
    }
    Ok(Some(address))
}

/// The set of flags that a function is about.
pub fn flag_set(is_name: impl Fn(&str) -> bool) -> Result<String, SettingError> {
    let name = optional("FLAG_SET").unwrap_or_else(|| "prod".to_owned());
    if is_name(&name) {
        return Ok(name);
    }
    let reason = "a small letter first, then letters, digits, `-` and `_`, 64 at most";
    Err(unusable("FLAG_SET", reason))
}

/// A setting that is there and wrong.
pub fn unusable(name: &'static str, reason: impl Display) -> SettingError {
    SettingError::Unusable {
        name,
        reason: reason.to_string(),
    }
}

//! What a key may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::value::Value;

/// What is done to a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Its value is asked for.
    Read,
    /// It is set.
    Change,
    /// It is made to move, or to stop.
    Ramp,
    /// It is set as a preset says.
    Preset,
    /// What would end is kept.
    Confirm,
    /// A change of it is taken back.
    Restore,
    /// It is changed because of a problem, without waiting for its event.
    Mitigate,
    /// Programs may change it again.
    Release,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Change,
        Self::Ramp,
        Self::Preset,
        Self::Confirm,
        Self::Restore,
        Self::Mitigate,
        Self::Release,
    ];

    /// The word of a scope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Ramp => "ramp",
            Self::Preset => "preset",
            Self::Confirm => "confirm",
            Self::Restore => "restore",
            Self::Mitigate => "mitigate",
            Self::Release => "release",
        }
    }

    /// Whether it may be about a number, which a scope can limit.
    fn has_number(self) -> bool {
        match self {
            Self::Change | Self::Ramp | Self::Preset | Self::Mitigate => true,
            Self::Read | Self::Confirm | Self::Restore | Self::Release => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that a key may do, as `change:prod/promo*<=20`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    /// What.
    pub action: Action,
    /// In which set.
    pub set: String,
    /// To which flags.
    pub flags: Pattern,
    /// With which numbers.
    pub limits: Vec<Limit>,
}

/// Which flags are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This one.
    Name(String),
    /// All whose name begins like this.
    Prefix(String),
}

/// What a number is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// It is at least this.
    AtLeast(f64),
    /// It is at most this.
    AtMost(f64),
}

/// Why a text is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadScope {
    /// It does not begin with an action.
    #[error(
        "`{0}` is nothing that a key may do; it can be read, change, ramp, preset, confirm, restore, mitigate or release"
    )]
    Action(String),
    /// It is not built like a scope.
    #[error(
        "a scope is `<action>:<set>`, `<action>:<set>/<flag>` or `<action>:<set>/<prefix>*`, and may end with limits such as `<=20`"
    )]
    Form,
    /// It limits something that has no number.
    #[error("only what is set has a number to limit")]
    NoNumber,
}

impl Scope {
    /// Whether it covers this.
    pub fn admits(&self, action: Action, set: &str, flag: &str, value: Option<&Value>) -> bool {
        let is_meant = match &self.flags {
            Pattern::Name(name) => name == flag,
            Pattern::Prefix(prefix) => flag.starts_with(prefix.as_str()),
        };
        // What is limited and is no number is not within the limits.
        let within = |limit: &Limit| match (limit, value.and_then(Value::number)) {
            (Limit::AtLeast(least), Some(number)) => *least <= number,
            (Limit::AtMost(most), Some(number)) => number <= *most,
            (_, None) => false,
        };
        self.action == action && self.set == set && is_meant && self.limits.iter().all(within)
    }
}

impl FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        let (word, rest) = text.split_once(':').ok_or(BadScope::Form)?;
        let action = Action::ALL
            .into_iter()
            .find(|action| action.as_str() == word);
        let action = action.ok_or_else(|| BadScope::Action(lint::shortened(word)))?;
        let names = rest.find(['<', '>']).unwrap_or(rest.len());
        let (names, limits) = rest.split_at(names);
        let (set, pattern) = names.split_once('/').unwrap_or((names, "*"));
        if !is_plain(set) || set.is_empty() {
            return Err(BadScope::Form);
        }
        let flags = match pattern.strip_suffix('*') {
            Some(prefix) if is_plain(prefix) => Pattern::Prefix(prefix.to_owned()),
            None if is_plain(pattern) && !pattern.is_empty() => Pattern::Name(pattern.to_owned()),
            _ => return Err(BadScope::Form),
        };
        let limits = read_limits(limits)?;
        if !limits.is_empty() && !action.has_number() {
            return Err(BadScope::NoNumber);
        }
        Ok(Self {
            action,
            set: set.to_owned(),
            flags,
            limits,
        })
    }
}

fn read_limits(text: &str) -> Result<Vec<Limit>, BadScope> {
    let mut limits = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (limit, behind): (fn(f64) -> Limit, _) = if let Some(behind) = rest.strip_prefix("<=") {
            (Limit::AtMost, behind)
        } else {
            (
                Limit::AtLeast,
                rest.strip_prefix(">=").ok_or(BadScope::Form)?,
            )
        };
        let end = behind.find(['<', '>']).unwrap_or(behind.len());
        let number: f64 = behind[..end].parse().map_err(|_| BadScope::Form)?;
        if !number.is_finite() {
            return Err(BadScope::Form);
        }
        limits.push(limit(number));
        rest = &behind[end..];
    }
    Ok(limits)
}

fn is_plain(text: &str) -> bool {
    text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            action,
            set,
            flags,
            limits,
        } = self;
        write!(f, "{action}:{set}/")?;
        match flags {
            Pattern::Name(name) => f.write_str(name)?,
            Pattern::Prefix(prefix) => write!(f, "{prefix}*")?,
        }
        for limit in limits {
            match limit {
                Limit::AtLeast(least) => write!(f, ">={least}")?,
                Limit::AtMost(most) => write!(f, "<={most}")?,
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Scope {
    type Error = BadScope;

    fn try_from(text: String) -> Result<Self, BadScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scopes_cover_what_they_say_and_nothing_beside_it() {
        let number = |number| Some(Value::Integer(number));
        for (scope, action, set, flag, value, covers) in [
            ("read:prod", Action::Read, "prod", "anything", None, true),
            ("read:prod", Action::Change, "prod", "anything", None, false),
            (
                "read:prod",
                Action::Read,
                "production",
                "anything",
                None,
                false,
            ),
            (
                "change:prod/promo*",
                Action::Change,
                "prod",
                "promoSocks",
                number(50),
                true,
            ),
            (
                "change:prod/promo*",
                Action::Change,
                "prod",
                "canary",
                number(50),
                false,
            ),
            (
                "change:prod/promo",
                Action::Change,
                "prod",
                "promoSocks",
                number(50),
                false,
            ),
            (
                "change:prod/promo*<=20",
                Action::Change,
                "prod",
                "promo",
                number(20),
                true,
            ),
            (
                "change:prod/promo*<=20",
                Action::Change,
                "prod",
                "promo",
                number(21),
                false,
            ),
            (
                "change:prod/promo*>=5<=20",
                Action::Change,
                "prod",
                "promo",
                number(4),
                false,
            ),
            (
                "change:prod/promo*<=20",
                Action::Change,
                "prod",
                "promo",
                Some(Value::Boolean(true)),
                false,
            ),
            (
                "change:prod/promo*<=20",
                Action::Ramp,
                "prod",
                "promo",
                number(1),
                false,
            ),
            (
                "release:prod/promo",
                Action::Release,
                "prod",
                "promo",
                None,
                true,
            ),
        ] {
            let scope: Scope = scope.parse().unwrap();
            assert_eq!(
                scope.admits(action, set, flag, value.as_ref()),
                covers,
                "{scope} {action} {set} {flag}"
            );
        }
    }

    #[test]
    fn mitigation_is_a_scope_of_its_own_with_numbers() {
        for (scope, value, covers) in [
            ("mitigate:prod/promo*<=0", 0, true),
            ("mitigate:prod/promo*<=0", 50, false),
            ("change:prod", 0, false),
        ] {
            let admits = |scope: Scope| {
                let value = Value::Integer(value);
                scope.admits(Action::Mitigate, "prod", "promoSocks", Some(&value))
            };
            assert_eq!(admits(scope.parse().unwrap()), covers, "{scope} {value}");
        }
    }

    #[test]
    fn text_that_is_no_scope_says_why() {
        for (text, expected) in [
            ("prod", "a scope is"),
            ("write:prod", "`write` is nothing that a key may do"),
            ("change:", "a scope is"),
            ("change:prod/", "a scope is"),
            ("change:prod/a*b", "a scope is"),
            ("change:prod/a<20", "a scope is"),
            ("change:prod/a<=x", "a scope is"),
            ("change:prod/a<=inf", "a scope is"),
            ("read:prod/a<=20", "only what is set has a number"),
        ] {
            let told = text.parse::<Scope>().unwrap_err().to_string();
            assert!(told.starts_with(expected), "{text}: {told}");
        }
    }

    proptest! {
        #[test]
        fn scope_that_was_written_is_read_again(
            action in proptest::sample::select(Action::ALL.to_vec()), set in "[a-z0-9-]{1,20}", name in "[a-zA-Z0-9_-]{0,20}",
            is_prefix in any::<bool>(), limits in proptest::collection::vec((any::<bool>(), -1e9_f64..1e9), 0..3),
        ) {
            let flags = if is_prefix || name.is_empty() { Pattern::Prefix(name) } else { Pattern::Name(name) };
            let limits: Vec<Limit> = limits
                .into_iter()
                .filter(|_| action.has_number())
                .map(|(most, number)| if most { Limit::AtMost(number) } else { Limit::AtLeast(number) })
                .collect();
            let scope = Scope { action, set, flags, limits };
            prop_assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
        }

        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _ = text.parse::<Scope>();
        }
    }
}

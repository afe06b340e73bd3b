//! What a flag is for a caller, in the words of OFREP.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::declaration::{Audience, Declaration, Declarations, MissingKey, Rollout, Share};
use crate::fractional::{bucket, user_bytes};
use crate::hash::sha256;
use crate::rule::Rules;
use crate::state::{Course, End, State};
use crate::targeting::Targeting;
use crate::value::Value;

/// Parts of all users that a share is counted in: hundredths of a percent.
pub(crate) const PARTS: u64 = 10_000;

/// The flags of a set, as they were read together.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    /// The name.
    pub name: &'a str,
    /// How often the set was changed.
    pub revision: u64,
    /// What is declared.
    pub declarations: &'a Declarations,
    /// What was said, by flag; nothing of flags that nobody touched.
    pub states: &'a BTreeMap<String, State>,
    /// Whether nobody knows if it has changed since it was read.
    pub stale: bool,
}

/// What a flag is for a caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The flag.
    pub key: String,
    /// Its value, or why there is none.
    pub result: Result<Resolved, Unresolved>,
}

/// A value, and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The value.
    pub value: Value,
    /// The name of the value.
    pub variant: String,
    /// Why it is this.
    pub reason: Reason,
    /// The version of the flag.
    pub version: u64,
    /// The set.
    pub set: String,
    /// Whether nobody knows if it has changed since it was read.
    pub stale: bool,
}

/// Why a value is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is the same for everybody until somebody changes it: it may be cached.
    Static,
    /// It depends on who asks, or on when.
    TargetingMatch,
    /// Who asks is in a share of all users, or is not.
    Split,
    /// The flag is switched off altogether.
    Disabled,
    /// Nothing says so, and it is the default.
    Unknown,
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// There is no such flag, or the caller may not see it: 404.
    #[error("no flag `{flag}` in set `{set}`")]
    FlagNotFound {
        /// The flag.
        flag: String,
        /// The set.
        set: String,
    },
    /// Who asks does not say who they are: 400.
    #[error("`{0}` needs a targetingKey")]
    TargetingKeyMissing(String),
    /// The rule of the flag does not lead to a variant: 400.
    #[error("the rule of `{0}` leads to no variant")]
    General(String),
}

impl Reason {
    /// The word of OFREP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Disabled => "DISABLED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl Unresolved {
    /// The word of OFREP.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FlagNotFound { .. } => "FLAG_NOT_FOUND",
            Self::TargetingKeyMissing(_) => "TARGETING_KEY_MISSING",
            Self::General(_) => "GENERAL",
        }
    }
}

impl Evaluation {
    /// The body of the answer.
    pub fn to_json(&self) -> Json {
        match &self.result {
            Ok(resolved) => {
                let metadata = json!({"version": resolved.version, "flagSetId": resolved.set});
                json!({
                    "key": self.key,
                    "value": resolved.value,
                    "reason": resolved.reason.as_str(),
                    "variant": resolved.variant,
                    "metadata": marked(metadata, resolved.stale),
                })
            }
            Err(why) => json!({
                "key": self.key,
                "errorCode": why.code(),
                "errorDetails": why.to_string(),
            }),
        }
    }
}

/// Says that nobody knows whether something has changed since.
pub(crate) fn marked(mut metadata: Json, is_stale: bool) -> Json {
    if is_stale {
        metadata["stale"] = true.into();
    }
    metadata
}

/// The answer about many flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// The body.
    pub body: String,
    /// Its tag, in quotes: of the whole body, so that it covers who asks and when.
    pub etag: String,
}

impl<'a> Set<'a> {
    /// What one flag is for a caller. `sees` says which flags the caller may
    /// read; the others are not there.
    pub fn evaluate(
        self,
        rules: &Rules,
        key: &str,
        context: &Context,
        sees: impl Fn(&Declaration) -> bool,
        now: Timestamp,
    ) -> Evaluation {
        let flag = self.declarations.flags.get(key).filter(|flag| sees(flag));
        let result = match flag {
            Some(flag) => self.resolve(rules, flag, context, now),
            None => Err(Unresolved::FlagNotFound {
                flag: lint::shortened(key),
                set: self.name.to_owned(),
            }),
        };
        Evaluation {
            key: key.to_owned(),
            result,
        }
    }

    /// What all flags that the caller may read are for a caller.
    pub fn bulk(
        self,
        rules: &Rules,
        context: &Context,
        sees: impl Fn(&Declaration) -> bool,
        now: Timestamp,
    ) -> Bulk {
        let seen = self.declarations.flags.values().filter(|flag| sees(flag));
        let flags: Vec<Json> = seen
            .map(|flag| {
                let evaluation = Evaluation {
                    key: flag.name.clone(),
                    result: self.resolve(rules, flag, context, now),
                };
                evaluation.to_json()
            })
            .collect();
        let metadata = json!({"version": self.revision, "flagSetId": self.name});
        let metadata = marked(metadata, self.stale);
        let body = json!({"flags": flags, "metadata": metadata}).to_string();
        Bulk {
            etag: etag(&body),
            body,
        }
    }

    /// What was said of a flag; nothing, if nobody touched it.
    pub(crate) fn state(self, flag: &str) -> Option<&'a State> {
        self.states.get(flag)
    }

    /// The parts of all users that a rollout means at this moment.
    pub(crate) fn parts(self, rollout: &Rollout, now: Timestamp) -> u64 {
        let percent = match &rollout.share {
            Share::Percent(percent) => *percent,
            Share::Flag(name) => self
                .declarations
                .flags
                .get(name)
                .and_then(|flag| self.value(flag, now).number())
                .unwrap_or(0.0),
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between none and all"
        )]
        let parts = decimal::shifted(percent, 2)
            .round()
            .clamp(0.0, PARTS as f64) as u64;
        parts
    }

    fn value(self, flag: &Declaration, now: Timestamp) -> Value {
        match (&flag.off, self.state(&flag.name)) {
            (Some(off), _) => off.clone(),
            (None, Some(state)) => state.value(flag, now),
            (None, None) => flag.default.clone(),
        }
    }

    fn resolve(
        self,
        rules: &Rules,
        flag: &Declaration,
        context: &Context,
        now: Timestamp,
    ) -> Result<Resolved, Unresolved> {
        let assignment = self
            .state(&flag.name)
            .and_then(|state| state.assignment(now));
        let value = || self.value(flag, now);
        if flag.off.is_some() {
            return Ok(self.resolved(flag, value(), Reason::Disabled));
        }
        // Whoever sets a flag sets it for everybody.
        match (assignment, &flag.audience) {
            (Some(assignment), _) => {
                let lasts =
                    assignment.end == End::Never && matches!(assignment.course, Course::Steady(_));
                let reason = if lasts {
                    Reason::Static
                } else {
                    Reason::TargetingMatch
                };
                Ok(self.resolved(flag, value(), reason))
            }
            (None, Audience::Everybody) => Ok(self.resolved(flag, value(), Reason::Static)),
            (None, Audience::Rollout(rollout)) => self.rolled_out(flag, rollout, context, now),
            (None, Audience::Targeting(rule)) => self.targeted(rules, flag, rule, context, now),
        }
    }

    fn rolled_out(
        self,
        flag: &Declaration,
        rollout: &Rollout,
        context: &Context,
        now: Timestamp,
    ) -> Result<Resolved, Unresolved> {
        let Some(user) = context.targeting_key() else {
            return self.nobody(flag);
        };
        let generation = self.declarations.options.fractional;
        let bytes = user_bytes(generation, &flag.name, user);
        let is_in = bucket(&bytes, PARTS) < self.parts(rollout, now);
        let variant = if is_in {
            &rollout.variant
        } else {
            &rollout.otherwise
        };
        self.variant(flag, variant, Reason::Split)
    }

    fn targeted(
        self,
        rules: &Rules,
        flag: &Declaration,
        rule: &Targeting,
        context: &Context,
        now: Timestamp,
    ) -> Result<Resolved, Unresolved> {
        if rule.needs_key() && context.targeting_key().is_none() && self.demands_key() {
            return self.nobody(flag);
        }
        let generation = self.declarations.options.fractional;
        let chosen = rules
            .variant(rule, generation, &flag.name, context, now)
            .map_err(|_| Unresolved::General(flag.name.clone()))?;
        let reason = if rule.splits() {
            Reason::Split
        } else {
            Reason::TargetingMatch
        };
        match chosen {
            Some(variant) => self.variant(flag, &variant, reason),
            None => Ok(self.resolved(flag, flag.default.clone(), Reason::Unknown)),
        }
    }

    fn demands_key(self) -> bool {
        self.declarations.options.missing_key == MissingKey::Error
    }

    fn nobody(self, flag: &Declaration) -> Result<Resolved, Unresolved> {
        if self.demands_key() {
            return Err(Unresolved::TargetingKeyMissing(flag.name.clone()));
        }
        Ok(self.resolved(flag, flag.default.clone(), Reason::Unknown))
    }

    fn variant(
        self,
        flag: &Declaration,
        variant: &str,
        reason: Reason,
    ) -> Result<Resolved, Unresolved> {
        let value = flag.variants.get(variant);
        let value = value.ok_or_else(|| Unresolved::General(flag.name.clone()))?;
        let resolved = self.resolved(flag, value.clone(), reason);
        Ok(Resolved {
            variant: variant.to_owned(),
            ..resolved
        })
    }

    fn resolved(self, flag: &Declaration, value: Value, reason: Reason) -> Resolved {
        Resolved {
            variant: flag.variant_of(&value).to_owned(),
            value,
            reason,
            version: self.state(&flag.name).map_or(0, |state| state.version),
            set: self.name.to_owned(),
            stale: self.stale,
        }
    }
}

/// The tag of a body.
pub(crate) fn etag(body: &str) -> String {
    let hash = sha256(body);
    format!("\"{}\"", &hash[..32])
}

/// Whether a caller has this answer already, as its `If-None-Match` says: one tag,
/// several, weak ones, or `*`.
pub fn is_known(if_none_match: &str, etag: &str) -> bool {
    let tags = if_none_match.split(',').map(str::trim);
    let mut strong = tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag));
    strong.any(|tag| tag == "*" || tag == etag)
}

#[cfg(test)]
mod tests;

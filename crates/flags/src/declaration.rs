//! What a file of flags declares.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{Bounds, OutOfBounds};
use crate::targeting::Targeting;
use crate::value::{Kind, NotAValue, Value};

/// The flags of a set, and what is true of all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declarations {
    /// How users are hashed.
    pub options: Options,
    /// The flags by name.
    pub flags: BTreeMap<String, Declaration>,
    /// Values that are set together, by name.
    pub presets: BTreeMap<String, Preset>,
}

impl Declarations {
    /// The names of all flags, for whoever named one that there is not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.flags.keys().map(String::as_str)
    }
}

/// What is true of all flags of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How users are hashed.
    pub fractional: Fractional,
    /// What a user without a key is told.
    pub missing_key: MissingKey,
}

/// The generations of the hash that splits users. Changing it moves users, so an
/// upgrade never does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fractional {
    /// Of the text: flagd before 0.18, flagd-core of npm.
    V2,
    /// Of the CBOR: flagd-core of Python 2, the provider of Rust.
    #[default]
    V3,
}

impl Fractional {
    /// Both, the one that is meant where nothing is said first.
    pub const ALL: [Self; 2] = [Self::V3, Self::V2];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

/// What a user without a key is told about a flag that splits users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MissingKey {
    /// The default, as flagd does.
    #[default]
    Default,
    /// An error that names the missing key.
    Error,
}

impl MissingKey {
    /// Both, the one that is meant where nothing is said first.
    pub const ALL: [Self; 2] = [Self::Default, Self::Error];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Error => "error",
        }
    }
}

/// One flag, as it was declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub kind: Kind,
    /// What it is until it is changed.
    pub default: Value,
    /// What it is for.
    pub description: Option<String>,
    /// What its values keep to.
    pub bounds: Bounds,
    /// Names for some of its values.
    pub variants: BTreeMap<String, Value>,
    /// Who is answered what, as long as nobody set it.
    pub audience: Audience,
    /// What everybody is answered while it is switched off altogether.
    pub off: Option<Value>,
    /// The entities whose behaviour it changes.
    pub touches: Option<Entities>,
    /// Whether browsers may read it.
    pub public: bool,
    /// Whether a change of it can be the cause of no problem.
    pub harmless: bool,
    /// What a change means whose event cannot be sent.
    pub events: EventPolicy,
    /// How often it may change.
    pub rate: RateLimit,
    /// How long trials last.
    pub lease: Leases,
}

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadValue {
    /// It is none.
    #[error(transparent)]
    Kind(#[from] NotAValue),
    /// It is outside of the bounds of the flag.
    #[error(transparent)]
    Bounds(#[from] OutOfBounds),
}

impl Declaration {
    /// The value that somebody wrote, if the flag may have it.
    pub fn value(&self, json: &serde_json::Value) -> Result<Value, BadValue> {
        let value = self.kind.value(json)?;
        self.bounds.admit(&value)?;
        Ok(value)
    }

    /// The name of a value: its variant's, else `default` or `current`.
    pub fn variant_of(&self, value: &Value) -> &str {
        let named = self.variants.iter().find(|(_, one)| *one == value);
        match named {
            Some((name, _)) => name,
            None if *value == self.default => "default",
            None => "current",
        }
    }
}

/// Who is answered what.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Audience {
    /// Everybody the same.
    #[default]
    Everybody,
    /// A share of all users the one variant, everybody else another.
    Rollout(Rollout),
    /// As a rule says.
    Targeting(Targeting),
}

/// A share of all users.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// The variant that they are answered.
    pub variant: String,
    /// The variant of everybody else.
    pub otherwise: String,
    /// How large the share is.
    pub share: Share,
}

/// How large a share is.
#[derive(Clone, Debug, PartialEq)]
pub enum Share {
    /// This many percent.
    Percent(f64),
    /// As many percent as this flag of the same set says at the moment, with its
    /// leases, ramps and bounds.
    Flag(String),
}

/// The entities that carry all of these tags, of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entities {
    /// The type of entity, `PROCESS_GROUP_INSTANCE` for example.
    pub etype: String,
    /// At least one tag, or the type means all that there are.
    pub tags: Vec<Tag>,
}

/// One Dynatrace tag. Displays the way Dynatrace writes it: `[CONTEXT]key:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Where the tag was imported from; none for tags made in Dynatrace itself.
    pub context: Option<String>,
    /// The tag's name.
    pub key: String,
    /// The tag's value, when it has one.
    pub value: Option<String>,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(context) = &self.context {
            write!(f, "[{context}]")?;
        }
        f.write_str(&self.key)?;
        match &self.value {
            Some(value) => write!(f, ":{value}"),
            None => Ok(()),
        }
    }
}

/// What a change means whose event cannot be sent. What takes something back is
/// queued in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventPolicy {
    /// It holds, and the event follows.
    #[default]
    Queue,
    /// It is not made.
    Require,
}

impl EventPolicy {
    /// Both, the one that is meant where nothing is said first.
    pub const ALL: [Self; 2] = [Self::Queue, Self::Require];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Require => "require",
        }
    }
}

/// How often a flag may change, by each kind of hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// This many times.
    pub changes: usize,
    /// Within this time.
    pub within: SignedDuration,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            changes: 6,
            within: SignedDuration::from_mins(10),
        }
    }
}

/// How long trials of a flag last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leases {
    /// A change of which nothing else is said; none if it stays.
    pub default: Option<SignedDuration>,
    /// The longest that may be asked for.
    pub longest: SignedDuration,
}

impl Default for Leases {
    fn default() -> Self {
        Self {
            default: None,
            longest: SignedDuration::from_hours(30 * 24),
        }
    }
}

/// Values that are set together.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// What it is for.
    pub description: Option<String>,
    /// The values by flag.
    pub set: BTreeMap<String, Value>,
}

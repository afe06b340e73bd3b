//! Flags as they were declared, and what is true of all of them. This is not the
//! form of the file: a file says less, and is read leniently.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use flags::{EventPolicy, Fractional, Kind, MissingKey, Targeting, Value};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::record;
use crate::StoreError;
use crate::item::{self, Item};

/// A declaration, as an attribute.
pub(crate) fn attribute(declaration: &flags::Declaration) -> AttributeValue {
    item::json_attribute(&Declaration::from(declaration.clone()))
}

/// The declaration that is stored; none, if the flag is not declared any more.
pub(crate) fn read(item: &Item) -> Result<Option<flags::Declaration>, StoreError> {
    let declaration: Option<Declaration> = item::optional_json(item, "declaration")?;
    Ok(declaration.map(Into::into))
}

/// What is true of all flags of a set, as an attribute.
pub(crate) fn options(options: flags::Options) -> AttributeValue {
    item::json_attribute(&Options::from(options))
}

/// What is stored as true of all flags of a set.
pub(crate) fn read_options(item: &Item) -> Result<flags::Options, StoreError> {
    item::json::<Options>(item, "options").map(Into::into)
}

/// The presets of a set, as an attribute.
pub(crate) fn presets(presets: &BTreeMap<String, flags::Preset>) -> AttributeValue {
    let presets = presets.iter();
    let presets = presets.map(|(name, preset)| (name, Preset::from(preset.clone())));
    item::json_attribute(&presets.collect::<BTreeMap<_, _>>())
}

/// The presets that are stored.
pub(crate) fn read_presets(item: &Item) -> Result<BTreeMap<String, flags::Preset>, StoreError> {
    let presets: BTreeMap<String, Preset> = item::json(item, "presets")?;
    let presets = presets.into_iter();
    Ok(presets
        .map(|(name, preset)| (name, preset.into()))
        .collect())
}

#[derive(Serialize, Deserialize)]
struct Declaration {
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    default: Value,
    description: Option<String>,
    bounds: Bounds,
    variants: BTreeMap<String, Value>,
    audience: Audience,
    off: Option<Value>,
    touches: Option<Entities>,
    public: bool,
    harmless: bool,
    events: EventPolicy,
    rate: RateLimit,
    lease: Leases,
}

#[derive(Serialize, Deserialize)]
struct Bounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allowed: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Audience {
    Everybody,
    Rollout(Rollout),
    Targeting(Targeting),
}

#[derive(Serialize, Deserialize)]
struct Rollout {
    variant: String,
    otherwise: String,
    share: Share,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Share {
    Percent(f64),
    Flag(String),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Entities {
    etype: String,
    tags: Vec<Tag>,
}

#[derive(Serialize, Deserialize)]
struct Tag {
    context: Option<String>,
    key: String,
    value: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct RateLimit {
    changes: usize,
    within: SignedDuration,
}

#[derive(Serialize, Deserialize)]
struct Leases {
    default: Option<SignedDuration>,
    longest: SignedDuration,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    fractional: Fractional,
    missing_key: MissingKey,
}

#[derive(Serialize, Deserialize)]
struct Preset {
    description: Option<String>,
    set: BTreeMap<String, Value>,
}

record!(Declaration = flags::Declaration {
    same: name, kind, default, description, variants, off, public, harmless, events;
    inner: bounds, audience, rate, lease;
    maybe: touches;
});

record!(Bounds = flags::Bounds {
    same: min, max, allowed;
});

record!(enum Audience = flags::Audience {
    Everybody,
    Rollout(rollout),
    Targeting(rule),
});

record!(Rollout = flags::Rollout {
    same: variant, otherwise;
    inner: share;
});

record!(enum Share = flags::Share {
    Percent(percent),
    Flag(name),
});

record!(Entities = flags::Entities {
    same: etype;
    each: tags;
});

record!(Tag = flags::Tag {
    same: context, key, value;
});

record!(RateLimit = flags::RateLimit {
    same: changes, within;
});

record!(Leases = flags::Leases {
    same: default, longest;
});

record!(Options = flags::Options {
    same: fractional, missing_key;
});

record!(Preset = flags::Preset {
    same: description, set;
});

//! The shape of the file for editors: the types the JSON Schema is generated from.
//!
//! The schema knows what a file may say; what makes sense is for the linter.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value as Json;

use crate::declaration::{EventPolicy, Fractional, MissingKey};
use crate::value::Kind;

/// The JSON Schema of a file of flags, as text that ends with a line break.
pub fn schema() -> String {
    lint::schema::<File>()
}

/// The flags of a set. Fields that begin with `_` are comments.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(
    title = "flags",
    deny_unknown_fields,
    rename_all = "camelCase",
    extend("patternProperties" = {"^(_|\\$schema$)": true})
)]
struct File {
    /// The generation of the hash that splits users; `v3` when left out. Changing it moves users.
    fractional: Option<Fractional>,
    /// What a user without a key is told about a flag that splits users; `default` when left out.
    missing_key: Option<MissingKey>,
    /// The flags by name.
    #[schemars(extend("patternProperties" = {"^_": true}))]
    flags: BTreeMap<String, Flag>,
    /// Values that are set together, by name.
    #[schemars(extend("patternProperties" = {"^_": true}))]
    presets: Option<BTreeMap<String, Preset>>,
}

/// One flag.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(
    deny_unknown_fields,
    rename_all = "camelCase",
    extend("patternProperties" = {"^_": true}, "not" = {"required": ["rollout", "targeting"]})
)]
struct Flag {
    /// The type of its values.
    r#type: Kind,
    /// What it is until it is changed.
    default: Json,
    /// What it is for.
    description: Option<String>,
    /// The least value of a number.
    min: Option<f64>,
    /// The largest value of a number.
    max: Option<f64>,
    /// The only values that it may have.
    #[schemars(length(min = 1))]
    allowed: Option<Vec<Json>>,
    /// Names for its values; a boolean has `on` and `off` when left out.
    #[schemars(extend("patternProperties" = {"^_": true}))]
    variants: Option<BTreeMap<String, Json>>,
    /// Which share of all users is answered which variant, as long as nobody set the flag.
    rollout: Option<Rollout>,
    /// Which user is answered which variant, in JSON Logic as flagd reads it, as long as nobody set the flag.
    targeting: Option<BTreeMap<String, Json>>,
    /// Whether it is switched off altogether: everybody is answered `offValue`.
    disabled: Option<bool>,
    /// What everybody is answered while it is disabled; the default when left out.
    off_value: Option<Json>,
    /// The entities whose behaviour it changes.
    touches: Option<Entities>,
    /// Whether browsers may read it.
    public: Option<bool>,
    /// Whether a change of it can be the cause of no problem.
    harmless: Option<bool>,
    /// What a change means whose event cannot be sent: it holds (`queue`, when left out) or is not made (`require`).
    events: Option<EventPolicy>,
    /// How often it may change by each kind of hand; 6 times in 10 minutes when left out.
    rate_limit: Option<RateLimit>,
    /// How long trials last.
    lease: Option<Lease>,
}

/// A share of all users; exactly one of `percent` and `percentOf`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(
    deny_unknown_fields,
    rename_all = "camelCase",
    extend(
        "patternProperties" = {"^_": true},
        "oneOf" = [{"required": ["percent"]}, {"required": ["percentOf"]}]
    )
)]
struct Rollout {
    /// The variant that the share is answered.
    variant: String,
    /// The variant of everybody else.
    otherwise: String,
    /// How large the share is.
    #[schemars(range(min = 0, max = 100))]
    percent: Option<f64>,
    /// The flag that holds how large the share is.
    percent_of: Option<String>,
}

/// The entities that carry all of these tags, of one type.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^_": true}))]
struct Entities {
    /// The type of entity, `PROCESS_GROUP_INSTANCE` for example.
    #[schemars(regex(pattern = "^[A-Z0-9_]+$"))]
    etype: String,
    /// The tags.
    tags: Option<Vec<Tag>>,
}

/// One Dynatrace tag.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^_": true}))]
struct Tag {
    /// Where the tag was imported from; CONTEXTLESS or nothing for tags made in Dynatrace itself.
    context: Option<String>,
    /// The tag's name.
    key: String,
    /// The tag's value, when it has one.
    value: Option<String>,
}

/// How often a flag may change.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^_": true}))]
struct RateLimit {
    /// This many times; 6 when left out.
    #[schemars(range(min = 1, max = 20))]
    changes: Option<u32>,
    /// Within this time, `10m` when left out.
    within: Option<String>,
}

/// How long trials last, as `90s`, `30m` or `4h`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^_": true}))]
struct Lease {
    /// A change of which nothing else is said; it stays when left out.
    default: Option<String>,
    /// The longest that may be asked for; 30 days when left out.
    longest: Option<String>,
}

/// Values that are set together.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^_": true}))]
struct Preset {
    /// What it is for.
    description: Option<String>,
    /// The values by flag.
    #[schemars(extend("patternProperties" = {"^_": true}))]
    set: BTreeMap<String, Json>,
}

#[cfg(test)]
mod tests;

//! The shape of the file for editors: the types the JSON Schema is generated from.
//!
//! The schema knows what a file may say; what makes sense is for the linter.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value as Json;

use super::{Mode, Restore};

/// The JSON Schema of a file of rules, as text that ends with a line break.
pub fn schema() -> String {
    monspec::lint::schema::<File>()
}

/// The rules of a set of flags. Fields that begin with `_` are comments.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(
    title = "rules",
    deny_unknown_fields,
    extend("patternProperties" = {"^(_|\\$schema$)": true})
)]
struct File {
    /// The rules by id.
    #[schemars(extend("patternProperties" = {"^_": true}))]
    rules: BTreeMap<String, Rule>,
}

/// What follows from problems of a kind; exactly one of `set`, `preset` and `ramp`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(
    deny_unknown_fields,
    rename_all = "camelCase",
    extend(
        "patternProperties" = {"^_": true},
        "oneOf" = [{"required": ["set"]}, {"required": ["preset"]}, {"required": ["ramp"]}]
    )
)]
struct Rule {
    /// What it is for.
    description: Option<String>,
    /// What the problem must be; everything that is said must hold.
    #[schemars(extend("minProperties" = 1))]
    when: When,
    /// Flags, and what they are set to.
    #[schemars(extend("patternProperties" = {"^_": true}, "minProperties" = 1))]
    set: Option<BTreeMap<String, Json>>,
    /// The preset whose flags are set.
    preset: Option<String>,
    /// A flag that moves to a number.
    ramp: Option<Ramp>,
    /// The longest that it lasts, as `90s`, `30m` or `4h`; what is given back on close lasts 24 hours at most.
    ttl: Option<String>,
    /// Whether what was before is given back when the problem closes; `onClose` when left out.
    restore: Option<Restore>,
    /// Whether it is followed; `shadow` when left out, which only says what would be done.
    mode: Option<Mode>,
    /// How often it is followed in 24 hours; 6 times when left out.
    #[schemars(range(min = 1, max = 100))]
    max_per_day: Option<u32>,
}

/// What a problem must be.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(
    deny_unknown_fields,
    rename_all = "camelCase",
    extend("patternProperties" = {"^_": true})
)]
struct When {
    /// It is of one of these categories, `ERROR` for example; `SLOWDOWN` is `PERFORMANCE`.
    category: Option<Vec<String>>,
    /// It affects an entity of one of these types, `SERVICE` or `dt.entity.service` for example.
    entity_types: Option<Vec<String>>,
    /// It affects so many services at least.
    #[schemars(range(min = 1, max = 1000))]
    min_services: Option<u32>,
    /// Its title contains this, in capital or small letters.
    title_contains: Option<String>,
    /// Its entities carry all of these tags.
    tags: Option<Vec<Tag>>,
    /// A number that the tenant is asked for.
    metric: Option<Metric>,
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

/// A number of the affected entities; of several, the worst counts, and without one the rule does not match.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(
    deny_unknown_fields,
    rename_all = "camelCase",
    extend("patternProperties" = {"^_": true})
)]
struct Metric {
    /// The metric selector.
    selector: String,
    /// How the number is compared.
    #[schemars(extend("enum" = [">", ">=", "<", "<="]))]
    op: String,
    /// With what it is compared.
    value: f64,
    /// Over how long it is asked for, until now: `5m` for example.
    window: String,
    /// The type of the affected entities; `SERVICE` when left out.
    entity_type: Option<String>,
}

/// A flag moves evenly from what it is to a number.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^_": true}))]
struct Ramp {
    /// The flag.
    flag: String,
    /// Where it ends.
    to: f64,
    /// How long it takes, `5m` for example.
    duration: String,
}

#[cfg(test)]
mod tests;

//! The fields that each object of a file of flags knows.
//!
//! The JSON Schema is generated from other types; a test holds the two equal.

use lint::Shape;

const fn shape(fields: &'static [&'static str]) -> Shape {
    Shape {
        fields,
        annotations: &[],
    }
}

pub(crate) const FILE: Shape = Shape {
    fields: &["fractional", "missingKey", "flags", "presets"],
    annotations: &["$schema"],
};

pub(crate) const FLAG: Shape = shape(&[
    "type",
    "default",
    "description",
    "min",
    "max",
    "allowed",
    "variants",
    "rollout",
    "targeting",
    "disabled",
    "offValue",
    "touches",
    "public",
    "harmless",
    "events",
    "rateLimit",
    "lease",
]);

pub(crate) const ROLLOUT: Shape = shape(&["variant", "otherwise", "percent", "percentOf"]);

pub(crate) const ENTITIES: Shape = shape(&["etype", "tags"]);

pub(crate) const TAG: Shape = shape(&["context", "key", "value"]);

pub(crate) const RATE: Shape = shape(&["changes", "within"]);

pub(crate) const LEASE: Shape = shape(&["default", "longest"]);

pub(crate) const PRESET: Shape = shape(&["description", "set"]);

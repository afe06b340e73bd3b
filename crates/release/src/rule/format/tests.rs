use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::schema;
use crate::condition::read::{METRIC, TAG, WHEN};
use crate::rule::read::{FILE, RAMP, RULE};

#[test]
fn schema_in_the_repository_is_up_to_date() {
    let stored = include_str!("../../../../../monspec/schema/rules.schema.json");
    let printed = schema();
    assert!(
        stored == printed,
        "the schema changed; write this into monspec/schema/rules.schema.json:\n{printed}"
    );
}

#[test]
fn schema_and_reader_know_the_same_fields() {
    let schema: Json = serde_json::from_str(&schema()).unwrap();
    let shapes = [
        ("Rule", RULE),
        ("When", WHEN),
        ("Metric", METRIC),
        ("Tag", TAG),
        ("Ramp", RAMP),
    ];
    let shapes = shapes.map(|(name, shape)| (&schema["$defs"][name], shape));
    for (object, shape) in shapes.into_iter().chain([(&schema, FILE)]) {
        let properties = object["properties"].as_object().unwrap();
        let in_schema: BTreeSet<_> = properties.keys().map(String::as_str).collect();
        assert_eq!(in_schema, shape.fields.iter().copied().collect());
    }
}

#[test]
fn schema_knows_no_null() {
    assert!(!schema().contains("\"null\""));
}

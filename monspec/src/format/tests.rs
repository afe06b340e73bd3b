use std::collections::BTreeSet;

use lint::Shape;
use serde_json::Value;

use super::schema;
use crate::read::shape::{COMPARISON, ENTRY, ENVIRONMENT, METHOD, SIGNATURE, TAG};

#[test]
fn schema_in_the_repository_is_up_to_date() {
    let stored = include_str!("../../schema/monspec.schema.json");
    assert!(
        stored == schema(),
        "the schema changed; write it anew with\n  \
         cargo run -p cli --bin monspec -- schema > monspec/schema/monspec.schema.json"
    );
}

#[test]
fn schema_and_reader_know_the_same_fields() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let shapes: [(&str, Shape); 6] = [
        ("Entry", ENTRY),
        ("Environment", ENVIRONMENT),
        ("Tag", TAG),
        ("Comparison", COMPARISON),
        ("Signature", SIGNATURE),
        ("Method", METHOD),
    ];
    for (name, shape) in shapes {
        let properties = schema["$defs"][name]["properties"].as_object().unwrap();
        let in_schema: BTreeSet<_> = properties.keys().map(String::as_str).collect();
        assert_eq!(in_schema, shape.fields.iter().copied().collect(), "{name}");
    }
}

#[test]
fn schema_knows_no_null() {
    assert!(!schema().contains("\"null\""));
}

//! Prints the JSON Schema of a format.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The JSON Schema of a file, as text that ends with a line break.
pub fn schema<File: JsonSchema>() -> String {
    let mut schema = SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<File>();
    RecursiveTransform(without_null).transform(&mut schema);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is always JSON");
    text + "\n"
}

/// Leaves a field out of the file, `null` is not how one does that.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    let is_null =
        |value: &Value| value == "null" || value.get("type").is_some_and(|kind| kind == "null");
    for keyword in ["type", "anyOf"] {
        let Some(Value::Array(choices)) = object.get_mut(keyword) else {
            continue;
        };
        choices.retain(|choice| !is_null(choice));
        if let [only] = choices.as_slice() {
            let only = only.clone();
            object.remove(keyword);
            match only {
                Value::Object(fields) => object.extend(fields),
                word => drop(object.insert(keyword.to_owned(), word)),
            }
        }
    }
}

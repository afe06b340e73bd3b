//! Whether a document is what the schema says, for every test that has one.

use serde_json::Value;

const SCHEMA: &str = include_str!("../../schema/report.schema.json");

/// Checks a document by the definition of this name.
#[track_caller]
pub(crate) fn assert_is(name: &str, document: &Value) {
    let problems = problems(name, document);
    assert!(problems.is_empty(), "{problems:#?}");
}

/// What in a document the definition of this name does not allow.
pub(crate) fn problems(name: &str, document: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let definition = &schema["$defs"][name];
    assert!(definition.is_object(), "{name} is not defined");
    found_in(document, definition, &schema, name)
}

/// What in `value` the schema does not allow, for the keywords that ours use.
fn found_in(value: &Value, schema: &Value, root: &Value, path: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference
            .strip_prefix("#/$defs/")
            .expect("ours refer to their own definitions");
        let mut meant = root["$defs"][name].clone();
        // The tag of a variant stands beside what the variant holds.
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            meant["properties"][field] = schema.clone();
        }
        return found_in(value, &meant, root, path);
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[keyword].as_array() {
            let all = choices
                .iter()
                .map(|choice| found_in(value, choice, root, path));
            return all.min_by_key(Vec::len).expect("there is a choice");
        }
    }
    let mut found = Vec::new();
    let mut problem = |what: String| found.push(format!("{path}: {what}"));
    if let Some(constant) = schema.get("const").filter(|constant| *constant != value) {
        problem(format!("{value} is not {constant}"));
    }
    if let Some(words) = schema["enum"]
        .as_array()
        .filter(|words| !words.contains(value))
    {
        problem(format!("{value} is none of {words:?}"));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec![kind],
    };
    let fits = |wanted: &&str| *wanted == kind || (*wanted == "number" && kind == "integer");
    if !kinds.iter().any(fits) {
        problem(format!("{value} is not {kinds:?}"));
    }
    if let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    {
        for required in schema["required"].as_array().into_iter().flatten() {
            if !required
                .as_str()
                .is_some_and(|name| fields.contains_key(name))
            {
                problem(format!("{required} is missing"));
            }
        }
        for (name, field) in fields {
            match properties.get(name) {
                Some(schema) => {
                    found.extend(found_in(field, schema, root, &format!("{path}.{name}")));
                }
                None => found.push(format!("{path}: `{name}` is not declared")),
            }
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(found_in(
            item,
            &schema["items"],
            root,
            &format!("{path}[{index}]"),
        ));
    }
    found
}

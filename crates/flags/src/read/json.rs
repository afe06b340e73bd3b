//! From the tree of the linter to JSON.

use lint::{Node, Value};
use serde_json::Value as Json;

/// The JSON that a value of the file is. Whole numbers are integers, as they are
/// in JSON.
pub(super) fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Number(number) => json_number(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::List(nodes) => nodes.iter().map(of_node).collect(),
        Value::Object(members) => members
            .iter()
            .map(|member| (member.key.clone(), of_node(&member.node)))
            .collect(),
    }
}

fn of_node(node: &Node) -> Json {
    json(&node.value)
}

/// The largest number below which a float is exact about integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn json_number(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is whole and small enough"
        )]
        let integer = number as i64;
        return Json::from(integer);
    }
    Json::from(number)
}

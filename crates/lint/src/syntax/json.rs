//! From the tree to JSON.

use serde_json::Value as Json;

use super::{Node, Value};

impl Value {
    /// The JSON that a value of the file is. Whole numbers are integers, as they are
    /// in JSON.
    pub fn json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::from(*value),
            Self::Number(number) => json_number(*number),
            Self::Text(text) => Json::from(text.as_str()),
            Self::List(nodes) => nodes.iter().map(of_node).collect(),
            Self::Object(members) => members
                .iter()
                .map(|member| (member.key.clone(), of_node(&member.node)))
                .collect(),
        }
    }
}

fn of_node(node: &Node) -> Json {
    node.value.json()
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

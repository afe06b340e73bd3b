//! Which rules are understood.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// How many brackets deep a rule may nest.
const DEEPEST: usize = 32;

/// The longest rule, in bytes of JSON.
const LONGEST: usize = 8 * 1024;

/// The operators that are understood: those in which the engines that read the
/// same rule agree.
pub const OPERATORS: [&str; 26] = [
    "var",
    "if",
    "==",
    "===",
    "!=",
    "!==",
    "<",
    "<=",
    ">",
    ">=",
    "and",
    "or",
    "!",
    "!!",
    "in",
    "cat",
    "+",
    "-",
    "*",
    "/",
    "%",
    "min",
    "max",
    "starts_with",
    "ends_with",
    "sem_ver",
];

/// The operator that splits users.
pub(crate) const FRACTIONAL: &str = "fractional";

/// A rule that names a variant, in JSON Logic as flagd reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Targeting(Json);

/// Why a rule is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// It is no operation.
    #[error("a rule is an object of one operator")]
    NoOperation,
    /// It has an operator that is not understood.
    #[error("the operator `{0}` is not understood")]
    UnknownOperator(String),
    /// It is too long.
    #[error("a rule takes {LONGEST} bytes at most, this takes {0}")]
    TooLong(usize),
    /// It nests too deeply.
    #[error("a rule nests {DEEPEST} brackets deep at most")]
    TooDeep,
}

impl Targeting {
    /// The rule, if it is understood.
    pub fn new(rule: Json) -> Result<Self, BadRule> {
        let bytes = rule.to_string().len();
        if LONGEST < bytes {
            return Err(BadRule::TooLong(bytes));
        }
        if !rule.is_object() {
            return Err(BadRule::NoOperation);
        }
        check(&rule, DEEPEST)?;
        Ok(Self(rule))
    }

    /// The rule as it was written.
    pub fn rule(&self) -> &Json {
        &self.0
    }

    /// Whether it splits the callers into parts.
    pub fn splits(&self) -> bool {
        any_split(&self.0, &|_| true)
    }

    /// Whether it splits by the targeting key, and so needs one.
    pub fn needs_key(&self) -> bool {
        any_split(&self.0, &|arguments| {
            arguments.get(0).is_none_or(Json::is_array)
        })
    }
}

fn any_split(rule: &Json, is_meant: &impl Fn(&Json) -> bool) -> bool {
    match rule {
        Json::Object(fields) => fields.iter().any(|(operator, arguments)| {
            (operator == FRACTIONAL && is_meant(arguments)) || any_split(arguments, is_meant)
        }),
        Json::Array(elements) => elements.iter().any(|inner| any_split(inner, is_meant)),
        _ => false,
    }
}

fn check(rule: &Json, depth: usize) -> Result<(), BadRule> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(BadRule::TooDeep);
    };
    match rule {
        Json::Object(fields) => {
            let mut operations = fields.iter();
            let (Some((operator, arguments)), None) = (operations.next(), operations.next()) else {
                return Err(BadRule::NoOperation);
            };
            if !OPERATORS.contains(&operator.as_str()) && operator != FRACTIONAL {
                return Err(BadRule::UnknownOperator(operator.clone()));
            }
            check(arguments, below)
        }
        Json::Array(elements) => elements.iter().try_for_each(|inner| check(inner, below)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_that_are_not_understood_are_named() {
        let mut deep = json!(1);
        for _ in 0..20 {
            deep = json!({ "!": [deep] });
        }
        for (rule, expected) in [
            (
                json!({"if": [{"in": ["@faas.com", {"var": ["email", ""]}]}, "on", "off"]}),
                None,
            ),
            (json!({"fractional": [["on", 25], ["off", 75]]}), None),
            (
                json!({"log": ["x"]}),
                Some("the operator `log` is not understood"),
            ),
            (
                json!({"if": [{"missing": ["a"]}, "on"]}),
                Some("the operator `missing` is not understood"),
            ),
            (
                json!({"var": "a", "if": []}),
                Some("a rule is an object of one operator"),
            ),
            (json!({}), Some("a rule is an object of one operator")),
            (json!("on"), Some("a rule is an object of one operator")),
            (deep, Some("a rule nests 32 brackets deep at most")),
            (
                json!({"cat": ["x".repeat(9_000)]}),
                Some("a rule takes 8192 bytes at most, this takes 9012"),
            ),
        ] {
            let told = Targeting::new(rule.clone())
                .err()
                .map(|why| why.to_string());
            assert_eq!(told.as_deref(), expected, "{rule}");
        }
    }
}

//! What a runbook is given of an event: typed, bounded, and never a template of
//! its own.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

/// Where the value of a variable comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Variable {
    /// The operator says it.
    Const(Value),
    /// A property of the event says it.
    From {
        /// The name of the property.
        property: String,
        /// What it must be.
        is: Shape,
    },
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A whole number between bounds, which belong to it.
    Int {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A number between bounds, which belong to it.
    Number {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// `true` or `false`.
    Bool,
    /// A text that the whole of a pattern matches.
    Text {
        /// The pattern.
        matches: String,
    },
}

/// Why a variable cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The event lacks the property.
    #[error("is taken from property `{property}`, which the event lacks")]
    Missing {
        /// The property.
        property: String,
    },
    /// It is not of the type.
    #[error("must be {wanted}, and the event says `{said}`")]
    Type {
        /// What it must be.
        wanted: String,
        /// What the event says.
        said: String,
    },
    /// The controller would evaluate it.
    #[error("has marks of a template in it, which a controller may evaluate")]
    Template,
}

/// The longest text of an event that is passed on, in characters.
const LONGEST: usize = 1_000;

/// What a runbook is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The variables.
    pub variables: Map<String, Value>,
    /// The hosts, unless the template says which.
    pub limit: Option<String>,
}

impl Variable {
    pub(super) fn value(&self, properties: &BTreeMap<String, String>) -> Result<Value, Misfit> {
        match self {
            Self::Const(value) => Ok(value.clone()),
            Self::From { property, is } => {
                let said = properties.get(property).ok_or_else(|| Misfit::Missing {
                    property: property.clone(),
                })?;
                is.read(said.trim())
            }
        }
    }
}

impl Shape {
    fn read(&self, said: &str) -> Result<Value, Misfit> {
        if has_marks(said) {
            return Err(Misfit::Template);
        }
        let read = match self {
            Self::Int { min, max } => said
                .parse::<i64>()
                .ok()
                .filter(|number| (*min..=*max).contains(number))
                .map(Value::from),
            Self::Number { min, max } => said
                .parse()
                .ok()
                .filter(|number: &f64| (*min..=*max).contains(number))
                .map(Value::from),
            Self::Bool => match said {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Text { matches } => {
                let fits = whole(matches).is_some_and(|pattern| pattern.is_match(said));
                let is_short = said.chars().count() <= LONGEST;
                (fits && is_short).then(|| Value::from(said))
            }
        };
        read.ok_or_else(|| Misfit::Type {
            wanted: self.to_string(),
            said: said.chars().take(100).collect(),
        })
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Bool => f.write_str("`true` or `false`"),
            Self::Text { matches } => write!(f, "a text like `{matches}`"),
        }
    }
}

/// A pattern that matches whole texts alone.
pub(super) fn whole(pattern: &str) -> Option<Regex> {
    // What is no pattern by itself could become one inside of the brackets.
    Regex::new(pattern).ok()?;
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

/// Whether a text has marks in it that Ansible evaluates.
pub(super) fn has_marks(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// The same, anywhere within a value.
pub(super) fn value_has_marks(value: &Value) -> bool {
    match value {
        Value::String(text) => has_marks(text),
        Value::Array(all) => all.iter().any(value_has_marks),
        Value::Object(all) => all
            .iter()
            .any(|(name, value)| has_marks(name) || value_has_marks(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Names that a controller or a play takes for its own.
pub(super) fn is_forbidden(name: &str) -> bool {
    const OWN: [&str; 3] = ["ansible_", "tower_", "awx_"];
    const NAMES: [&str; 17] = [
        "unbreakable",
        "pid",
        "state",
        "impactedentities",
        "limit",
        "inventory",
        "credential",
        "credentials",
        "job_type",
        "job_tags",
        "skip_tags",
        "tags",
        "scm_branch",
        "branch",
        "verbosity",
        "environment",
        "vars",
    ];
    let lower = name.to_ascii_lowercase();
    let mut letters = lower.chars();
    let begins = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let goes_on = letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    !begins || !goes_on || OWN.iter().any(|own| lower.starts_with(own)) || NAMES.contains(&&*lower)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(shape: &Shape, said: &str) -> Result<Value, Misfit> {
        shape.read(said)
    }

    #[test]
    fn values_are_typed_and_bounded() {
        let int = Shape::Int { min: 0, max: 100 };
        let number = Shape::Number { min: 0.0, max: 1.0 };
        let text = Shape::Text {
            matches: "[a-z]+|x-[0-9]".to_owned(),
        };
        for (shape, said, value) in [
            (&int, "0", json!(0)),
            (&int, "100", json!(100)),
            (&number, "0.5", json!(0.5)),
            (&Shape::Bool, "true", json!(true)),
            (&text, "abc", json!("abc")),
            (&text, "x-1", json!("x-1")),
        ] {
            assert_eq!(read(shape, said), Ok(value), "{said}");
        }
        for (shape, said) in [
            (&int, "101"),
            (&int, "-1"),
            (&int, "5%"),
            (&int, "5.0"),
            (&int, ""),
            (&int, "99999999999999999999"),
            (&number, "NaN"),
            (&number, "inf"),
            (&number, "1.1"),
            (&Shape::Bool, "True"),
            (&Shape::Bool, "1"),
            (&text, "abc1"),
            (&text, "abc\nabc"),
            (&text, "abc\n"),
            (&text, "x-1 or more"),
        ] {
            assert!(
                matches!(read(shape, said), Err(Misfit::Type { .. })),
                "{said:?}"
            );
        }
    }

    #[test]
    fn marks_of_a_template_are_refused_before_anything_else() {
        let anything = Shape::Text {
            matches: "(?s).*".to_owned(),
        };
        for said in [
            "{{ lookup('pipe', 'id') }}",
            "{{7*7}}",
            "{% raw %}",
            "{# x #}",
        ] {
            assert_eq!(read(&anything, said), Err(Misfit::Template), "{said}");
        }
        assert_eq!(
            read(&anything, "{ fine } \u{1f600}\""),
            Ok(json!("{ fine } \u{1f600}\""))
        );
        assert!(value_has_marks(&json!({"a": ["{{x}}"]})));
        assert!(value_has_marks(&json!({"{{x}}": 1})));
        assert!(!value_has_marks(&json!({"a": [1, null, "x"]})));
    }

    #[test]
    fn long_texts_are_refused() {
        let anything = Shape::Text {
            matches: ".*".to_owned(),
        };
        assert!(read(&anything, &"x".repeat(LONGEST)).is_ok());
        assert!(read(&anything, &"x".repeat(LONGEST + 1)).is_err());
    }

    #[test]
    fn pattern_cannot_escape_from_its_brackets() {
        assert!(whole("a)|(b").is_none());
        assert!(whole("(").is_none());
        assert!(!whole("a|b").unwrap().is_match("ab"));
    }

    #[test]
    fn names_of_the_controller_are_forbidden() {
        for name in [
            "ansible_host",
            "Tower_user_id",
            "awx_job_id",
            "limit",
            "inventory",
            "job_type",
            "unbreakable",
            "1st",
            "a-b",
            "a b",
            "",
        ] {
            assert!(is_forbidden(name), "{name}");
        }
        for name in ["promotion_rate", "_x", "rate2"] {
            assert!(!is_forbidden(name), "{name}");
        }
    }
}

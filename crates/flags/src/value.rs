//! What a flag can be.

use std::fmt;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

/// The largest integer that every client reads as it is written: beyond it a
/// JavaScript client rounds.
pub const LARGEST_INTEGER: i64 = (1 << 53) - 1;

/// The longest text or object, in bytes of JSON.
pub const LARGEST_VALUE: usize = 8 * 1024;

/// The type of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A text.
    String,
    /// A whole number that JavaScript can hold.
    Integer,
    /// A number.
    Number,
    /// An object of anything.
    Object,
}

/// The value of a flag.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Number(f64),
    /// An object, whose fields are in the order of their names.
    Object(serde_json::Map<String, Json>),
}

/// Why something is no value of a flag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAValue {
    /// It is of another type.
    #[error("expected {expected}, found {found}")]
    Type {
        /// The type of the flag.
        expected: Kind,
        /// What it is instead.
        found: &'static str,
    },
    /// A client could not read it as it is written.
    #[error("an integer lies between -{LARGEST_INTEGER} and {LARGEST_INTEGER}")]
    TooLarge,
    /// It is longer than what is kept.
    #[error("a value takes {LARGEST_VALUE} bytes at most, this takes {0}")]
    TooLong(usize),
}

impl Kind {
    /// All types, in the order in which people should be told about them.
    pub const ALL: [Self; 5] = [
        Self::Boolean,
        Self::String,
        Self::Integer,
        Self::Number,
        Self::Object,
    ];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Object => "object",
        }
    }

    /// Whether values between two others can be had.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }

    /// The value of this type that the JSON is. `"false"` is no boolean, `10.5`
    /// no integer; `10` is a number and `10.0` an integer, as they are in JSON.
    pub fn value(self, json: &Json) -> Result<Value, NotAValue> {
        let value = match (self, json) {
            (Self::Boolean, Json::Bool(value)) => Value::Boolean(*value),
            (Self::String, Json::String(value)) => Value::String(value.clone()),
            (Self::Integer, Json::Number(number)) => match number.as_i64() {
                Some(value) => Value::Integer(value),
                None => whole(number.as_f64(), self)?,
            },
            (Self::Number, Json::Number(number)) => {
                let finite = number.as_f64().filter(|number| number.is_finite());
                // Zero is zero, whatever its sign.
                Value::Number(finite.ok_or(NotAValue::TooLarge)? + 0.0)
            }
            (Self::Object, Json::Object(_)) => match sorted(json.clone()) {
                Json::Object(fields) => Value::Object(fields),
                _ => return Err(self.mismatch(json)),
            },
            _ => return Err(self.mismatch(json)),
        };
        value.checked()
    }

    fn mismatch(self, json: &Json) -> NotAValue {
        let found = match json {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a text",
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
        };
        NotAValue::Type {
            expected: self,
            found,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Value {
    /// The type that it is of.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Boolean(_) => Kind::Boolean,
            Self::String(_) => Kind::String,
            Self::Integer(_) => Kind::Integer,
            Self::Number(_) => Kind::Number,
            Self::Object(_) => Kind::Object,
        }
    }

    /// As clients read it: numbers have a fraction (`10.0`), integers have none.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Boolean(value) => Json::from(*value),
            Self::String(value) => Json::from(value.as_str()),
            Self::Integer(value) => Json::from(*value),
            Self::Number(value) => Json::from(*value),
            Self::Object(fields) => Json::Object(fields.clone()),
        }
    }

    /// The number that it is, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            Self::Boolean(_) | Self::String(_) | Self::Object(_) => None,
        }
    }

    fn checked(self) -> Result<Self, NotAValue> {
        match &self {
            Self::Integer(value) if LARGEST_INTEGER < value.saturating_abs() => {
                Err(NotAValue::TooLarge)
            }
            Self::String(_) | Self::Object(_) => {
                let bytes = self.to_string().len();
                if LARGEST_VALUE < bytes {
                    return Err(NotAValue::TooLong(bytes));
                }
                Ok(self)
            }
            _ => Ok(self),
        }
    }
}

/// As JSON on one line.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// What was written as a value: its type is known by its look.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        let kind = match &json {
            Json::Bool(_) => Kind::Boolean,
            Json::String(_) => Kind::String,
            Json::Number(number) if number.is_f64() => Kind::Number,
            Json::Number(_) => Kind::Integer,
            Json::Object(_) => Kind::Object,
            Json::Null | Json::Array(_) => return Err(D::Error::custom("not a value of a flag")),
        };
        kind.value(&json).map_err(D::Error::custom)
    }
}

fn whole(number: Option<f64>, kind: Kind) -> Result<Value, NotAValue> {
    let number = number.ok_or(NotAValue::TooLarge)?;
    if number.fract() != 0.0 {
        return Err(NotAValue::Type {
            expected: kind,
            found: "a number with a fraction",
        });
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast of a float saturates"
    )]
    let integer = number as i64;
    Ok(Value::Integer(integer))
}

/// The same with the fields of each object in the order of their names, so that
/// one value has one text.
fn sorted(json: Json) -> Json {
    match json {
        Json::Object(fields) => {
            let mut fields: Vec<(String, Json)> = fields.into_iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            let fields = fields.into_iter().map(|(name, json)| (name, sorted(json)));
            Json::Object(fields.collect())
        }
        Json::Array(elements) => elements.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_keep_the_type_of_their_flag() {
        for (kind, json, expected) in [
            (Kind::Boolean, json!(false), Ok(Value::Boolean(false))),
            (
                Kind::Boolean,
                json!("false"),
                Err("expected boolean, found a text"),
            ),
            (
                Kind::Boolean,
                json!(1),
                Err("expected boolean, found a number"),
            ),
            (
                Kind::Boolean,
                json!(null),
                Err("expected boolean, found null"),
            ),
            (Kind::Integer, json!(10), Ok(Value::Integer(10))),
            (Kind::Integer, json!(10.0), Ok(Value::Integer(10))),
            (
                Kind::Integer,
                json!(10.5),
                Err("expected integer, found a number with a fraction"),
            ),
            (
                Kind::Integer,
                json!(u64::MAX),
                Err("an integer lies between -9007199254740991 and 9007199254740991"),
            ),
            (
                Kind::Integer,
                json!(i64::MIN),
                Err("an integer lies between -9007199254740991 and 9007199254740991"),
            ),
            (Kind::Number, json!(10), Ok(Value::Number(10.0))),
            (
                Kind::Number,
                json!("10"),
                Err("expected number, found a text"),
            ),
            (Kind::String, json!("a"), Ok(Value::String("a".to_owned()))),
            (
                Kind::String,
                json!(["a"]),
                Err("expected string, found a list"),
            ),
            (
                Kind::Object,
                json!([]),
                Err("expected object, found a list"),
            ),
        ] {
            let value = kind.value(&json).map_err(|why| why.to_string());
            assert_eq!(value, expected.map_err(str::to_owned), "{kind} {json}");
        }
    }

    #[test]
    fn long_values_are_refused() {
        let long = json!("x".repeat(LARGEST_VALUE));
        assert_eq!(
            Kind::String.value(&long),
            Err(NotAValue::TooLong(LARGEST_VALUE + 2))
        );
    }

    #[test]
    fn numbers_have_a_fraction_and_integers_have_none() {
        let number = Kind::Number.value(&json!(10)).unwrap();
        assert_eq!(number.to_string(), "10.0");
        assert_eq!(Kind::Number.value(&json!(-0.0)).unwrap().to_string(), "0.0");
        assert_eq!(Value::Integer(10).to_string(), "10");
    }

    #[test]
    fn one_object_has_one_text() {
        let value = |json| Kind::Object.value(&json).unwrap().to_string();
        assert_eq!(
            value(json!({"b": [{"d": 1, "c": 2}], "a": 1})),
            value(json!({"a": 1, "b": [{"c": 2, "d": 1}]})),
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            integer in -LARGEST_INTEGER..=LARGEST_INTEGER, number in -1e300_f64..1e300, text in ".{0,20}",
        ) {
            let values = [
                Value::Integer(integer),
                Value::Number(number),
                Value::Number(number.trunc()),
                Value::String(text.clone()),
                Kind::Object.value(&json!({ text: [integer, number] })).unwrap(),
            ];
            for value in values {
                let written = serde_json::to_string(&value).unwrap();
                prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
            }
        }
    }
}

//! What the values of a flag are held to.

use crate::value::Value;

/// What a value must keep to, besides its type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The least number.
    pub min: Option<f64>,
    /// The largest number.
    pub max: Option<f64>,
    /// The only values, unless there are none.
    pub allowed: Vec<Value>,
}

/// Why a value is not admitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OutOfBounds {
    /// It is too small.
    #[error("{value} is below the least value, {min}")]
    Below {
        /// The value.
        value: Value,
        /// The least one.
        min: f64,
    },
    /// It is too large.
    #[error("{value} is above the largest value, {max}")]
    Above {
        /// The value.
        value: Value,
        /// The largest one.
        max: f64,
    },
    /// It is none of those that it may be.
    #[error("{value} is none of {}", listed(.allowed))]
    NotAllowed {
        /// The value.
        value: Value,
        /// Those that it may be.
        allowed: Vec<Value>,
    },
}

impl Bounds {
    /// Whether a value keeps to these bounds.
    pub fn admit(&self, value: &Value) -> Result<(), OutOfBounds> {
        if let Some(number) = value.number() {
            if let Some(min) = self.min.filter(|min| number < *min) {
                let value = value.clone();
                return Err(OutOfBounds::Below { value, min });
            }
            if let Some(max) = self.max.filter(|max| *max < number) {
                let value = value.clone();
                return Err(OutOfBounds::Above { value, max });
            }
        }
        if self.allowed.is_empty() || self.allowed.contains(value) {
            return Ok(());
        }
        Err(OutOfBounds::NotAllowed {
            value: value.clone(),
            allowed: self.allowed.clone(),
        })
    }
}

fn listed(values: &[Value]) -> String {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    values.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_are_named_with_the_bound() {
        let percent = Bounds {
            min: Some(0.0),
            max: Some(100.0),
            allowed: Vec::new(),
        };
        let words = Bounds {
            allowed: vec![Value::String("a".to_owned()), Value::String("b".to_owned())],
            ..Bounds::default()
        };
        for (bounds, value, expected) in [
            (&percent, Value::Integer(0), None),
            (&percent, Value::Integer(100), None),
            (
                &percent,
                Value::Integer(-1),
                Some("-1 is below the least value, 0"),
            ),
            (
                &percent,
                Value::Integer(101),
                Some("101 is above the largest value, 100"),
            ),
            (
                &percent,
                Value::Number(100.5),
                Some("100.5 is above the largest value, 100"),
            ),
            (&words, Value::String("b".to_owned()), None),
            (
                &words,
                Value::String("c".to_owned()),
                Some(r#""c" is none of "a", "b""#),
            ),
        ] {
            let told = bounds.admit(&value).err().map(|why| why.to_string());
            assert_eq!(told.as_deref(), expected, "{value}");
        }
    }
}

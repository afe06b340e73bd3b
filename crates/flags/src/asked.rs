//! What a caller asks flags to be, before anything is done with it.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::declaration::{BadValue, Declarations};
use crate::read::LARGEST_BULK;
use crate::value::Value;

/// Why a flag cannot be what was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadWish {
    /// There is no such flag.
    #[error("Unknown feature flag: {0}")]
    UnknownFlag(String),
    /// The flag may not have the value.
    #[error(transparent)]
    Value(#[from] BadValue),
}

/// Why nothing of what was asked for together is done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadBulk {
    /// It is no object of values by flag.
    #[error("Missing required field: flags (object)")]
    NoObject,
    /// It is nothing, or too much for one transaction.
    #[error("1 to {LARGEST_BULK} flags are changed together, these are {0}")]
    Count(usize),
    /// Some of it cannot be; each with why.
    #[error("{} of the flags cannot be set", .0.len())]
    Invalid(Vec<(String, BadWish)>),
}

impl Declarations {
    /// The value that was asked for, if there is such a flag and it may have it.
    pub fn wished(&self, flag: &str, value: &Json) -> Result<Value, BadWish> {
        let declared = self.flags.get(flag);
        let declared = declared.ok_or_else(|| BadWish::UnknownFlag(lint::shortened(flag)))?;
        Ok(declared.value(value)?)
    }

    /// The values that were asked for together: all of them, or none.
    pub fn wished_together(&self, flags: &Json) -> Result<BTreeMap<String, Value>, BadBulk> {
        let Json::Object(flags) = flags else {
            return Err(BadBulk::NoObject);
        };
        if !(1..=LARGEST_BULK).contains(&flags.len()) {
            return Err(BadBulk::Count(flags.len()));
        }
        let (mut values, mut invalid) = (BTreeMap::new(), Vec::new());
        for (flag, value) in flags {
            match self.wished(flag, value) {
                Ok(value) => drop(values.insert(flag.clone(), value)),
                Err(why) => invalid.push((lint::shortened(flag), why)),
            }
        }
        if invalid.is_empty() {
            Ok(values)
        } else {
            Err(BadBulk::Invalid(invalid))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::read::read;

    fn example() -> Declarations {
        read(include_str!("../examples/flags.json"))
            .declarations
            .unwrap()
    }

    #[test]
    fn values_of_the_guide_are_taken_and_everything_else_says_why() {
        for (flag, value, expected) in [
            ("errorInjectionEnabled", json!(false), None),
            (
                "errorInjectionEnabled",
                json!("false"),
                Some("expected boolean, found a text"),
            ),
            (
                "errorInjectionEnabled",
                json!(1),
                Some("expected boolean, found a number"),
            ),
            (
                "errorInjectionEnabled",
                json!(null),
                Some("expected boolean, found null"),
            ),
            ("canaryTrafficPercent", json!(10), None),
            (
                "canaryTrafficPercent",
                json!(-1),
                Some("-1 is below the least value, 0"),
            ),
            (
                "canaryTrafficPercent",
                json!(101),
                Some("101 is above the largest value, 100"),
            ),
            (
                "canaryTrafficPercent",
                json!(10.5),
                Some("expected integer, found a number with a fraction"),
            ),
            ("promotionalPercent", json!(100), None),
            // Words that are there on every object of the language of the original.
            (
                "constructor",
                json!(true),
                Some("Unknown feature flag: constructor"),
            ),
            (
                "__proto__",
                json!(true),
                Some("Unknown feature flag: __proto__"),
            ),
        ] {
            let told = example()
                .wished(flag, &value)
                .err()
                .map(|why| why.to_string());
            assert_eq!(told.as_deref(), expected, "{flag} {value}");
        }
    }

    #[test]
    fn what_is_asked_for_together_is_all_right_or_not_done() {
        let flags = json!({"errorInjectionEnabled": false, "circuitBreakerEnabled": true});
        assert_eq!(example().wished_together(&flags).unwrap().len(), 2);

        let flags = json!({"errorInjectionEnabled": false, "nope": true, "cacheEnabled": 0});
        let Err(BadBulk::Invalid(invalid)) = example().wished_together(&flags) else {
            panic!("two of them are wrong");
        };
        let told: Vec<String> = invalid
            .iter()
            .map(|(flag, why)| format!("{flag}: {why}"))
            .collect();
        assert_eq!(
            told,
            [
                "nope: Unknown feature flag: nope",
                "cacheEnabled: expected boolean, found a number"
            ]
        );
    }

    #[test]
    fn what_is_no_object_of_flags_is_refused() {
        for (flags, expected) in [
            (json!([]), BadBulk::NoObject),
            (json!(null), BadBulk::NoObject),
            (json!({}), BadBulk::Count(0)),
        ] {
            assert_eq!(example().wished_together(&flags), Err(expected), "{flags}");
        }
        let many: serde_json::Map<String, Json> = (0..21)
            .map(|number| (format!("flag{number}"), json!(true)))
            .collect();
        assert_eq!(
            example().wished_together(&Json::Object(many)),
            Err(BadBulk::Count(21))
        );
    }
}

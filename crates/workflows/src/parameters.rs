//! Parameters as the author of a pipeline, or another caller, wrote them down:
//! what every action reads alike.

use monspec::lint::nearest;
use monspec::lint::{escaped, is_hidden};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The longest name that is taken from outside, in characters.
const LONGEST_NAME: usize = 200;

/// What is wrong with parameters, and what to write instead: a sentence for
/// their author, shown on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong(String);

impl Wrong {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&escaped(&self.0))
    }
}

/// A JSON object, or the texts of 2018.
pub(crate) fn either<T>(
    text: &str,
    object: impl FnOnce(&str) -> Result<T, Wrong>,
    list: impl FnOnce(&str) -> Result<T, Wrong>,
) -> Result<T, Wrong> {
    let text = text.trim();
    if text.starts_with('{') {
        object(text)
    } else {
        list(text)
    }
}

/// Reads a JSON object.
pub(crate) fn object<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    serde_json::from_str(text).map_err(|error| {
        let error = error.to_string();
        let meant = meant(&error).unwrap_or_default();
        Wrong(format!(
            "the parameters are not the JSON object that is expected: {error}{meant}"
        ))
    })
}

/// What an unknown word probably meant, given the known ones.
fn meant(error: &str) -> Option<String> {
    let unknown = ["unknown field `", "unknown variant `"]
        .into_iter()
        .find_map(|before| error.strip_prefix(before))?;
    let (unknown, known) = unknown.split_once("`, expected ")?;
    let near = nearest(unknown, known.split('`').skip(1).step_by(2))?;
    Some(format!("; did you mean `{near}`?"))
}

/// A name, if one was written.
pub(crate) fn given(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// [`given`], for a field.
pub(crate) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name: Option<String> = Deserialize::deserialize(deserializer)?;
    Ok(name.as_deref().and_then(given))
}

/// Refuses names that are none.
pub(crate) fn check_names<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<(), Wrong> {
    for name in names {
        if name.contains("#{") {
            return Err(Wrong(format!(
                "`{name}` was not resolved: the variable exists in V2 pipelines and in the \
                 configuration of an action only"
            )));
        }
        if LONGEST_NAME < name.chars().count() || name.chars().any(is_hidden) {
            return Err(Wrong(format!(
                "a name is longer than {LONGEST_NAME} characters or holds control characters"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "what matters is what cannot be read")]
    struct Known {
        environment: Option<String>,
        execution_id: Option<String>,
    }

    #[test]
    fn field_that_was_meant_is_named() {
        let told = |text: &str| object::<Known>(text).unwrap_err().to_string();

        let near = told(r#"{"environmnt":"Staging"}"#);
        assert!(near.ends_with("; did you mean `environment`?"), "{near}");
        let far = told(r#"{"x":1}"#);
        assert!(far.contains("`executionId`"), "{far}");
        assert!(!far.contains("did you mean"), "{far}");
    }
}

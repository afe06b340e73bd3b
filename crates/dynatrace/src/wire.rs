//! Pieces of answers that both generations of the API write alike.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::problem::{Comment, ProblemStatus};
use crate::question::Tag;

/// A tag of an entity.
#[derive(Deserialize)]
pub(crate) struct WireTag {
    context: Option<String>,
    key: String,
    value: Option<String>,
}

impl From<WireTag> for Tag {
    fn from(wire: WireTag) -> Self {
        Self {
            context: wire.context,
            key: wire.key,
            value: wire.value,
        }
    }
}

/// The status of a problem. An unknown word makes the answer unreadable,
/// because either guess would set something in motion.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum WireStatus {
    Open,
    Closed,
}

impl From<WireStatus> for ProblemStatus {
    fn from(wire: WireStatus) -> Self {
        match wire {
            WireStatus::Open => Self::Open,
            WireStatus::Closed => Self::Closed,
        }
    }
}

/// What somebody said about a problem.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireComment {
    id: String,
    created_at_timestamp: i64,
    #[serde(default, deserialize_with = "or_default")]
    content: String,
    /// The one word that the generations have not in common.
    #[serde(default, alias = "userName", deserialize_with = "or_default")]
    author_name: String,
    context: Option<String>,
}

impl From<WireComment> for Comment {
    fn from(wire: WireComment) -> Self {
        Self {
            id: wire.id,
            created_ms: wire.created_at_timestamp,
            author: wire.author_name,
            context: wire.context,
            text: wire.content,
        }
    }
}

/// A value that is missing or `null` where nothing is the same as an empty one.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The end of what may go on: `-1` and `null` both say that it does.
pub(crate) fn ended(end_ms: Option<i64>) -> Option<i64> {
    end_ms.filter(|end| *end >= 0)
}

/// The value of a property. Tenants promise texts; anything else is shown as
/// it was written.
pub(crate) fn property(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

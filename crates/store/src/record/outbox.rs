//! Messages to another service, as [`serialize`] and [`deserialize`] of fields.

use jiff::Timestamp;
use release::outbox;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::record;

pub(crate) fn serialize<S: Serializer>(
    entry: &outbox::Entry,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Entry::from(entry.clone()).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<outbox::Entry, D::Error> {
    Entry::deserialize(deserializer).map(Into::into)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    text: String,
    at: Timestamp,
    #[serde(default)]
    posted: Option<Timestamp>,
    #[serde(default)]
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given_up: Option<String>,
}

record!(Entry = outbox::Entry {
    same: text, at, posted, attempts, given_up;
});

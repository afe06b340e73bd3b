//! Messages to another service.

use jiff::Timestamp;
use release::outbox;
use serde::{Deserialize, Serialize};

use super::record;

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

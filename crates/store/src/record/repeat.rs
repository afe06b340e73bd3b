//! What was answered to a request that changed flags.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record;
use crate::StoreError;
use crate::flag_set;
use crate::item::{self, Item};

/// An answer, as an attribute.
pub(crate) fn attribute(repeat: &flag_set::Repeat) -> AttributeValue {
    item::json_attribute(&Repeat::from(repeat.clone()))
}

/// The answer that is stored.
pub(crate) fn read(item: &Item) -> Result<flag_set::Repeat, StoreError> {
    item::json::<Repeat>(item, "answer").map(Into::into)
}

#[derive(Serialize, Deserialize)]
pub(super) struct RepeatId {
    key: String,
    hash: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Repeat {
    change: String,
    versions: BTreeMap<String, u64>,
    at: Timestamp,
    asked: String,
    status: u16,
    body: String,
}

record!(RepeatId = flag_set::RepeatId {
    same: key, hash;
});

record!(Repeat = flag_set::Repeat {
    same: change, versions, at, asked, status, body;
});

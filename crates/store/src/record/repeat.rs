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
    /// An earlier version stored the status of its answer instead.
    #[serde(rename = "progress", alias = "status")]
    completion: Completion,
    body: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Completion {
    Word(Word),
    Status(u16),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Done,
    Begun,
}

/// The status of an answer to what has begun.
const ACCEPTED: u16 = 202;

record!(RepeatId = flag_set::RepeatId {
    same: key, hash;
});

record!(Repeat = flag_set::Repeat {
    same: change, versions, at, asked, body;
    inner: completion;
});

record!(enum Word = flag_set::Completion {
    Done,
    Begun,
});

impl From<flag_set::Completion> for Completion {
    fn from(completion: flag_set::Completion) -> Self {
        Self::Word(completion.into())
    }
}

impl From<Completion> for flag_set::Completion {
    fn from(completion: Completion) -> Self {
        match completion {
            Completion::Word(word) => word.into(),
            Completion::Status(ACCEPTED) => Self::Begun,
            Completion::Status(_) => Self::Done,
        }
    }
}

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
    #[serde(alias = "status")]
    progress: Progress,
    body: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Progress {
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
    inner: progress;
});

record!(enum Word = flag_set::Progress {
    Done,
    Begun,
});

impl From<flag_set::Progress> for Progress {
    fn from(progress: flag_set::Progress) -> Self {
        Self::Word(progress.into())
    }
}

impl From<Progress> for flag_set::Progress {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::Word(word) => word.into(),
            Progress::Status(ACCEPTED) => Self::Begun,
            Progress::Status(_) => Self::Done,
        }
    }
}

//! Changes of flags that wait for their events.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use flags::{Because, step};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::flag::{Author, State};
use super::record;
use super::repeat::{Repeat, RepeatId};
use crate::StoreError;
use crate::flag_set;
use crate::item::{self, Item};

/// What is prepared of a flag, as an attribute.
pub(crate) fn of_flag(prepared: &flag_set::Prepared) -> AttributeValue {
    item::json_attribute(&Prepared::from(prepared.clone()))
}

/// What is stored as prepared of a flag.
pub(crate) fn read_of_flag(item: &Item) -> Result<Option<flag_set::Prepared>, StoreError> {
    let prepared: Option<Prepared> = item::optional_json(item, "prepared")?;
    Ok(prepared.map(Into::into))
}

/// A request whose changes wait, as an attribute.
pub(crate) fn attribute(change: &flag_set::PreparedChange) -> AttributeValue {
    item::json_attribute(&PreparedChange::from(change.clone()))
}

/// The request that is stored, if this is one.
pub(crate) fn read(item: &Item) -> Result<Option<flag_set::PreparedChange>, StoreError> {
    let change: Option<PreparedChange> = item::optional_json(item, "prepared")?;
    Ok(change.map(Into::into))
}

#[derive(Serialize, Deserialize)]
struct Prepared {
    request: String,
    transition: Transition,
}

#[derive(Serialize, Deserialize)]
struct Transition {
    state: State,
    entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreparedChange {
    set: String,
    request: String,
    since: Timestamp,
    by: Author,
    why: String,
    triggered_by: String,
    wanted: BTreeMap<String, WantedChange>,
    answer: Option<Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<EndedAs>,
}

#[derive(Serialize, Deserialize)]
struct Answer(RepeatId, Repeat);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WantedChange {
    change: String,
    version: u64,
    value: String,
    requires_event: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum EndedAs {
    Made,
    Aborted(Because),
}

record!(Prepared = flag_set::Prepared {
    same: request;
    inner: transition;
});

record!(Transition = step::Transition {
    inner: state;
    each: entries;
});

record!(PreparedChange = flag_set::PreparedChange {
    same: set, request, since, why, triggered_by;
    inner: by;
    maybe: answer, ended;
    values: wanted;
});

record!(WantedChange = flag_set::WantedChange {
    same: change, version, value, requires_event;
});

record!(enum EndedAs = flag_set::EndedAs {
    Made,
    Aborted(because),
});

impl From<(flag_set::RepeatId, flag_set::Repeat)> for Answer {
    fn from((id, repeat): (flag_set::RepeatId, flag_set::Repeat)) -> Self {
        Self(id.into(), repeat.into())
    }
}

impl From<Answer> for (flag_set::RepeatId, flag_set::Repeat) {
    fn from(Answer(id, repeat): Answer) -> Self {
        (id.into(), repeat.into())
    }
}

//! Events about flags that the tenant is owed.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::declaration::Entities;
use super::outbox::Entry;
use super::record;
use crate::StoreError;
use crate::flag_set;
use crate::item::{self, Item};

/// An event, as an attribute.
pub(crate) fn attribute(outbox: &flag_set::Outbox) -> AttributeValue {
    item::json_attribute(&Outbox::from(outbox.clone()))
}

/// The event that is stored, if this is one.
pub(crate) fn read(item: &Item) -> Result<Option<flag_set::Outbox>, StoreError> {
    let outbox: Option<Outbox> = item::optional_json(item, "outbox")?;
    Ok(outbox.map(Into::into))
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outbox {
    set: String,
    flag: String,
    version: u64,
    event: ChangeEvent,
    entry: Entry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only_if: Option<OnlyIf>,
}

#[derive(Serialize, Deserialize)]
struct OnlyIf {
    marker: String,
    at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct ChangeEvent {
    title: String,
    entities: Option<Entities>,
    at: Timestamp,
    properties: BTreeMap<String, String>,
}

record!(Outbox = flag_set::Outbox {
    same: set, flag, version;
    inner: event, entry;
    maybe: only_if;
});

record!(OnlyIf = flag_set::OnlyIf {
    same: marker, at;
});

record!(ChangeEvent = flag_set::ChangeEvent {
    same: title, at, properties;
    maybe: entities;
});

//! Changes, what takes them back, and deployments, their first kind.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::change;
use release::deployment::{self, Origin};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::configuration::Configuration;
use super::record;
use crate::StoreError;
use crate::item::{self, Item};

/// A deployment, as an attribute.
pub(crate) fn deployment(deployment: &deployment::Deployment) -> AttributeValue {
    item::json_attribute(&Deployment::from(deployment.clone()))
}

/// The deployment that is stored.
pub(crate) fn deployed(item: &Item) -> Result<deployment::Deployment, StoreError> {
    item::json::<Deployment>(item, "deployment").map(Into::into)
}

/// A change of a flag, as an attribute.
pub(crate) fn flag(change: &change::FlagChange) -> AttributeValue {
    item::json_attribute(&FlagChange::from(change.clone()))
}

/// A group, as an attribute.
pub(crate) fn group(group: &deployment::Group) -> AttributeValue {
    item::json_attribute(&Group::from(group.clone()))
}

/// The group that this attribute holds.
pub(crate) fn read_group(
    item: &Item,
    attribute: &'static str,
) -> Result<deployment::Group, StoreError> {
    item::json::<Group>(item, attribute).map(Into::into)
}

/// The partition of what is known of a place.
pub(crate) fn partition(place: &change::Place) -> String {
    match place {
        change::Place::Group(group) => item::history(group),
        change::Place::Flag(flag) => item::flag_place(flag),
        // Three parts at least, which no group has.
        change::Place::Runbook(target) => target.clone(),
    }
}

/// A change of any kind. Its field is read with [`of_kind`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(super) enum Change {
    Deployment(Deployment),
    Flag(FlagChange),
    Configuration(Configuration),
}

/// What takes back a change of the same kind. Its field is read with [`of_kind`].
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(super) enum Remedy {
    #[serde(rename = "deployment")]
    Redeploy(Deployment),
    #[serde(rename = "flag")]
    Restore(FlagValue),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployment {
    id: String,
    group: Group,
    at: Timestamp,
    execution: Option<String>,
    identity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    version: String,
    origin: Origin,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FlagChange {
    id: String,
    flag: Flag,
    version: u64,
    at: Timestamp,
    before: String,
    after: String,
    by: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FlagValue {
    flag: Flag,
    value: String,
}

#[derive(Serialize, Deserialize)]
struct Flag {
    set: String,
    name: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Group {
    application: String,
    name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Groups(Vec<Group>);

/// Reads what names its kind. What was stored before there were kinds names none
/// and is a deployment.
pub(super) fn of_kind<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let mut fields = Map::deserialize(deserializer)?;
    fields
        .entry("kind")
        .or_insert_with(|| Value::from("deployment"));
    T::deserialize(Value::Object(fields)).map_err(D::Error::custom)
}

record!(enum Change = change::Change {
    Deployment(deployment),
    Flag(change),
    Configuration(configuration),
});

record!(enum Remedy = change::Remedy {
    Redeploy(deployment),
    Restore(flag),
});

record!(FlagChange = change::FlagChange {
    same: id, version, at, before, after, by;
    inner: flag;
});

record!(FlagValue = change::FlagValue {
    same: value;
    inner: flag;
});

record!(Flag = change::Flag {
    same: set, name;
});

record!(Deployment = deployment::Deployment {
    same: id, at, execution, identity, location, digest, version, origin;
    inner: group;
});

record!(Group = deployment::Group {
    same: application, name;
});

impl From<Vec<deployment::Group>> for Groups {
    fn from(groups: Vec<deployment::Group>) -> Self {
        Self(groups.into_iter().map(Into::into).collect())
    }
}

impl From<Groups> for Vec<deployment::Group> {
    fn from(Groups(groups): Groups) -> Self {
        groups.into_iter().map(Into::into).collect()
    }
}

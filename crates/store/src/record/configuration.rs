//! Configurations that others announce.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::configuration;
use serde::{Deserialize, Serialize};

use super::record;
use crate::item;

/// What announced a configuration, as an attribute.
pub(crate) fn event(event: &configuration::Cause) -> AttributeValue {
    item::json_attribute(&Cause::from(event.clone()))
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Configuration {
    event: Cause,
    target: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cause {
    id: String,
    kind: String,
    at: Timestamp,
    title: String,
    source: String,
}

record!(Configuration = configuration::Configuration {
    same: target;
    inner: event;
});

record!(Cause = configuration::Cause {
    same: id, kind, at, title, source;
});

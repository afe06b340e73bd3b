//! What people say of runs.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use release::runbook;
use serde::{Deserialize, Serialize};

use super::record;
use crate::StoreError;
use crate::error::corrupt;
use crate::item::{self, Item};

/// What stands before the id of a run in the name of its attribute.
const PREFIX: &str = "word.";

/// The attribute that holds what a person says of a run.
pub(crate) fn name(run: &str) -> String {
    format!("{PREFIX}{run}")
}

/// What a person says, as an attribute.
pub(crate) fn attribute(permission: &runbook::Permission) -> AttributeValue {
    item::json_attribute(&Permission::from(permission.clone()))
}

/// What people said that is stored in this item, by run.
pub(crate) fn read(item: &Item) -> Result<BTreeMap<String, runbook::Permission>, StoreError> {
    let said = item.iter().filter_map(|(name, value)| {
        let run = name.strip_prefix(PREFIX)?;
        Some((run, value.as_s().map_or("", String::as_str)))
    });
    said.map(|(run, text)| {
        let permission = serde_json::from_str::<Permission>(text);
        let permission = permission.map_err(|error| corrupt("permission", error))?;
        Ok((run.to_owned(), permission.into()))
    })
    .collect()
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "says")]
enum Permission {
    #[serde(rename = "yes")]
    Given { who: String },
    #[serde(rename = "no")]
    Refused { who: String },
}

record!(enum Permission = runbook::Permission {
    Given { same: who; },
    Refused { same: who; },
});

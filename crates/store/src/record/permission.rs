//! What a person says of a run.

use aws_sdk_dynamodb::types::AttributeValue;
use release::runbook;
use serde::{Deserialize, Serialize};

use super::record;
use crate::StoreError;
use crate::error::corrupt;
use crate::item;

/// What a person says, as an attribute.
pub(crate) fn attribute(permission: &runbook::Permission) -> AttributeValue {
    item::json_attribute(&Permission::from(permission.clone()))
}

/// What a person said, which is stored as this text.
pub(crate) fn read(text: &str) -> Result<runbook::Permission, StoreError> {
    let permission = serde_json::from_str::<Permission>(text);
    let permission = permission.map_err(|error| corrupt("permission", error))?;
    Ok(permission.into())
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

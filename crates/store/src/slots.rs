//! What was registered in one execution.

use aws_sdk_dynamodb::types::AttributeValue;
use release::validation::{Registrant, ValidationId};

use crate::error::{missing, unavailable};
use crate::item::{self, Item, unescaped};
use crate::{StoreError, Validations};

/// The latest validation of one registrant in one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The validation.
    pub id: ValidationId,
    /// Who registered it.
    pub registrant: Registrant,
    /// Its comparison.
    pub comparison: String,
}

impl Validations {
    /// What was registered in an execution; whatever was superseded is left out.
    pub async fn slots(&self, pipeline: &str, execution: &str) -> Result<Vec<Slot>, StoreError> {
        let items = self
            .slot_items("read what an execution registered", pipeline, execution)
            .await?;
        items.iter().map(slot).collect()
    }

    pub(crate) async fn slot_items(
        &self,
        action: &'static str,
        pipeline: &str,
        execution: &str,
    ) -> Result<Vec<Item>, StoreError> {
        self.table
            .query()
            .key_condition_expression("pk = :slots AND begins_with(sk, :slot)")
            .expression_attribute_values(
                ":slots",
                AttributeValue::S(item::slots(pipeline, execution)),
            )
            .expression_attribute_values(":slot", AttributeValue::S("slot#".to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<Item>, _>>()
            .await
            .map_err(|error| unavailable(action, error.into_service_error()))
    }
}

/// A slot says who it belongs to in its own key, and the comparison in the key
/// that it points at.
fn slot(item: &Item) -> Result<Slot, StoreError> {
    let own: Vec<&str> = item::string(item, "sk")?.split('#').collect();
    let registrant = match own.as_slice() {
        ["slot", "action", stage, action] => Registrant::Action {
            stage: unescaped(stage),
            action: unescaped(action),
        },
        ["slot", "direct", ..] => Registrant::Direct,
        _ => return Err(missing("sk")),
    };
    let comparison = item::string(item, "targetSk")?
        .split('#')
        .nth(1)
        .ok_or(missing("targetSk"))?;
    Ok(Slot {
        id: item::plain(item, "id")?,
        registrant,
        comparison: unescaped(comparison),
    })
}

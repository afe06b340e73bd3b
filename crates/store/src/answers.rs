//! What the validations of one approval say.

use aws_sdk_dynamodb::types::AttributeValue;
use release::approval::Answer;
use release::validation::ApprovalAction;

use crate::claim::Claimed;
use crate::error::unavailable;
use crate::item::{self, Item};
use crate::{Store, StoreError};

impl Store {
    /// The answers of all validations registered for the same approval of the
    /// same execution, this one included; `None` stands for one that is not
    /// judged yet. A validation without an approval speaks for itself alone.
    pub async fn answers(&self, claimed: &Claimed) -> Result<Vec<Option<Answer>>, StoreError> {
        let registration = &claimed.validation.registration;
        let (Some(execution), Some(asked)) = (&registration.execution, &registration.approval)
        else {
            let judgement = claimed.validation.judgement.as_ref();
            return Ok(vec![judgement.map(|judgement| judgement.answer)]);
        };
        let mut answers = Vec::new();
        let mut slots = self
            .client
            .query()
            .table_name(&self.validations)
            .key_condition_expression("pk = :slots AND begins_with(sk, :slot)")
            .expression_attribute_values(
                ":slots",
                AttributeValue::S(item::slots(&registration.pipeline, execution)),
            )
            .expression_attribute_values(":slot", AttributeValue::S("slot#".to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(slot) = slots.next().await {
            let slot = slot.map_err(|error| {
                unavailable(
                    "read the validations of an approval",
                    error.into_service_error(),
                )
            })?;
            if approval(&slot)?.as_ref() == Some(asked) {
                answers.push(answer(&slot)?);
            }
        }
        Ok(answers)
    }
}

fn approval(slot: &Item) -> Result<Option<ApprovalAction>, StoreError> {
    item::optional_json(slot, "approval")
}

fn answer(slot: &Item) -> Result<Option<Answer>, StoreError> {
    slot.contains_key("answer")
        .then(|| item::plain(slot, "answer"))
        .transpose()
}

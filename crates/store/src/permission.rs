//! What people say of runs of runbooks, beside the document of their problem: no
//! worker has to be waited for.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::runbook::Permission;

use crate::contention::giving_way;
use crate::error::unavailable;
use crate::item::{self, Key};
use crate::{Remediations, StoreError, record};

/// What became of what a person said.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is stored, and the problem is looked at next.
    Stored,
    /// Nothing is done about the problem any more, or there is none.
    TooLate,
}

/// How often it is tried while workers take the problem and give it back.
const ATTEMPTS: u32 = 8;

impl Remediations {
    /// Stores what a person says of a run, in place of what was said of it before.
    pub async fn say(
        &self,
        problem: &str,
        run: &str,
        permission: &Permission,
        now: Timestamp,
    ) -> Result<Heard, StoreError> {
        let key = Key::problem(problem);
        for _ in 0..ATTEMPTS {
            for (set, condition) in [
                (
                    ", dueAt = :now",
                    "attribute_exists(dueShard) AND attribute_not_exists(claim)",
                ),
                ("", "attribute_exists(claim)"),
            ] {
                let update = self
                    .table
                    .update_item(&key)
                    .update_expression(format!(
                        "SET #permission = :permission, reportedAt = :now{set} ADD notices :one"
                    ))
                    .condition_expression(condition)
                    .expression_attribute_names("#permission", record::permission::name(run))
                    .expression_attribute_values(
                        ":permission",
                        record::permission::attribute(permission),
                    )
                    .expression_attribute_values(":now", item::millis(now))
                    .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
                let outcome = giving_way(|| update.clone().send()).await;
                match outcome.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
                    Ok(_) => return Ok(Heard::Stored),
                    Err(UpdateItemError::ConditionalCheckFailedException(_)) => {}
                    Err(error) => return Err(unavailable("store what a person said", error)),
                }
            }
            let found = self.table.get("read a problem", &key).await?;
            if found.is_none_or(|found| !found.contains_key("dueShard")) {
                return Ok(Heard::TooLate);
            }
        }
        Err(StoreError::Unavailable {
            action: "store what a person said",
            cause: "workers kept taking the problem and giving it back".into(),
        })
    }
}

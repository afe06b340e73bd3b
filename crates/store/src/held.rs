//! What a worker holds of a record, and how it is changed.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, Update};

use crate::Queue;
use crate::contention::giving_way;
use crate::item::Key;
use crate::item_update::{ItemUpdate, MINE};
use crate::kind::Record;

/// What a worker holds, as far as it can be given back whatever became of the
/// worker.
#[derive(Clone, Debug)]
pub struct Held {
    pub(crate) table: String,
    pub(crate) key: Key,
    pub(crate) claim: String,
    /// How often the work on it panicked.
    pub(crate) panics: u32,
}

impl Held {
    /// A change that only the holder may make, for a transaction.
    pub(crate) fn update(&self, change: &ItemUpdate) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(self.key.attributes()))
            .update_expression(change.expression())
            .condition_expression(MINE)
            .set_expression_attribute_names(Some(change.names()))
            .set_expression_attribute_values(Some(change.values(&self.claim)))
    }
}

impl<R: Record> Queue<R> {
    /// Changes what is held, as long as it is, and as long as it was reported as
    /// often as `notices` says.
    pub(crate) async fn update(
        &self,
        held: &Held,
        change: &ItemUpdate,
        notices: Option<&AttributeValue>,
    ) -> Result<(), UpdateItemError> {
        let mut values = change.values(&held.claim);
        let condition = match notices {
            Some(notices) => {
                values.insert(":notices".to_owned(), notices.clone());
                format!("{MINE} AND notices = :notices")
            }
            None => MINE.to_owned(),
        };
        let update = self
            .table
            .update_item(&held.key)
            .update_expression(change.expression())
            .condition_expression(condition)
            .set_expression_attribute_names(Some(change.names()))
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        giving_way(|| update.clone().send())
            .await
            .map(drop)
            .map_err(SdkError::into_service_error)
    }
}

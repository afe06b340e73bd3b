//! What is known of the revisions of a group.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::deployment::{Deployment, Group, LedgerEntry};
use release::ledger::Lesson;
use release::validation::ValidationId;

use crate::entry::{Entry, Reading, outward};
use crate::error::unavailable;
use crate::item;
use crate::transaction::{Attempt, Write};
use crate::{Ledger, StoreError};

/// How many deployments of a group are read back from a moment at once. Whoever
/// has to know what ran long before it reads on, with
/// [`Ledger::deployments_between`].
pub const HISTORY: usize = 50;

impl Ledger {
    /// The deployments of a group up to and including `until`, the newest
    /// first, at most fifty.
    pub async fn deployments(
        &self,
        group: &Group,
        until: Timestamp,
    ) -> Result<Vec<LedgerEntry>, StoreError> {
        let readings = self.readings(group, until).await?;
        Ok(readings.iter().map(Reading::entry).collect())
    }

    /// The same, for writes that rest on it.
    pub async fn readings(
        &self,
        group: &Group,
        until: Timestamp,
    ) -> Result<Vec<Reading>, StoreError> {
        let found = self
            .history_query(group, Timestamp::UNIX_EPOCH, until)
            .limit(HISTORY.try_into().expect("fifty fits into every number"))
            .send()
            .await
            .map_err(|error| unavailable("read the ledger", error.into_service_error()))?;
        found.items().iter().map(Reading::read).collect()
    }

    /// All deployments of a group between two moments, both included, the newest
    /// first.
    pub async fn deployments_between(
        &self,
        group: &Group,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<LedgerEntry>, StoreError> {
        let query = self.history_query(group, since, until);
        let mut items = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item =
                item.map_err(|error| unavailable("read the ledger", error.into_service_error()))?;
            found.push(outward(&item)?);
        }
        Ok(found)
    }

    fn history_query(
        &self,
        group: &Group,
        since: Timestamp,
        until: Timestamp,
    ) -> QueryFluentBuilder {
        let last = format!("{}#~", item::moment(until));
        self.table
            .query()
            .key_condition_expression("pk = :group AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":group", AttributeValue::S(item::history(group)))
            .expression_attribute_values(":first", AttributeValue::S(item::moment(since)))
            .expression_attribute_values(":last", AttributeValue::S(last))
            .scan_index_forward(false)
            .consistent_read(true)
    }

    /// Enters a deployment that nobody registers a validation for, such as a
    /// heal, and says what the ledger has of it. Entering it again changes
    /// nothing, unless more is known of it now.
    pub async fn record_deployment(
        &self,
        deployment: &Deployment,
    ) -> Result<Deployment, StoreError> {
        let mut attempts = self.attempts("record a deployment").await;
        loop {
            let entry = self.entry_of(deployment).await?;
            let writes = self.entry_writes(std::slice::from_ref(&entry));
            if writes.is_empty() || attempts.write(writes).await? == Attempt::Written {
                return Ok(entry.deployment);
            }
        }
    }

    /// The writes that make `lesson` what validation `id` says of its
    /// deployments: the word of its verdict, or of the person who overrode it.
    pub(crate) async fn lessons(
        &self,
        deployments: &[Deployment],
        id: ValidationId,
        lesson: &Lesson,
    ) -> Result<Vec<Write>, StoreError> {
        let entries = self.entries(deployments).await?;
        Ok(self.taught(entries, id, lesson))
    }

    /// The same with the deployments as they were read.
    pub(crate) fn taught(
        &self,
        mut entries: Vec<Entry>,
        id: ValidationId,
        lesson: &Lesson,
    ) -> Vec<Write> {
        for entry in &mut entries {
            entry.known.learn(id, lesson);
        }
        self.entry_writes(&entries)
    }
}

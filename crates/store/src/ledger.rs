//! What is known of the revisions of a group.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::deployment::{Deployment, Group, LedgerEntry, Standing};
use release::validation::ValidationId;
use serde::{Deserialize, Serialize};

use crate::entry::{Entry, Known, NOBODY, Reading, outward};
use crate::error::unavailable;
use crate::item;
use crate::transaction::{Attempt, Write};
use crate::{Store, StoreError};

/// How many deployments of a group are read back from a moment at once. Whoever
/// has to know what ran long before it reads on, with
/// [`Store::deployments_between`].
pub const HISTORY: usize = 50;

/// How many validations of a deployment are remembered one by one. Any number of
/// them may judge what runs, and an item has its bounds.
const MOST_LESSONS: usize = 50;

impl Store {
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
        self.client
            .query()
            .table_name(&self.ledger)
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
            let entry = self.entry(deployment).await?;
            let writes = self.entry_writes(std::slice::from_ref(&entry));
            if writes.is_empty() || attempts.write(self, writes).await? == Attempt::Written {
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

impl Known {
    /// What is known once validation `id` says `lesson`.
    ///
    /// The validations of a deployment make one word together, the worst, in
    /// whatever order they come. What anybody else said of it, such as a
    /// problem, weighs as [`Standing::taught`] says.
    fn learn(&mut self, id: ValidationId, lesson: &Lesson) {
        let by_validations = self.said.by == NOBODY || self.lessons.has(&self.said);
        self.lessons.each.insert(id, lesson.clone());
        let Some(worst) = self.lessons.worst() else {
            return;
        };
        let standing = if by_validations {
            worst.standing
        } else {
            self.said.standing.taught(worst.standing)
        };
        let stays =
            self.said.standing == standing && (!by_validations || self.lessons.has(&self.said));
        if !stays && worst.standing == standing {
            self.said = worst;
        }
        self.lessons.forget_all_but(MOST_LESSONS, &self.said);
    }

    /// What is known once a problem has nothing to say any more: what the
    /// validations hold against it, and nothing good.
    pub(crate) fn lift(&mut self, by: String) {
        let failed = self
            .lessons
            .worst()
            .filter(|worst| worst.standing == Standing::Bad);
        self.said = failed.unwrap_or(Lesson {
            standing: Standing::Unknown,
            by,
        });
    }
}

/// What the validations said of a deployment: each of the newest, and of those
/// before them the worst.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lessons {
    pub(crate) each: BTreeMap<ValidationId, Lesson>,
    pub(crate) forgotten: Option<Forgotten>,
}

/// Words that are no longer kept one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Forgotten {
    pub(crate) count: u32,
    pub(crate) worst: Lesson,
}

impl Lessons {
    /// Whether somebody said exactly this.
    fn has(&self, said: &Lesson) -> bool {
        self.all().any(|one| one == said)
    }

    /// The worst word of all validations, from the one that said it first.
    fn worst(&self) -> Option<Lesson> {
        let standing = self
            .all()
            .map(|said| said.standing)
            .reduce(Standing::worse)?;
        self.all().find(|said| said.standing == standing).cloned()
    }

    fn all(&self) -> impl Iterator<Item = &Lesson> {
        let forgotten = self.forgotten.iter().map(|forgotten| &forgotten.worst);
        forgotten.chain(self.each.values())
    }

    /// Keeps the newest words. Of the others the worst stays, and of two alike
    /// the one that counts.
    fn forget_all_but(&mut self, most: usize, said: &Lesson) {
        while most < self.each.len()
            && let Some((_, oldest)) = self.each.pop_first()
        {
            let (count, worst) = match self.forgotten.take() {
                None => (0, oldest),
                Some(Forgotten { count, worst }) => {
                    let is_milder = worst.standing.worse(oldest.standing) != worst.standing;
                    let is_alike = worst.standing == oldest.standing;
                    if is_milder || (is_alike && oldest == *said) {
                        (count, oldest)
                    } else {
                        (count, worst)
                    }
                }
            };
            let count = count.saturating_add(1);
            self.forgotten = Some(Forgotten { count, worst });
        }
    }
}

/// What a verdict or a person says of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lesson {
    pub(crate) standing: Standing,
    pub(crate) by: String,
}

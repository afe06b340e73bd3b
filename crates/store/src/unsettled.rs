//! What is not settled yet, for people.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use release::validation::Validation;

use crate::error::unavailable;
use crate::item::{self, Key, unescaped};
use crate::tables::{DUE_INDEX, RESTING, SHARDS, shard_key};
use crate::{StoreError, Validations, record};

/// How much of the index is read at once.
const PAGE: i32 = 25;

/// A validation on which work is left, or that rests.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The validation.
    pub validation: Validation,
    /// When it is looked at next, or until when a worker has it; never, where it
    /// rests.
    pub next_look: Option<Timestamp>,
}

/// Some of what is not settled yet.
#[derive(Clone, Debug, Default)]
pub struct Unsettled {
    /// In the order of registration.
    pub validations: Vec<Pending>,
    /// Whether there are more.
    pub more: bool,
    /// How many of these cannot be read.
    pub unreadable: usize,
}

impl Validations {
    /// The validations, of one pipeline or of all, on which work is left or that
    /// rest, but for those that gave up before `since`; at most `most`. Only the
    /// index of what is due is read, and what it names: what is settled costs
    /// nothing.
    pub async fn unsettled(
        &self,
        pipeline: Option<&str>,
        most: usize,
        since: Timestamp,
    ) -> Result<Unsettled, StoreError> {
        const ACTION: &str = "find what is not settled";
        let mut found = Unsettled::default();
        for partition in (0..SHARDS).map(shard_key).chain([RESTING.to_owned()]) {
            let rests = partition == RESTING;
            let mut pages = self
                .table
                .query()
                .index_name(DUE_INDEX)
                .key_condition_expression("dueShard = :partition")
                .expression_attribute_values(":partition", AttributeValue::S(partition))
                // What has rested for long is left out first.
                .scan_index_forward(!rests)
                .limit(PAGE)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| unavailable(ACTION, error.into_service_error()))?;
                let mut places = Vec::new();
                for item in page.items() {
                    let key = Key::of(item)?;
                    if pipeline.is_none_or(|pipeline| key.pipeline().as_deref() == Some(pipeline)) {
                        places.push((key, item::timestamp(item, "dueAt")?));
                    }
                }
                let reads = places.iter().map(async |(key, due)| {
                    let item = self.table.get("read a validation", key).await?;
                    Ok::<_, StoreError>(item.map(|item| (*due, item)))
                });
                for (due, item) in try_join_all(reads).await?.into_iter().flatten() {
                    if item.contains_key("ending") && rests && due < since {
                        continue;
                    }
                    if found.validations.len() == most {
                        found.more = true;
                        break;
                    }
                    match record::validation::read(&item) {
                        Ok(validation) => found.validations.push(Pending {
                            validation,
                            next_look: (!rests).then_some(due),
                        }),
                        // One damaged validation must not hide the others.
                        Err(_) => found.unreadable += 1,
                    }
                }
                if found.more {
                    break;
                }
            }
        }
        found
            .validations
            .sort_by_key(|pending| pending.validation.registration.id);
        Ok(found)
    }
}

impl Key {
    /// The pipeline whose build is judged.
    fn pipeline(&self) -> Option<String> {
        self.pk.strip_prefix("p#").map(unescaped)
    }
}

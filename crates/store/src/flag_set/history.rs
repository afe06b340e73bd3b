//! What was written down of changes.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use flags::Entry;
use serde::{Deserialize, Serialize};

use super::{Flags, keys};
use crate::StoreError;
use crate::error::unavailable;
use crate::item::{self, Item};

/// How many items one read takes.
const AT_ONCE: usize = 100;

/// Part of what was written down, the newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct FlagHistory {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Whether there are older ones.
    pub older: bool,
}

/// An entry, by what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EntryId {
    /// The flag.
    pub flag: String,
    /// The version that it made.
    pub version: u64,
}

impl Flags {
    /// The whole history of a flag, in the order of its versions.
    pub async fn history(&self, set: &str, flag: &str) -> Result<Vec<Entry>, StoreError> {
        let pk = keys::change(set, flag, 0).pk;
        let items = self.partition("read a history", &pk).await?;
        items.iter().map(entry).collect()
    }

    /// At most so many entries of a flag below a version, or the newest ones.
    pub async fn history_before(
        &self,
        set: &str,
        flag: &str,
        before: Option<u64>,
        most: usize,
    ) -> Result<FlagHistory, StoreError> {
        let edge = keys::change(set, flag, before.unwrap_or(u64::MAX));
        let items = self.newest(&edge.pk, &edge.sk, None, most).await?;
        let older = most < items.len();
        let items = items.iter().take(most);
        Ok(FlagHistory {
            entries: items.map(entry).collect::<Result<_, _>>()?,
            older,
        })
    }

    /// These entries in any order; those that are not there are left out.
    pub async fn entries(&self, set: &str, wanted: &[EntryId]) -> Result<Vec<Entry>, StoreError> {
        let action = "read entries of histories";
        let mut entries = Vec::new();
        for part in wanted.chunks(AT_ONCE) {
            let keys = part
                .iter()
                .map(|one| keys::change(set, &one.flag, one.version).attributes());
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(keys.collect()))
                .consistent_read(true)
                .build()
                .expect("there are keys");
            for item in self.batch(action, wanted).await? {
                entries.push(entry(&item)?);
            }
        }
        Ok(entries)
    }

    /// The items of a partition from `below` on, which is not among them, the
    /// newest first: at most one more than `most`, and none before `from`.
    async fn newest(
        &self,
        pk: &str,
        below: &str,
        from: Option<&str>,
        most: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let mut pages = self
            .table
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :below")
            .expression_attribute_values(":pk", keys::text(pk))
            .expression_attribute_values(":from", keys::text(from.unwrap_or("0")))
            .expression_attribute_values(":below", keys::text(below))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(most).unwrap_or(i32::MAX).saturating_add(2))
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(found) = pages.next().await {
            let found =
                found.map_err(|error| unavailable("read a history", error.into_service_error()))?;
            if item::string(&found, "sk")? != below {
                items.push(found);
            }
            if most < items.len() {
                break;
            }
        }
        Ok(items)
    }
}

fn entry(item: &Item) -> Result<Entry, StoreError> {
    item::json(item, "entry")
}

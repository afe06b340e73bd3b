//! What was written down of changes: of one flag by its versions, of a set by the
//! clock and by the problems that were the reason.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use flags::Entry;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Commit, Flags, keys};
use crate::StoreError;
use crate::error::unavailable;
use crate::item::{self, Item, json_attribute};
use crate::transaction::Write;

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

    /// What was written down of a set from `from` on, the newest first: at least so
    /// many entries, if there are, and all that were written together.
    pub async fn changes_since(
        &self,
        set: &str,
        from: Timestamp,
        now: Timestamp,
        most: usize,
    ) -> Result<FlagHistory, StoreError> {
        let (first, mut month) = (keys::moment(from), now);
        let mut wanted: Vec<EntryId> = Vec::new();
        let mut older = false;
        loop {
            let pk = keys::log(set, month);
            // Sorts behind everything that was written down until now.
            let items = self.newest(&pk, "a", Some(&first), most).await?;
            for item in &items {
                older |= most <= wanted.len();
                if !older {
                    let ids: Vec<EntryId> = item::json(item, "entries")?;
                    wanted.extend(ids);
                }
            }
            match before(month) {
                Some(earlier) if from <= earlier && !older => month = earlier,
                _ => break,
            }
        }
        let entries = self.in_order(set, &wanted).await?;
        Ok(FlagHistory { entries, older })
    }

    /// What was written down of a set because of a problem, the newest first: at
    /// least so many entries, if there are.
    pub async fn changes_because_of(
        &self,
        set: &str,
        problem: &str,
        most: usize,
    ) -> Result<FlagHistory, StoreError> {
        let pk = keys::because(set, problem);
        let items = self.newest(&pk, "a", None, most).await?;
        let older = most < items.len();
        let mut wanted: Vec<EntryId> = Vec::new();
        for item in items.iter().take(most) {
            let ids: Vec<EntryId> = item::json(item, "entries")?;
            wanted.extend(ids);
        }
        let entries = self.in_order(set, &wanted).await?;
        Ok(FlagHistory { entries, older })
    }

    async fn in_order(&self, set: &str, wanted: &[EntryId]) -> Result<Vec<Entry>, StoreError> {
        let mut found: HashMap<EntryId, Entry> = self
            .entries(set, wanted)
            .await?
            .into_iter()
            .map(|entry| (EntryId::of(&entry), entry))
            .collect();
        Ok(wanted.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// Where entries are found by the clock and by their reasons.
    pub(super) fn logged(&self, set: &str, commit: &Commit, now: Timestamp) -> Vec<Write> {
        let mut places: BTreeMap<String, Vec<EntryId>> = BTreeMap::new();
        let entries = commit.flags.iter().flat_map(|(_, one)| &one.entries);
        for entry in entries {
            let because = entry.record.problem.as_deref();
            let because = because.map(|problem| keys::because(set, problem));
            for place in std::iter::once(keys::log(set, now)).chain(because) {
                places.entry(place).or_default().push(EntryId::of(entry));
            }
        }
        let writes = places.into_iter().map(|(pk, entries)| {
            let key = keys::logged(pk, now, &entries[0].flag, entries[0].version);
            let put = self.put(&key, [("entries", json_attribute(&entries))]);
            Write::put(put.condition_expression("attribute_not_exists(pk)"))
        });
        writes.collect()
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

impl EntryId {
    fn of(entry: &Entry) -> Self {
        Self {
            flag: entry.record.flag.clone(),
            version: entry.record.version,
        }
    }
}

/// The last moment of the month before.
fn before(at: Timestamp) -> Option<Timestamp> {
    let first = at.to_zoned(TimeZone::UTC).first_of_month().ok()?;
    let first = first.start_of_day().ok()?.timestamp();
    first.checked_sub(SignedDuration::from_millis(1)).ok()
}

fn entry(item: &Item) -> Result<Entry, StoreError> {
    item::json(item, "entry")
}

//! What was written down of changes: of one flag by its versions, of a set by the
//! clock and by the problems that were the reason.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use flags::Entry;
use jiff::Timestamp;

use super::entry_id::EntryId;
use super::{Commit, Flags, keys};
use crate::item::Item;
use crate::months::{NEWEST, OLDEST, Rows, month};
use crate::transaction::Write;
use crate::{StoreError, record};

const ACTION: &str = "read a history";

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

/// Part of the history of one flag, the newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct FlagVersions {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The entry before the oldest of these; nothing, if that is the first.
    pub before: Option<Entry>,
}

impl Flags {
    /// The whole history of a flag, in the order of its versions.
    pub async fn history(&self, set: &str, flag: &str) -> Result<Vec<Entry>, StoreError> {
        let pk = keys::change(set, flag, 0).pk;
        let items = self.partition(ACTION, &pk).await?;
        items.iter().map(record::entry::read).collect()
    }

    /// At most so many entries of a flag below a version, or the newest ones.
    pub async fn history_before(
        &self,
        set: &str,
        flag: &str,
        before: Option<u64>,
        most: usize,
    ) -> Result<FlagVersions, StoreError> {
        let edge = keys::change(set, flag, before.unwrap_or(u64::MAX));
        let rows = Rows {
            from: OLDEST,
            below: &edge.sk,
        };
        let items = self.table.newest(ACTION, &edge.pk, rows, most).await?;
        let entries: Result<Vec<Entry>, _> = items.iter().map(record::entry::read).collect();
        let mut entries = entries?;
        let before = entries.drain(most.min(entries.len())..).next();
        Ok(FlagVersions { entries, before })
    }

    /// What was written down of a set from `from` on, the newest first, of so many
    /// requests at most.
    pub async fn changes_since(
        &self,
        set: &str,
        from: Timestamp,
        now: Timestamp,
        most: usize,
    ) -> Result<FlagHistory, StoreError> {
        let prefix = keys::log(set);
        let span = (from, now);
        let read = self
            .table
            .newest_of_months(ACTION, &prefix, span, NEWEST, most);
        let items = read.await?;
        let older = most < items.len();
        let wanted = named(&items[..items.len().min(most)])?;
        let entries = self.in_order(set, &wanted).await?;
        Ok(FlagHistory { entries, older })
    }

    /// The same that was written down because of a problem, at whatever time.
    pub async fn changes_because_of(
        &self,
        set: &str,
        problem: &str,
        most: usize,
    ) -> Result<FlagHistory, StoreError> {
        let pk = keys::because(set, problem);
        let rows = Rows {
            from: OLDEST,
            below: NEWEST,
        };
        let items = self.table.newest(ACTION, &pk, rows, most).await?;
        let older = most < items.len();
        let wanted = named(&items[..items.len().min(most)])?;
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
            for place in std::iter::once(keys::log(set) + &month(now)).chain(because) {
                places.entry(place).or_default().push(EntryId::of(entry));
            }
        }
        let writes = places.into_iter().map(|(pk, entries)| {
            let key = keys::logged(pk, now, &entries[0].flag, entries[0].version);
            let put = self.put(&key, [("entries", record::entry::ids(&entries))]);
            Write::put(put.condition_expression("attribute_not_exists(pk)"))
        });
        writes.collect()
    }

    /// These entries in any order; those that are not there are left out.
    pub async fn entries(&self, set: &str, wanted: &[EntryId]) -> Result<Vec<Entry>, StoreError> {
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
            for item in self.batch(ACTION, wanted).await? {
                entries.push(record::entry::read(&item)?);
            }
        }
        Ok(entries)
    }
}

/// The entries that rows of the log name.
fn named(rows: &[Item]) -> Result<Vec<EntryId>, StoreError> {
    let mut named = Vec::new();
    for row in rows {
        named.extend(record::entry::read_ids(row)?);
    }
    Ok(named)
}

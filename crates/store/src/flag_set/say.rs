//! What is said on a problem of the flags that it holds.

use std::collections::{BTreeMap, BTreeSet};

use flags::state::State;
use flags::{Entry as FlagEntry, Record};
use jiff::Timestamp;
use release::hold;
use release::outbox::Entry;
use release::window::saturating_add;

use super::change::EVENTS_KEPT;
use super::remark::Remark;
use super::{Commit, FlagSet, Flags, keys};
use crate::months::moment;
use crate::tables::{shard_key, shard_of};
use crate::transaction::Write;
use crate::{item, record};

impl Flags {
    /// What is said because of what is written: one comment for each problem, and one
    /// before what begins to be held ends by the clock.
    pub(super) fn remarks(&self, read: &FlagSet, commit: &Commit, now: Timestamp) -> Vec<Write> {
        let set = read.name.as_str();
        let mut holds = BTreeSet::new();
        for (flag, to) in &commit.flags {
            let before = read.states.get(flag).map(held).unwrap_or_default();
            holds.extend(held(&to.state).difference(&before).copied());
        }
        let warnings = holds.into_iter().filter_map(|(problem, ends)| {
            let at = hold::warned_at(ends, now)?;
            let remark = Remark {
                set: set.to_owned(),
                problem: problem.to_owned(),
                ends: Some(ends),
                entry: Entry::new(String::new(), at),
            };
            Some(self.remark(&remark, &format!("near#{}", moment(ends)), at))
        });
        let mut records: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
        let entries = commit.flags.iter().flat_map(|(_, one)| &one.entries);
        for FlagEntry { record, .. } in entries {
            if let Some(problem) = &record.problem {
                records.entry(problem).or_default().push(record);
            }
        }
        let remarks = records.into_iter().filter_map(|(problem, records)| {
            let text = hold::said(records.iter().copied())?;
            let first = records.first()?;
            let remark = Remark {
                set: set.to_owned(),
                problem: problem.to_owned(),
                ends: None,
                entry: Entry::new(text, now),
            };
            Some(self.remark(
                &remark,
                &format!("{}#{:012}", first.flag, first.version),
                now,
            ))
        });
        warnings.chain(remarks).collect()
    }

    fn remark(&self, remark: &Remark, id: &str, due: Timestamp) -> Write {
        let key = keys::remark(&remark.set, &remark.problem, id);
        let attributes = [
            ("remark", record::remark::attribute(remark)),
            ("faults", keys::number(0)),
            ("waits", keys::number(0)),
            ("dueShard", keys::text(&shard_key(shard_of(&key.pk)))),
            ("dueAt", item::millis(due)),
            ("expiresAt", item::seconds(saturating_add(due, EVENTS_KEPT))),
        ];
        Write::put(self.put(&key, attributes))
    }
}

/// The problems that hold something, and until when.
fn held(state: &State) -> BTreeSet<(&str, Timestamp)> {
    let holders = state.assignments.iter().flat_map(|one| one.end.holders());
    let open = holders.filter(|(_, holder)| !holder.closed);
    open.map(|(problem, holder)| (problem, holder.until))
        .collect()
}

//! The flags as they are now, and the history of one.

use std::collections::BTreeMap;

use flags::state::State;
use flags::{Entry, changed, is_flag_name};
use futures_util::future::join;
use jiff::Timestamp;
use release::link::Scope;
use report::{Changes, FlagHistory, FlagNow, Trouble, Written, json, page};
use store::{EntryId, FlagSet};

use super::parameters::{BEFORE, FROM, TO};
use super::route::Shape;
use super::{Document, Ended, Reading};

/// How many entries are on a page.
const ON_A_PAGE: usize = 50;

/// How many entries a machine gets at once.
const AT_ONCE: usize = 500;

impl Reading<'_> {
    pub(super) async fn changes(&self, shape: Shape) -> Result<Document, Ended> {
        let until = self.open(Scope::Changes)?;
        let shape = self.of_today(shape)?;
        let name = &self.services.set;
        let (found, stopped) = join(self.services.flags.set(name), self.stopped()).await;
        let set = found?;
        let wanted: Vec<EntryId> = set.iter().flat_map(|set| self.telling(set)).collect();
        let entries = self.services.flags.entries(name, &wanted).await?;
        let entries: BTreeMap<&str, &Entry> = entries
            .iter()
            .map(|entry| (entry.record.flag.as_str(), entry))
            .collect();
        let addresses = self.addresses(until);
        let flags: Vec<FlagNow<'_>> = set
            .iter()
            .flat_map(|set| set.declarations.flags.values().map(move |flag| (set, flag)))
            .map(|(set, flag)| FlagNow {
                declaration: flag,
                state: set.states.get(&flag.name),
                entry: entries.get(flag.name.as_str()).copied(),
                history: Some(addresses.flag(&flag.name, "", &[])),
            })
            .collect();
        let json = addresses.changes(".json");
        let changes = Changes {
            set: name,
            flags: &flags,
            json: Some(&json),
        };
        let start = addresses.start_for_all();
        let frame = self.frame(start.as_deref(), &stopped);
        Ok(match shape {
            Shape::Page => Document::page(page::changes(&frame, &changes)),
            Shape::Json | Shape::Junit | Shape::Svg => {
                Document::json(json::changes(&frame, &changes))
            }
        })
    }

    pub(super) async fn flag(&self, flag: &str, shape: Shape) -> Result<Document, Ended> {
        if !is_flag_name(flag) {
            return Err(Ended::Trouble(Trouble::NotFound));
        }
        let until = self.open(Scope::Flag(flag))?;
        let shape = self.of_today(shape)?;
        let before = self.parameters.version(BEFORE)?;
        let compared = self.parameters.compared()?;
        let is_page = shape == Shape::Page;
        let most = if is_page { ON_A_PAGE } else { AT_ONCE };
        let (name, store) = (&self.services.set, &self.services.flags);
        let id = |version| EntryId {
            flag: flag.to_owned(),
            version,
        };
        let wanted: Vec<EntryId> = compared.into_iter().flatten().map(id).collect();
        let reads = join(
            join(
                store.set(name),
                store.history_before(name, flag, before, most),
            ),
            join(self.stopped(), store.entries(name, &wanted)),
        );
        // On the heap: what is awaited together is too large for a stack.
        let ((set, found), (stopped, compared)) = Box::pin(reads).await;
        let (set, found, mut compared) = (set?, found?, compared?);
        let declared = set
            .as_ref()
            .and_then(|set| set.declarations.flags.get(flag));
        if declared.is_none() && found.entries.is_empty() {
            return Err(Ended::Trouble(Trouble::NotFound));
        }
        compared.sort_by_key(|entry| entry.record.version);
        let now = declared.map(|declaration| FlagNow {
            declaration,
            state: set.as_ref().and_then(|set| set.states.get(flag)),
            entry: None,
            history: None,
        });
        let addresses = self.addresses(until);
        let ending = if is_page { "" } else { ".json" };
        let oldest = found.entries.last().map(|entry| entry.record.version);
        let older = oldest
            .filter(|_| found.before.is_some())
            .map(|oldest| addresses.flag(flag, ending, &[(BEFORE, &oldest.to_string())]));
        let newest = before.map(|_| addresses.flag(flag, ending, &[]));
        let json = addresses.flag(flag, ".json", &[]);
        let before = found.entries.iter().skip(1).chain(&found.before);
        let before = before.map(Some).chain([None]);
        let entries: Vec<Written> = found
            .entries
            .iter()
            .zip(before)
            .map(|(entry, before)| Written {
                compared: (entry.record.version > 1).then(|| {
                    let version = entry.record.version;
                    let (from, to) = ((version - 1).to_string(), version.to_string());
                    addresses.flag(flag, "", &[(FROM, &from), (TO, &to)])
                }),
                changed: changed(before, entry),
                entry: entry.clone(),
            })
            .collect();
        let history = FlagHistory {
            set: name,
            flag,
            now: now.as_ref(),
            entries: &entries,
            compared: match compared.as_slice() {
                [one, other] => Some((one, other)),
                _ => None,
            },
            newest: newest.as_deref(),
            older: older.as_deref(),
            json: Some(&json),
        };
        let start = addresses.start_for_all();
        let frame = self.frame(start.as_deref(), &stopped);
        if is_page {
            return Ok(Document::page(page::flag(&frame, &history)));
        }
        let document = Document::json(json::flag(&frame, &history));
        Ok(Document {
            next: older,
            ..document
        })
    }

    /// For each flag that somebody touched, the entry that tells how it became
    /// what it is.
    fn telling<'s>(&self, set: &'s FlagSet) -> impl Iterator<Item = EntryId> + use<'s> {
        let now = self.now;
        let touched = set.declarations.flags.keys();
        let touched = touched.filter_map(|name| Some((name, set.states.get(name)?)));
        touched.map(move |(name, state)| EntryId {
            flag: name.clone(),
            version: telling(state, now),
        })
    }
}

fn telling(state: &State, now: Timestamp) -> u64 {
    state
        .assignment(now)
        .map_or(state.version, |assignment| assignment.version)
}

//! What was read of the table, for as long as it holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use flags::key::Key;
use jiff::{SignedDuration, Timestamp};
use store::FlagSet;
use tokio::time::timeout;

use super::Services;

/// How long keys and the set hold while the table cannot be read.
const HOLDS: SignedDuration = SignedDuration::from_mins(5);

/// How long the table is waited for where there is something that still holds:
/// clients wait for five seconds.
const WAITED_FOR: Duration = Duration::from_secs(2);

/// The most keys that are kept.
const MOST_KEYS: usize = 100;

/// The set and the keys as they were read last.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The set, and the revision that was seen before it was read.
    set: Option<(u64, Arc<FlagSet>)>,
    /// When the set was seen to be this one last.
    seen: Option<Timestamp>,
    /// The keys by id, and when each was there last.
    keys: BTreeMap<String, (Key, Timestamp)>,
}

/// What an answer rests on.
pub(super) struct Read {
    pub(super) key: Option<Key>,
    pub(super) set: Option<Arc<FlagSet>>,
    /// Whether nobody knows if either has changed since.
    pub(super) is_stale: bool,
}

impl Services {
    /// The key of this id and the set as they are now, or as they were within the
    /// last minutes if the table cannot be read.
    pub(super) async fn read(&self, id: Option<&str>, now: Timestamp) -> anyhow::Result<Read> {
        let Some(held) = self.kept.held(id, now) else {
            return self.read_now(id, now).await;
        };
        let read = timeout(WAITED_FOR, self.read_now(id, now)).await;
        let read = read.context("the table did not answer in time");
        match read.flatten() {
            Ok(read) => Ok(read),
            Err(error) => {
                tracing::error!(
                    setting = "FLAG_SET",
                    "The flags are served as they were read last: {error:#}"
                );
                Ok(held)
            }
        }
    }

    async fn read_now(&self, id: Option<&str>, now: Timestamp) -> anyhow::Result<Read> {
        let look = self.flags.look(&self.set, id).await?;
        let set = match look.revision {
            Some(revision) => self.set_at(revision).await?,
            None => None,
        };
        self.kept.saw(id, look.key.as_ref(), now);
        Ok(Read {
            key: look.key,
            set,
            is_stale: false,
        })
    }

    /// The set as it is at this revision, or later.
    async fn set_at(&self, revision: u64) -> anyhow::Result<Option<Arc<FlagSet>>> {
        if let Some((seen, set)) = &self.kept.lock().set
            && *seen == revision
        {
            return Ok(Some(Arc::clone(set)));
        }
        let Some(set) = self.flags.set(&self.set).await? else {
            return Ok(None);
        };
        let set = Arc::new(set);
        // What is written during the read may be in the set in part. It stays
        // under the revision that was seen before, so the next answer reads again.
        self.kept.lock().set = Some((revision, Arc::clone(&set)));
        Ok(Some(set))
    }
}

impl Kept {
    /// Notes what was there at this moment.
    fn saw(&self, id: Option<&str>, key: Option<&Key>, now: Timestamp) {
        let mut kept = self.lock();
        kept.seen = Some(now);
        let Some(id) = id else {
            return;
        };
        let Some(key) = key else {
            // It was revoked.
            kept.keys.remove(id);
            return;
        };
        if MOST_KEYS <= kept.keys.len() && !kept.keys.contains_key(id) {
            let oldest = kept.keys.iter().min_by_key(|(_, (_, seen))| *seen);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                kept.keys.remove(&oldest);
            }
        }
        kept.keys.insert(id.to_owned(), (key.clone(), now));
    }

    /// What still holds at this moment, whatever became of it since.
    fn held(&self, id: Option<&str>, now: Timestamp) -> Option<Read> {
        let kept = self.lock();
        let holds = |seen: Timestamp| now.duration_since(seen) < HOLDS;
        let (_, set) = kept.set.as_ref()?;
        let set = kept.seen.filter(|seen| holds(*seen)).map(|_| set)?;
        let (key, _) = kept.keys.get(id?).filter(|(_, seen)| holds(*seen))?;
        Some(Read {
            key: Some(key.clone()),
            set: Some(Arc::clone(set)),
            is_stale: true,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

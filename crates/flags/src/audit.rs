//! What is written down of each change, chained so that nothing can be taken
//! out, added or altered unseen.

mod difference;
mod hashed;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hash::Digest;
use crate::state::{Author, Since};
use crate::value::Value;

pub use difference::{Difference, changed, diff};

/// One change of one flag. Nothing but [`Entry::seal`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What happened.
    pub record: Record,
    /// The digest of the entry before it; none for the first.
    pub previous: Option<Digest>,
    /// The digest of all the rest of this entry.
    pub digest: Digest,
}

/// What happened to a flag.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The set.
    pub set: String,
    /// The flag.
    pub flag: String,
    /// The version that it made; each is one more than the one before.
    pub version: u64,
    /// When it took effect, which may be before it was written down.
    pub at: Timestamp,
    /// What it was.
    pub cause: Cause,
    /// The value before.
    pub before: Value,
    /// The value after; of a ramp that began, the one that it moves to.
    pub after: Value,
    /// When it ends by itself at the latest, or the ramp has ended.
    pub ends: Option<Timestamp>,
    /// The change, which links to the word that it made or ended.
    pub change: String,
    /// The changes that were made together.
    pub batch: Option<String>,
    /// Who.
    pub by: Author,
    /// Why, in their words.
    pub why: String,
    /// What made them, in the words of the caller.
    pub triggered_by: String,
    /// Because of which problem.
    pub problem: Option<String>,
}

/// What happened to a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It was set, and stays.
    Changed,
    /// It was set until a moment.
    Leased,
    /// It was set to the same until another moment.
    Extended,
    /// It was set for as long as a problem is open.
    Mitigated,
    /// Another problem holds what is held already.
    Joined,
    /// It begins to move.
    RampStarted,
    /// It has arrived.
    RampEnded,
    /// It stops where it is.
    RampStopped,
    /// What would have ended stays.
    Confirmed,
    /// A trial ended that nobody kept.
    LeaseEnded,
    /// What lay below a later word ended: nobody saw it.
    EndedBelow,
    /// The last problem closed: what was before is back.
    GivenBack,
    /// A problem closed, and others hold on.
    Released,
    /// The problem closed, and what it held is given back later, because the flag
    /// was flapping.
    Postponed,
    /// The problem has held it for as long as it may: what was before is back.
    BoundReached,
    /// The problem closed, and nothing is given back over a later word.
    Superseded(Since),
    /// It was blamed for a problem: what was before is back.
    TakenBack,
    /// A person lets programs change it again.
    Unlocked,
    /// A change was not made whose event is required; the value stays.
    Aborted(Aborted),
}

/// A change that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// The value that was wanted, shortened.
    pub wanted: String,
    /// Why it was not made.
    pub because: Because,
}

/// Why a change was not made whose event is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Because {
    /// The tenant did not take the event.
    NotTold,
    /// The flag was changed while the event was sent.
    Overtaken,
}

impl Cause {
    /// What happened, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Leased => "leased",
            Self::Extended => "extended",
            Self::Mitigated => "mitigated",
            Self::Joined => "joined",
            Self::RampStarted => "rampStarted",
            Self::RampEnded => "rampEnded",
            Self::RampStopped => "rampStopped",
            Self::Confirmed => "confirmed",
            Self::LeaseEnded => "leaseEnded",
            Self::EndedBelow => "endedBelow",
            Self::GivenBack => "givenBack",
            Self::Released => "released",
            Self::Postponed => "postponed",
            Self::BoundReached => "boundReached",
            Self::Superseded(_) => "superseded",
            Self::TakenBack => "takenBack",
            Self::Unlocked => "unlocked",
            Self::Aborted(_) => "aborted",
        }
    }

    /// Whether an event tells the tenant.
    pub fn is_announced(&self) -> bool {
        match self {
            Self::Changed
            | Self::Leased
            | Self::Extended
            | Self::Mitigated
            | Self::RampStarted
            | Self::RampEnded
            | Self::RampStopped
            | Self::Confirmed
            | Self::LeaseEnded
            | Self::GivenBack
            | Self::BoundReached
            | Self::TakenBack
            | Self::Aborted(_) => true,
            Self::Joined
            | Self::EndedBelow
            | Self::Released
            | Self::Postponed
            | Self::Superseded(_)
            | Self::Unlocked => false,
        }
    }

    /// Whether somebody gave it a value, or took one away.
    pub(crate) fn changes_the_value(&self) -> bool {
        self.competes()
            || matches!(
                self,
                Self::Extended
                    | Self::Confirmed
                    | Self::RampStopped
                    | Self::GivenBack
                    | Self::TakenBack
            )
    }

    /// Whether it may be the cause of a problem, unless the flag is harmless.
    pub fn competes(&self) -> bool {
        matches!(
            self,
            Self::Changed | Self::Leased | Self::Mitigated | Self::RampStarted
        )
    }

    /// Whether this is the word of one that competes: such a change can be taken
    /// back.
    pub fn is_word_of_a_change(word: &str) -> bool {
        let all = [
            Self::Changed,
            Self::Leased,
            Self::Mitigated,
            Self::RampStarted,
        ];
        all.iter().any(|cause| cause.word() == word)
    }
}

/// Why a history is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry says something else than it did.
    #[error("version {0} was altered")]
    Altered(u64),
    /// An entry does not follow the one before it.
    #[error("version {found} follows version {after}: something is missing between them")]
    Gap {
        /// The version before.
        after: u64,
        /// The version that follows.
        found: u64,
    },
    /// An entry was written after another than the one before it.
    #[error("version {0} does not continue the entry before it")]
    Unchained(u64),
}

impl Entry {
    /// Writes down what happened, after the entry of this digest.
    pub fn seal(record: Record, previous: Option<Digest>) -> Self {
        let digest = digest(&record, previous.as_ref());
        Self {
            record,
            previous,
            digest,
        }
    }
}

/// Whether entries of one flag, in the order of their versions, are what was
/// written: a whole history if it begins with version 1, else a part of one.
pub fn verify(entries: &[Entry]) -> Result<(), Broken> {
    let mut before: Option<&Entry> = None;
    for entry in entries {
        let version = entry.record.version;
        if entry.digest != digest(&entry.record, entry.previous.as_ref()) {
            return Err(Broken::Altered(version));
        }
        let after =
            before.map_or_else(|| version.saturating_sub(1), |before| before.record.version);
        if version != after + 1 {
            return Err(Broken::Gap {
                after,
                found: version,
            });
        }
        let continues = match before {
            Some(before) => entry.previous.as_ref() == Some(&before.digest),
            None => entry.previous.is_some() == (1 < version),
        };
        if !continues {
            return Err(Broken::Unchained(version));
        }
        before = Some(entry);
    }
    Ok(())
}

fn digest(record: &Record, previous: Option<&Digest>) -> Digest {
    Digest::of(hashed::text(record, previous))
}

#[cfg(test)]
mod tests;

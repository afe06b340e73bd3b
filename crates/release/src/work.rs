//! What is written when a worker has taken a record as far as it goes, whatever kind it is.
//!
//! A record is found when it is due, and the holder of its claim works on it.
//! [`disposition`] decides what is written then; each row is a case of its tests.
//! A worker that dies before the write leaves a claim that runs out: the record
//! is due again at the end of the lease.
//!
//! | Row | Outcome | Its time | What is written |
//! |---|---|---|---|
//! | `lost` | the claim is another's now | – | nothing |
//! | `done` | nothing is left to do | – | settled |
//! | `waits.known` | it waits until a known moment | is left | due then, waits + 1, faults = 0, no claim |
//! | `waits` | it waits for what may come at any time | is left | due = backoff by its waits, the rest as above |
//! | `waits.several` | it waits for several things | is left | due when the first of them is looked at, the rest as above |
//! | `fault` | something it needs is broken | is left | due = backoff by its faults, faults + 1, no claim |
//! | `given-up.waits` | it waits | is over | what is owed ends in a state that can be seen; settled |
//! | `given-up.fault` | something it needs is broken | is over | the same |

use jiff::{SignedDuration, Timestamp};

use crate::window::saturating_add;

/// What a piece of work waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// In words that follow "waits for".
    pub waiting_for: String,
    /// When to look again, where it is known better than by backing off.
    pub until: Option<Timestamp>,
}

impl Wait {
    /// A wait for what may come at any time.
    pub fn for_(waiting_for: impl Into<String>) -> Self {
        Self {
            waiting_for: waiting_for.into(),
            until: None,
        }
    }
}

/// How far a piece of work came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do.
    Done,
    /// All that can be done is done; this is waited for.
    Waits(Vec<Wait>),
    /// Something it needs is broken.
    Fault,
    /// Somebody else owns it now.
    Lost,
}

impl Outcome {
    /// What is waited for; nothing, where nothing is.
    pub fn in_words(&self) -> String {
        let Self::Waits(waits) = self else {
            return String::new();
        };
        let waits: Vec<&str> = waits.iter().map(|wait| wait.waiting_for.as_str()).collect();
        waits.join(", and for ")
    }
}

/// How often a record was looked at without result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often something it needs was broken.
    pub faults: u32,
    /// How often it waited.
    pub waits: u32,
}

/// Whether a record may be worked on any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// It may.
    Left,
    /// What is still owed is given up.
    Over,
}

/// What is written of a record at the end of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing is written.
    Leave,
    /// It is settled.
    Settle,
    /// What is owed ends in a state that can be seen, then it is settled.
    GiveUp,
    /// The claim is given back.
    Again {
        /// When it is due again.
        until: Timestamp,
        /// What is counted by then.
        counts: Counts,
    },
}

/// What becomes of a record that was taken as far as it goes.
pub fn disposition(outcome: &Outcome, counts: Counts, time: Time, now: Timestamp) -> Disposition {
    let later = |looks| saturating_add(now, backoff(looks));
    match outcome {
        Outcome::Lost => Disposition::Leave,
        Outcome::Done => Disposition::Settle,
        Outcome::Waits(_) | Outcome::Fault if time == Time::Over => Disposition::GiveUp,
        Outcome::Waits(waits) => {
            let backing_off = later(counts.waits);
            let looks = waits.iter().map(|wait| wait.until.unwrap_or(backing_off));
            Disposition::Again {
                until: looks.min().unwrap_or(backing_off),
                counts: Counts {
                    faults: 0,
                    waits: counts.waits.saturating_add(1),
                },
            }
        }
        Outcome::Fault => Disposition::Again {
            until: later(counts.faults),
            counts: Counts {
                faults: counts.faults.saturating_add(1),
                ..counts
            },
        },
    }
}

/// When to look again after `looks` looks without result: soon at first, then less and
/// less often, and never more than five minutes apart.
pub fn backoff(looks: u32) -> SignedDuration {
    const FIRST: i64 = 5;
    const LONGEST: i64 = 300;
    let seconds = FIRST.saturating_mul(1_i64 << looks.min(10));
    SignedDuration::from_secs(seconds.min(LONGEST))
}

#[cfg(test)]
mod tests;

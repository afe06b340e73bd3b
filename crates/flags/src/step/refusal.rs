//! Why a change is refused.

use jiff::{SignedDuration, Timestamp};

use super::{LONGEST_RAMP, MOST_TRIALS};
use crate::declaration::BadValue;
use crate::state::Since;

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The flag may not have this value.
    #[error(transparent)]
    Value(#[from] BadValue),
    /// The flag cannot have what lies between two of its values.
    #[error("nothing lies between two values of this flag: write the steps")]
    NothingBetween,
    /// A ramp is no ramp.
    #[error("a ramp takes {} hours at most, and its steps follow each other", LONGEST_RAMP.as_hours())]
    BadRamp,
    /// The flag was changed since the caller looked.
    #[error("the flag has version {found} by now, not {expected}")]
    Moved {
        /// The version that the caller saw.
        expected: u64,
        /// The version that it has.
        found: u64,
    },
    /// A trial would have ended already.
    #[error("{0} is over")]
    Over(Timestamp),
    /// A trial is too long.
    #[error("a trial of this flag takes {0:#} at most")]
    TooLong(SignedDuration),
    /// Trials lie on top of each other.
    #[error("there are {MOST_TRIALS} trials on top of each other: keep one or end them first")]
    TooManyTrials,
    /// The hand changed it too often.
    #[error("the flag was changed too often: again from {until} on")]
    TooOften {
        /// When it may be changed again.
        until: Timestamp,
    },
    /// Programs change it back and forth.
    #[error(
        "programs change the flag back and forth: again from {until} on, or once a person allows it"
    )]
    Flapping {
        /// When it may be changed again.
        until: Timestamp,
    },
    /// A person said something else while the problem was open.
    #[error("{} said something else at {}, and that holds", .0.by.name, .0.at)]
    Overruled(Since),
    /// Nothing ends by itself.
    #[error("nothing ends by itself, so there is nothing to keep")]
    NothingToKeep,
    /// Nothing moves.
    #[error("nothing moves")]
    NothingMoves,
    /// Only a person lets programs go on.
    #[error("only a person lets programs change it again")]
    NotAPerson,
    /// Nothing is locked.
    #[error("programs may change it already")]
    NotLocked,
    /// The change was followed by another.
    #[error("{} set or kept it since, at {} ({})", .0.by.name, .0.at, .0.change)]
    ChangedSince(Since),
    /// The change is none of this flag's.
    #[error("this flag knows no change `{0}`")]
    UnknownChange(String),
    /// What was before is not known any more.
    #[error("what was before it is not known any more")]
    NothingBefore,
}

impl Refusal {
    /// After how many seconds it is worth trying again, at least one.
    pub fn retry_after(&self, now: Timestamp) -> Option<i64> {
        match self {
            Self::TooOften { until } | Self::Flapping { until } => {
                let millis = until.as_millisecond() - now.as_millisecond();
                Some((millis.saturating_add(999) / 1_000).max(1))
            }
            _ => None,
        }
    }
}

//! How far a run is.

use jiff::Timestamp;

use super::job::{JobAt, Marking, Purpose};
use super::{Ended, Needless, Refusal, Unwell};

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is decided what shall be run; nothing was launched yet.
    Asked,
    /// The change is answered under another problem.
    Joined {
        /// The problem.
        problem: String,
    },
    /// A person was asked.
    Waiting {
        /// Since when.
        since: Timestamp,
    },
    /// It is written down and about to be launched.
    Intended {
        /// The launch.
        attempt: Attempt,
    },
    /// Nobody knows whether it was launched.
    Unknown {
        /// The launch.
        attempt: Attempt,
        /// What happened.
        why: String,
        /// When it is asked for again, where whoever is asked knows a repetition.
        again: Option<Timestamp>,
    },
    /// The first launch has left nothing behind; decide anew, once.
    Again {
        /// The first launch.
        first: Attempt,
    },
    /// A job is there.
    Launched {
        /// The launch.
        attempt: Attempt,
        /// The job.
        job: JobAt,
        /// The controller's word for how far it is.
        status: String,
        /// Why it waits, in the controller's words.
        explanation: String,
        /// How it differs from what was ordered.
        differs: Vec<String>,
        /// Other jobs of this run, which have to be ended.
        others: Vec<JobAt>,
    },
    /// The job has to end.
    Aborting {
        /// The launch.
        attempt: Attempt,
        /// The job.
        job: JobAt,
        /// Why.
        why: Abort,
        /// Since when.
        since: Timestamp,
        /// When the controller was last told.
        wished: Option<Timestamp>,
    },
    /// It ended well; whether that helps shows when the problem ends.
    Verifying {
        /// What it has left behind.
        ended: Ended,
    },
    /// The problem ended after it.
    Healed {
        /// What it has left behind.
        ended: Ended,
        /// When the problem had ended.
        closed: Timestamp,
    },
    /// The problem had ended before it.
    Late {
        /// What it has left behind.
        ended: Ended,
        /// When the problem had ended.
        closed: Timestamp,
    },
    /// Nobody can say whether it ended the problem.
    Unconfirmed {
        /// What it has left behind.
        ended: Ended,
    },
    /// It did not end well.
    Failed {
        /// What it has left behind.
        ended: Ended,
        /// Why that is not well.
        why: Unwell,
    },
    /// It was ended, or ended by itself before that.
    Aborted {
        /// What for it was launched.
        purpose: Purpose,
        /// The job.
        job: JobAt,
        /// Why it had to end.
        why: Abort,
        /// The controller's word for its end.
        status: String,
    },
    /// It cannot be ended.
    Stuck {
        /// What for it was launched.
        purpose: Purpose,
        /// The job.
        job: JobAt,
        /// Why it had to end.
        why: Abort,
    },
    /// The controller does not know its job any more.
    Gone {
        /// What for it was launched.
        purpose: Purpose,
        /// The job.
        job: JobAt,
    },
    /// Nobody knows whether it ran.
    Lost {
        /// What for it was launched.
        purpose: Purpose,
        /// What happened.
        why: String,
    },
    /// Everything was decided as if it were to be run, and it was not.
    Shadowed {
        /// What its check has shown, where there was one.
        checked: Option<Ended>,
    },
    /// It must not be run.
    Refused {
        /// Why.
        why: Refusal,
    },
    /// It need not be run.
    NotNeeded {
        /// Why.
        why: Needless,
    },
    /// It could not be begun in time.
    GaveUp,
}

/// A launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What for.
    pub purpose: Purpose,
    /// The newest job of the template before it.
    pub floor: u64,
    /// How its job is recognised.
    pub marking: Marking,
    /// When it was decided.
    pub at: Timestamp,
    /// When its job has to have ended.
    pub deadline: Timestamp,
    /// Whether an earlier one has left nothing behind.
    pub second: bool,
}

/// Why a job has to end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Abort {
    /// It is not what was ordered.
    #[error("it is not what was ordered: {differences}")]
    Differs {
        /// How it differs.
        differences: String,
    },
    /// It took too long.
    #[error("it took longer than it may")]
    Overdue,
    /// The problem was over before it ran.
    #[error("the problem was over before it ran")]
    Closed,
    /// A person said so.
    #[error("{who} said so")]
    Person {
        /// Who.
        who: String,
    },
}

impl State {
    /// Whether nothing more is done or watched, whatever becomes of the change.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Asked
            | Self::Joined { .. }
            | Self::Waiting { .. }
            | Self::Intended { .. }
            | Self::Unknown { .. }
            | Self::Again { .. }
            | Self::Launched { .. }
            | Self::Aborting { .. }
            | Self::Verifying { .. } => false,
            Self::Healed { .. }
            | Self::Late { .. }
            | Self::Unconfirmed { .. }
            | Self::Failed { .. }
            | Self::Aborted { .. }
            | Self::Stuck { .. }
            | Self::Gone { .. }
            | Self::Lost { .. }
            | Self::Shadowed { .. }
            | Self::Refused { .. }
            | Self::NotNeeded { .. }
            | Self::GaveUp => true,
        }
    }

    /// Whether something was really run, or may have been.
    pub fn ran(&self) -> bool {
        match self {
            Self::Verifying { .. }
            | Self::Healed { .. }
            | Self::Late { .. }
            | Self::Unconfirmed { .. }
            | Self::Failed { .. } => true,
            Self::Intended { attempt }
            | Self::Unknown { attempt, .. }
            | Self::Again { first: attempt }
            | Self::Launched { attempt, .. }
            | Self::Aborting { attempt, .. } => attempt.purpose == Purpose::Real,
            Self::Aborted { purpose, .. }
            | Self::Stuck { purpose, .. }
            | Self::Gone { purpose, .. }
            | Self::Lost { purpose, .. } => *purpose == Purpose::Real,
            Self::Asked
            | Self::Joined { .. }
            | Self::Waiting { .. }
            | Self::Shadowed { .. }
            | Self::Refused { .. }
            | Self::NotNeeded { .. }
            | Self::GaveUp => false,
        }
    }

    /// A word for answers and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Joined { .. } => "joined",
            Self::Waiting { .. } => "waiting",
            Self::Intended { .. } => "intended",
            Self::Unknown { .. } => "unknown",
            Self::Again { .. } => "again",
            Self::Launched { .. } => "launched",
            Self::Aborting { .. } => "aborting",
            Self::Verifying { .. } => "verifying",
            Self::Healed { .. } => "healed",
            Self::Late { .. } => "late",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Failed { .. } => "failed",
            Self::Aborted { .. } => "aborted",
            Self::Stuck { .. } => "stuck",
            Self::Gone { .. } => "gone",
            Self::Lost { .. } => "lost",
            Self::Shadowed { .. } => "shadowed",
            Self::Refused { .. } => "refused",
            Self::NotNeeded { .. } => "notNeeded",
            Self::GaveUp => "gaveUp",
        }
    }
}

//! What a validation waits for, as a person asks it.

use jiff::Timestamp;
use monspec::{Finding, Outcome};

use crate::approval::Answer;
use crate::evidence::Evidence;
use crate::summary::{subject, worse_first};
use crate::validation::{Ending, Hook, Phase, Validation};

/// What a validation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Its window has not ended, or its data is not all there.
    Measuring,
    /// Something it needs is broken, so that it cannot be judged yet.
    Troubled,
    /// A person has to decide.
    Held,
    /// Its approval is not open, or another validation of it has to speak.
    Answering,
    /// It was rejected; a person may retry the stage and decide otherwise.
    Rejected,
    /// Its result hook was not delivered.
    Posting,
    /// It was held until its time was over, and nobody decided.
    GivenUp,
    /// Nothing.
    Over,
}

impl Outlook {
    /// What `validation` waits for.
    pub fn of(validation: &Validation) -> Self {
        let hook_is_owed = validation.hook == Hook::Owed;
        match (&validation.ending, validation.answer()) {
            (Some(Ending::GaveUp { .. }), Some(Answer::Hold)) => Self::GivenUp,
            (Some(Ending::Answered { answer, .. }), _)
                if *answer == Answer::Reject
                    && validation.override_.is_none()
                    && validation.phase != Phase::Settled =>
            {
                Self::Rejected
            }
            (Some(_), _) if hook_is_owed && validation.phase != Phase::Settled => Self::Posting,
            (Some(_), _) => Self::Over,
            (None, _) if validation.phase == Phase::Settled => Self::Over,
            (None, None) if 0 < validation.faults => Self::Troubled,
            (None, None) => Self::Measuring,
            (None, Some(Answer::Hold)) => Self::Held,
            (None, Some(_)) => Self::Answering,
        }
    }

    /// A word for tables and programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Measuring => "measuring",
            Self::Troubled => "troubled",
            Self::Held => "held",
            Self::Answering => "answering",
            Self::Rejected => "rejected",
            Self::Posting => "posting",
            Self::GivenUp => "givenUp",
            Self::Over => "over",
        }
    }
}

/// For how many days Dynatrace keeps a value per minute. An older window is
/// answered from coarser values, or not at all.
pub const MINUTES_KEPT_DAYS: i64 = 14;

/// Whether the values of a window that ended then may be gone by now.
pub fn may_be_forgotten(window_end: Timestamp, now: Timestamp) -> bool {
    MINUTES_KEPT_DAYS * 24 < now.duration_since(window_end).as_hours()
}

/// How many reasons are told one by one.
const MOST_REASONS: usize = 10;

/// Why a verdict is what it is: what kept the numbers from being judged, or
/// else each signature that did not hold, the worst first.
pub fn reasons(evidence: &Evidence) -> Vec<String> {
    if let Some(reason) = &evidence.reason {
        return vec![reason.clone()];
    }
    let mut against: Vec<&Finding> = evidence
        .findings
        .iter()
        .map(|one| &one.finding)
        .filter(|finding| finding.outcome != Outcome::Held && !finding.accepted)
        .collect();
    against.sort_by(|a, b| worse_first(a, b));
    let more = against.len().saturating_sub(MOST_REASONS);
    let mut told: Vec<String> = against
        .into_iter()
        .take(MOST_REASONS)
        .map(|finding| format!("{}: {}", subject(finding), finding.reason))
        .collect();
    if 0 < more {
        told.push(format!("and {more} more signatures"));
    }
    told
}

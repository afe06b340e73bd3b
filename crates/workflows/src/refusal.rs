//! What stops a use-case: something to correct, or a fault.

use delivery::job::{Answer, JobFailure};

/// Why a request was refused, in words that its author can act on.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What kind of correction it needs.
    pub failure: JobFailure,
    /// What to correct.
    pub text: String,
}

impl Refusal {
    pub(crate) fn configuration(text: impl std::fmt::Display) -> Self {
        Self {
            failure: JobFailure::Configuration,
            text: text.to_string(),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Failed {
            failure: refusal.failure,
            message: refusal.text,
        }
    }
}

/// Something to correct, or a fault.
#[derive(Debug)]
pub(crate) enum Stop {
    Refused(Refusal),
    Fault(anyhow::Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Fault(error)
    }
}

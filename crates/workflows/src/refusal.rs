//! What stops a use-case: something to correct, or a fault.

/// Why a request was refused, in words that its author can act on.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What has to be corrected.
    pub corrects: Corrects,
    /// How, in words.
    pub text: String,
}

/// What has to be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrects {
    /// The request, the pipeline or the monspec.
    Configuration,
    /// A role or a token.
    Permission,
}

impl Refusal {
    pub(crate) fn configuration(text: impl std::fmt::Display) -> Self {
        Self {
            corrects: Corrects::Configuration,
            text: text.to_string(),
        }
    }

    pub(crate) fn permission(text: impl std::fmt::Display) -> Self {
        Self {
            corrects: Corrects::Permission,
            text: text.to_string(),
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

//! What stops a use-case: something to correct, a fault, or that nothing is to be done.

use delivery::job::Answer;

use crate::parameters::Wrong;

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

impl From<Refusal> for Answer {
    fn from(Refusal { corrects, text }: Refusal) -> Self {
        match corrects {
            Corrects::Configuration => Self::misconfigured(text),
            Corrects::Permission => Self::not_permitted(text),
        }
    }
}

/// Why a use-case goes no further.
#[derive(Debug)]
pub(crate) enum Stop {
    Refused(Refusal),
    /// Nothing is to be done, and that is right.
    NotNeeded(String),
    Fault(anyhow::Error),
}

impl Stop {
    /// What a use-case that came to this tells its caller.
    pub(crate) fn told<T>(
        self,
        refused: impl FnOnce(Refusal) -> T,
        not_needed: impl FnOnce(String) -> T,
    ) -> anyhow::Result<T> {
        match self {
            Self::Refused(refusal) => Ok(refused(refusal)),
            Self::NotNeeded(reason) => Ok(not_needed(reason)),
            Self::Fault(error) => Err(error),
        }
    }
}

impl From<Wrong> for Stop {
    fn from(wrong: Wrong) -> Self {
        Self::Refused(Refusal::configuration(wrong))
    }
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

//! Why a write or read did not happen.

use std::error::Error;

type Cause = Box<dyn Error + Send + Sync>;

/// Why a write or read did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another worker or a newer registration owns the validation now; this
    /// worker drops it.
    #[error("the claim was lost")]
    Lost,
    /// DynamoDB refused or could not be reached; the caller tries again later.
    #[error("cannot {action}")]
    Unavailable {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        cause: Cause,
    },
    /// More is paused than one read returns, so nobody knows all of it; nothing
    /// may be begun.
    #[error("there are more pauses than can be read")]
    Crowded,
    /// It takes more writes than are made together; less must be asked for.
    #[error("it takes {needed} writes together, and there are {most} at most")]
    TooLarge {
        /// How many it takes.
        needed: usize,
        /// How many there are at most.
        most: usize,
    },
    /// An item is not what this version writes; a person must look.
    #[error("the stored attribute `{attribute}` cannot be read")]
    Corrupt {
        /// The attribute.
        attribute: &'static str,
        /// Why.
        #[source]
        cause: Option<Cause>,
    },
}

pub(crate) fn unavailable(
    action: &'static str,
    cause: impl Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Unavailable {
        action,
        cause: Box::new(cause),
    }
}

pub(crate) fn corrupt(
    attribute: &'static str,
    cause: impl Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Corrupt {
        attribute,
        cause: Some(Box::new(cause)),
    }
}

pub(crate) fn missing(attribute: &'static str) -> StoreError {
    StoreError::Corrupt {
        attribute,
        cause: None,
    }
}

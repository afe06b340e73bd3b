//! What went wrong, by what the caller does next.

use std::error::Error as StdError;

/// Why a request has no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The credentials are missing, wrong or of a kind that is switched off.
    #[error("the controller refused the credentials: {0}")]
    Unauthorised(String),
    /// The user may not do this, or the token may only read.
    #[error("the controller does not permit it: {0}")]
    Forbidden(String),
    /// The request makes no sense to the controller.
    #[error("the controller cannot answer the request: {0}")]
    Refused(String),
    /// There is no such thing.
    #[error("the controller knows no such thing: {0}")]
    Unknown(String),
    /// Too many requests; ask again later.
    #[error("the controller is answering too many requests already")]
    Throttled,
    /// No certificate that is trusted; the right roots have to be given.
    #[error("the controller's certificate is not trusted, give the roots that signed it")]
    Untrusted(#[source] Cause),
    /// Nobody was there; the request has not left.
    #[error("the controller cannot be reached")]
    Unreachable(#[source] Cause),
    /// No answer now; ask again later.
    #[error("the controller gave no answer: {what}")]
    Unavailable {
        /// What happened instead.
        what: String,
        /// The failure underneath, where there is one.
        #[source]
        source: Option<Cause>,
    },
    /// Something answered, but not as a controller does; most often the address
    /// is wrong.
    #[error("the answer is not one of a controller: {what}")]
    Malformed {
        /// What is wrong with it.
        what: String,
        /// The failure underneath, where there is one.
        #[source]
        source: Option<Cause>,
    },
}

/// The failure underneath an [`Error`].
pub type Cause = Box<dyn StdError + Send + Sync>;

impl Error {
    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable {
            what: what.into(),
            source: None,
        }
    }

    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed {
            what: what.into(),
            source: None,
        }
    }
}

/// An answer, or nothing where the controller knows no such thing.
pub(crate) fn known<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Unknown(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

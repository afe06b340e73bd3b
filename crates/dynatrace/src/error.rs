//! What went wrong, by what the caller does next.

use std::error::Error as StdError;

/// Why a whole request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token is missing, wrong or expired; it has to be replaced.
    #[error("Dynatrace refused the API token: {0}")]
    Unauthorised(String),
    /// The token may not do this; the scope in the text has to be added to it.
    #[error("the API token lacks a scope: {0}")]
    ScopeMissing(String),
    /// Nothing measures what was asked for.
    #[error("Dynatrace knows no such metric: {0}")]
    UnknownMetric(String),
    /// There is no problem with this id.
    #[error("Dynatrace knows no such problem: {0}")]
    UnknownProblem(String),
    /// The request cannot be evaluated; a metric, a tag or an event has to be
    /// rewritten.
    #[error("Dynatrace cannot evaluate the request: {0}")]
    BadSelector(String),
    /// Too many requests; ask again later.
    #[error("Dynatrace is answering too many requests already")]
    Throttled,
    /// No answer now; ask again later.
    #[error("Dynatrace gave no answer: {what}")]
    Unavailable {
        /// What happened instead.
        what: String,
        /// The failure underneath, where there is one.
        #[source]
        source: Option<Cause>,
    },
    /// Something answered, but not as Dynatrace does; most often the address
    /// is wrong.
    #[error("the answer is not one of Dynatrace: {what}")]
    Malformed {
        /// What is wrong with it.
        what: String,
        /// The failure underneath, where there is one.
        #[source]
        source: Option<Cause>,
    },
    /// The tenant has switched API v1 off.
    #[error("API v1 not available on this tenant, set DT_API=v2")]
    ApiGone,
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

//! The words in which a tenant's answers are handed on.

use std::collections::BTreeMap;

use crate::question::Tag;

/// What the tenant answered to one [`crate::Series`].
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesAnswer {
    /// The number; `Ok(None)` when there is no data, which is never zero.
    pub value: Result<Option<f64>, SeriesError>,
    /// The metric selector that was sent, or the one that could not be.
    pub selector: String,
    /// The path and the decoded query without the host, as evidence; empty
    /// when nothing was sent.
    pub query: String,
    /// The ids of the entities that were asked for or that answered.
    pub entities: Vec<String>,
    /// Those whose own numbers led to an unweighted mean.
    pub answered: Vec<String>,
    /// What the tenant, or this client, found worth warning of.
    pub warnings: Vec<String>,
}

/// Why one series has no answer while its neighbours may have theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// Nothing measures this; another metric has to be named.
    #[error("unknown metric: {0}")]
    UnknownMetric(String),
    /// The tenant cannot evaluate the selector; it has to be rewritten.
    #[error("unusable metric selector: {0}")]
    BadSelector(String),
    /// Several numbers came back where one was wanted; the selector has to
    /// become narrower.
    #[error("ambiguous answer: {0}")]
    Ambiguous(String),
    /// Only API v2 can answer this.
    #[error("needs API v2: {0}")]
    NeedsV2(String),
}

impl SeriesAnswer {
    /// The answer to a series for which nothing was sent.
    pub(crate) fn unsent(
        selector: impl Into<String>,
        value: Result<Option<f64>, SeriesError>,
    ) -> Self {
        Self {
            value,
            selector: selector.into(),
            query: String::new(),
            entities: Vec::new(),
            answered: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl SeriesError {
    pub(crate) fn methods_of_no_service() -> Self {
        Self::BadSelector("only services have service methods".into())
    }
}

/// A monitored entity and what it is connected with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// The id, such as `SERVICE-CB6A2EB13C7858F4`.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// Relationships that start here, by name.
    pub from: BTreeMap<String, Vec<Related>>,
    /// Relationships that end here, by name.
    pub to: BTreeMap<String, Vec<Related>>,
    /// The tags of the entity.
    pub tags: Vec<Tag>,
    /// The type of a service, such as `WEB_REQUEST_SERVICE`; the generations of
    /// the API write it differently.
    pub service_type: Option<String>,
    /// The EC2 instance that a host is, where the tenant knows it.
    pub instance: Option<String>,
}

impl Entity {
    /// Whether it is a database, as other services see it.
    pub fn is_database(&self) -> bool {
        let kind = self.service_type.as_deref().unwrap_or_default();
        kind.to_ascii_lowercase().starts_with("database")
    }
}

/// The id of an EC2 instance, if the text is one.
pub(crate) fn instance(text: &str) -> Option<String> {
    let digits = text.strip_prefix("i-")?;
    let is_id =
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| text.to_owned())
}

/// The names of the relationships that entities of a type can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationships {
    /// Those that start at such an entity.
    pub from: Vec<String>,
    /// Those that end at such an entity.
    pub to: Vec<String>,
}

/// The other end of a relationship.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The id of the other entity.
    pub id: String,
    /// Its type, such as `PROCESS_GROUP`, where the tenant says it.
    pub type_: Option<String>,
}

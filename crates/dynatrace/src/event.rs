//! Events: what happened to an entity, announced by us or recorded by the
//! tenant.

use std::collections::BTreeMap;

/// Something that happened to entities, to be announced to the tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// What kind of thing happened.
    pub kind: EventKind,
    /// What people read first. API v1 has no titles for deployments and takes
    /// it for the name of one that has none.
    pub title: String,
    /// What happened, in a sentence or two.
    pub description: Option<String>,
    /// The ids of the entities that it happened to, all of one type.
    pub entities: Vec<String>,
    /// When it began, in milliseconds since 1970; now if it is not said.
    pub start_ms: Option<i64>,
    /// When it ended.
    pub end_ms: Option<i64>,
    /// Who says so.
    pub source: String,
    /// The name of a deployment.
    pub name: Option<String>,
    /// The version that it brought.
    pub version: Option<String>,
    /// The project that it belongs to.
    pub project: Option<String>,
    /// Where the build that made it can be seen.
    pub ci_back_link: Option<String>,
    /// Where it can be undone.
    pub remediation_link: Option<String>,
    /// Everything else, by name.
    pub properties: BTreeMap<String, String>,
}

/// A kind of event that informs and never opens a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// A version reached the entities.
    #[default]
    Deployment,
    /// Somebody wants something to be remembered.
    Annotation,
    /// A setting was changed.
    Configuration,
    /// Anything else.
    Info,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Deployment,
        Self::Annotation,
        Self::Configuration,
        Self::Info,
    ];

    /// The name in both generations of the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployment => "CUSTOM_DEPLOYMENT",
            Self::Annotation => "CUSTOM_ANNOTATION",
            Self::Configuration => "CUSTOM_CONFIGURATION",
            Self::Info => "CUSTOM_INFO",
        }
    }
}

/// What became of an announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an announcement that is answered is not yet one that was accepted"]
pub enum Announced {
    /// The event is there for `attached` entities, which may be fewer than were
    /// named.
    Attached {
        /// How many entities have the event.
        attached: usize,
        /// What the tenant calls it: ids of events in v1, of correlations in v2.
        ids: Vec<String>,
    },
    /// The tenant knows none of the entities, or not yet.
    NobodyMatched,
    /// The tenant did not accept the event for every entity.
    Refused {
        /// How many entities have the event nevertheless.
        attached: usize,
        /// Why the others have not, such as `INVALID_METADATA`; each once.
        statuses: Vec<String>,
    },
}

/// An event as the tenant remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The id; in the evidence of a v1 problem, which has none, whatever else
    /// tells the event from others, or nothing.
    pub id: String,
    /// When it began, in milliseconds since 1970.
    pub start_ms: i64,
    /// The id of the entity that it happened to.
    pub entity: String,
    /// What people read first.
    pub title: String,
    /// What happened, in a sentence or two.
    pub description: Option<String>,
    /// Who said so.
    pub source: Option<String>,
    /// The name of a deployment.
    pub name: Option<String>,
    /// The version that it brought.
    pub version: Option<String>,
    /// The project that it belongs to.
    pub project: Option<String>,
    /// Where the build that made it can be seen.
    pub ci_back_link: Option<String>,
    /// Where it can be undone.
    pub remediation_link: Option<String>,
    /// Everything else that came with it, by name.
    pub properties: BTreeMap<String, String>,
}

/// The latest event first: neither generation of the API promises an order.
pub(crate) fn newest_first(events: &mut [RecordedEvent]) {
    events.sort_by(|a, b| (b.start_ms, &b.id).cmp(&(a.start_ms, &a.id)));
}

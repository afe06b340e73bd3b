//! What happened to entities, as both API versions tell it.

use std::collections::BTreeMap;

use super::ids;

/// An event of one entity.
///
/// Its properties carry the names of API v2, whichever version it came by.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The id, such as `-8338439733889003014_1532328338475`.
    pub id: String,
    /// The type, such as `CUSTOM_DEPLOYMENT`.
    pub event_type: String,
    /// The title.
    pub title: String,
    /// The entity it is attached to.
    pub entity: String,
    /// When it began, in milliseconds.
    pub start: i64,
    /// When it ended or will end, in milliseconds.
    pub end: i64,
    /// What the sender had to say.
    pub properties: BTreeMap<String, String>,
    /// What ties reports of one thing together.
    pub correlation_id: String,
    /// When the tenant took it in, in milliseconds.
    pub ingested: i64,
}

/// An event before it is attached to anything.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) event_type: String,
    pub(super) title: String,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) properties: BTreeMap<String, String>,
}

/// All events ever stored, in the order they came.
#[derive(Default)]
pub(super) struct EventLog(Vec<Event>);

/// What an event type means to the tenant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// It informs and is over at once.
    Information,
    /// It opens a problem and lasts.
    Trouble,
}

/// The entity that stands for the whole environment.
pub(super) const ENVIRONMENT: &str = "ENVIRONMENT-0000000000000001";

impl EventLog {
    /// Stores one event of `entity`.
    pub(super) fn store(&mut self, draft: Draft, entity: &str, ingested: i64) -> &Event {
        let sequence = self.0.len() as u64 + 1;
        self.0.push(Event {
            id: format!("{}_{}", ids::large(sequence), draft.start),
            event_type: draft.event_type,
            title: draft.title,
            entity: entity.to_owned(),
            start: draft.start,
            end: draft.end,
            properties: draft.properties,
            correlation_id: ids::hexadecimal(sequence),
            ingested,
        });
        self.0.last().expect("one was just pushed")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Event> {
        self.0.iter()
    }
}

impl Event {
    pub(super) fn property(&self, key: &str) -> Option<&str> {
        self.properties.get(key).map(String::as_str)
    }

    /// The number in front of the time.
    pub(super) fn number(&self) -> i64 {
        let digits = self.id.split('_').next();
        digits
            .and_then(|digits| digits.parse().ok())
            .expect("ids begin with a number")
    }

    /// Information is closed from the start, as recorded ones are.
    pub(super) fn status(&self, now: i64) -> &'static str {
        if kind_of(&self.event_type) == Some(Kind::Trouble) && now < self.end {
            "OPEN"
        } else {
            "CLOSED"
        }
    }

    /// The end as both versions write it: open ones have none.
    pub(super) fn shown_end(&self, now: i64) -> i64 {
        if self.status(now) == "OPEN" {
            -1
        } else {
            self.end
        }
    }
}

/// The meaning of a type by its name in either version; none if unknown.
pub(super) fn kind_of(event_type: &str) -> Option<Kind> {
    Some(match event_type {
        "CUSTOM_ANNOTATION"
        | "CUSTOM_CONFIGURATION"
        | "CUSTOM_DEPLOYMENT"
        | "CUSTOM_INFO"
        | "MARKED_FOR_TERMINATION"
        | "WARNING" => Kind::Information,
        "AVAILABILITY_EVENT"
        | "CUSTOM_ALERT"
        | "ERROR_EVENT"
        | "PERFORMANCE_EVENT"
        | "RESOURCE_CONTENTION_EVENT" => Kind::Trouble,
        _ => return None,
    })
}

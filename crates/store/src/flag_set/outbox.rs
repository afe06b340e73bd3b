//! Events about flags, and whether the tenant has them.

use std::collections::BTreeMap;

use flags::{Announcement, Entities};
use jiff::Timestamp;
use release::outbox::Entry;

/// An event for the tenant, and whether it has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbox {
    /// The set.
    pub set: String,
    /// The flag.
    pub flag: String,
    /// The version that the change made.
    pub version: u64,
    /// What the tenant is told.
    pub event: ChangeEvent,
    /// Whether it was: the text is what it is known by.
    pub entry: Entry,
    /// The event of a change that was not made: unless the tenant has that, it
    /// is told nothing.
    pub only_if: Option<OnlyIf>,
}

/// Another event that the tenant may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlyIf {
    /// What it is known by.
    pub marker: String,
    /// When it began.
    pub at: Timestamp,
}

/// An event of the type `CUSTOM_CONFIGURATION`, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeEvent {
    /// Its title.
    pub title: String,
    /// Where it belongs.
    pub entities: Option<Entities>,
    /// When it began and ended.
    pub at: Timestamp,
    /// Its properties by name.
    pub properties: BTreeMap<String, String>,
}

impl From<Announcement> for ChangeEvent {
    fn from(announcement: Announcement) -> Self {
        let properties = announcement.properties.into_iter();
        Self {
            title: announcement.title,
            entities: announcement.entities,
            at: announcement.at,
            properties: properties
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }
}

impl ChangeEvent {
    /// What it is known by: the change and its version. A change that was aborted
    /// may have had the version that the entry about it has.
    pub fn marker(properties: &BTreeMap<String, String>) -> String {
        let property = |name: &str| properties.get(name).map_or("", String::as_str);
        let marker = format!("{} {}", property("change.id"), property("change.version"));
        match property("change.cause") {
            "aborted" => marker + " aborted",
            _ => marker,
        }
    }
}

impl Outbox {
    pub(super) fn new(
        set: &str,
        flag: &str,
        version: u64,
        event: ChangeEvent,
        now: Timestamp,
    ) -> Self {
        Self {
            set: set.to_owned(),
            flag: flag.to_owned(),
            version,
            entry: Entry::new(ChangeEvent::marker(&event.properties), now),
            event,
            only_if: None,
        }
    }
}

//! What is due: timers, and events that the tenant has not got yet.

use std::collections::BTreeMap;

use flags::{Announcement, Entities};
use jiff::Timestamp;
use release::outbox::Entry;
use release::work::Counts;
use serde::{Deserialize, Serialize};

use super::prepared::PreparedChange;
use crate::item::{self, Item};
use crate::item_update::ItemUpdate;
use crate::kind::{Actions, Kind, Record};
use crate::{StoreError, record};

/// Something that is owed to the clock or to the tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Owed {
    /// What.
    pub what: What,
    /// How many looks at it had no result.
    counts: Counts,
}

/// What is owed.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// What the clock did to a flag is to be written down.
    Timer {
        /// In which set.
        set: String,
        /// To which flag.
        flag: String,
    },
    /// The tenant is to be told of a change.
    Event(Box<Outbox>),
    /// A change is made once the tenant has its event.
    Prepared(Box<PreparedChange>),
    /// What a problem holds is given back once it is over.
    Watch {
        /// In which set.
        set: String,
        /// Which.
        problem: String,
        /// Since when it holds something.
        since: Timestamp,
    },
}

/// An event for the tenant, and whether it has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
    #[serde(with = "record::outbox")]
    pub entry: Entry,
    /// The event of a change that was not made: unless the tenant has that, it
    /// is told nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_if: Option<OnlyIf>,
}

/// Another event that the tenant may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnlyIf {
    /// What it is known by.
    pub marker: String,
    /// When it began.
    pub at: Timestamp,
}

/// An event of the type `CUSTOM_CONFIGURATION`, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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

impl Owed {
    pub(super) fn new(what: What) -> Self {
        Self {
            what,
            counts: Counts::default(),
        }
    }

    fn read(item: &Item) -> Result<Self, StoreError> {
        let what = match item::optional_json(item, "outbox")? {
            Some(outbox) => What::Event(Box::new(outbox)),
            None => match item::optional_json(item, "prepared")? {
                Some(change) => What::Prepared(Box::new(change)),
                None if item.contains_key("problem") => What::Watch {
                    set: item::string(item, "set")?.to_owned(),
                    problem: item::string(item, "problem")?.to_owned(),
                    since: item::timestamp(item, "since")?,
                },
                None => What::Timer {
                    set: item::string(item, "set")?.to_owned(),
                    flag: item::string(item, "flag")?.to_owned(),
                },
            },
        };
        Ok(Self {
            what,
            counts: Counts {
                faults: item::number(item, "faults")?,
                waits: item::number(item, "waits")?,
            },
        })
    }

    fn deferred(&self) -> ItemUpdate {
        let change = ItemUpdate::counts(self.counts);
        match &self.what {
            What::Timer { .. } | What::Watch { .. } => change,
            What::Prepared(prepared) => {
                change.and("prepared", item::json_attribute(prepared.as_ref()))
            }
            What::Event(outbox) => change.and("outbox", item::json_attribute(outbox.as_ref())),
        }
    }
}

impl Record for Owed {
    const KIND: Kind<Self> = Kind {
        read: Owed::read,
        counts: |owed| owed.counts,
        count: |owed, counts| owed.counts = counts,
        deferred: Owed::deferred,
        settled: |owed| owed.deferred().remove(&["dueShard", "dueAt"]),
        notices: |_| None,
        deferred_by: "deferredBy",
        settled_by: "settledBy",
        actions: Actions {
            find: "find timers and events that are due",
            claim: "claim a timer or an event",
            defer: "defer a timer or an event",
            settle: "settle a timer or an event",
        },
    };
}

//! What is due: timers, and events and comments that the tenant has not got yet.

use jiff::Timestamp;
use release::work::Counts;

use super::outbox::Outbox;
use super::prepared::PreparedChange;
use super::remark::Remark;
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
    /// Something is said on a problem that holds flags.
    Remark(Box<Remark>),
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

impl Owed {
    pub(super) fn new(what: What) -> Self {
        Self {
            what,
            counts: Counts::default(),
        }
    }

    fn read(item: &Item) -> Result<Self, StoreError> {
        let what = if let Some(outbox) = record::owed::read(item)? {
            What::Event(Box::new(outbox))
        } else if let Some(change) = record::prepared::read(item)? {
            What::Prepared(Box::new(change))
        } else if let Some(remark) = record::remark::read(item)? {
            What::Remark(Box::new(remark))
        } else if item.contains_key("problem") {
            What::Watch {
                set: item::string(item, "set")?.to_owned(),
                problem: item::string(item, "problem")?.to_owned(),
                since: item::timestamp(item, "since")?,
            }
        } else {
            What::Timer {
                set: item::string(item, "set")?.to_owned(),
                flag: item::string(item, "flag")?.to_owned(),
            }
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
                change.and("prepared", record::prepared::attribute(prepared))
            }
            What::Event(outbox) => change.and("outbox", record::owed::attribute(outbox)),
            What::Remark(remark) => change.and("remark", record::remark::attribute(remark)),
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

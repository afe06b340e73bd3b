#![doc = include_str!("../README.md")]

mod handles;
mod queue;
mod table;

mod register;
mod slots;

mod answers;
mod claim;
mod due;
mod held;
mod kind;
mod permission;
mod stuck;
mod unsettled;
mod validation;
mod verdict;
mod wish;

mod ledger;

mod catalogue;
mod history;

mod advance;
mod announced;
mod effect;
mod followed;
mod problem_list;
mod problems;

mod flag_set;

mod blamed;
mod content;
mod entry;
mod guard;
mod heartbeat;
mod pauses;
mod ruling;
mod ties;

mod contention;
mod error;
mod item;
mod item_update;
mod known;
mod months;
mod packed;
mod record;
mod spec;
pub mod tables;
mod transaction;

pub use advance::Advanced;
pub use catalogue::{Catalogue, Catalogued, GateName};
pub use claim::{ClaimError, Claimed};
pub use due::Due;
pub use entry::Reading;
pub use error::StoreError;
pub use flag_set::{
    ChangeEvent, Commit, Completion, Decision, Declared, EndedAs, Ends, EntryId, FlagHistory,
    FlagSet, FlagVersions, Flags, Found, Look, OnlyIf, Outbox, Owed, Prepared, PreparedChange,
    Remark, Repeat, RepeatId, StoredRule, WantedChange, What, Written,
};
pub use followed::{ClaimedProblem, Followed};
pub use handles::{Ledger, Remediations, Validations};
pub use held::Held;
pub use history::{Evaluated, History, Part, ReadLimit, Recorded, Span};
pub use kind::{Kind, Record};
pub use ledger::HISTORY;
pub use pauses::{MOST_PAUSES, Paused};
pub use permission::Heard;
pub use problem_list::{ListedProblem, NoEdge, ProblemEdge, ProblemList};
pub use problems::{Noticed, Taken};
pub use queue::Queue;
pub use record::validation::registration_len;
pub use register::Registered;
pub use slots::Slot;
pub use spec::Spec;
pub use stuck::{Stuck, Why};
pub use unsettled::{Pending, Unsettled};
pub use verdict::{Beside, Judged};
pub use wish::Fulfilled;

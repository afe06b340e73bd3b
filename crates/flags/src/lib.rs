#![doc = include_str!("../README.md")]

mod announcement;
mod asked;
mod audit;
mod bounds;
mod context;
mod culprit;
mod declaration;
mod evaluate;
mod flagd;
mod format;
mod fractional;
mod guard;
mod hash;
pub mod key;
mod plan;
mod ramp;
mod read;
pub mod require;
mod rule;
pub mod state;
pub mod step;
mod targeting;
mod value;

pub use announcement::{Announcement, announcement};
pub use asked::{BadBulk, BadWish};
pub use audit::{
    Aborted, Because, Broken, Cause, Difference, Entry, Record, changed, diff, verify,
};
pub use bounds::{Bounds, OutOfBounds};
pub use context::{BadContext, Context, LARGEST_REQUEST};
pub use culprit::{NoCulprit, as_culprit, is_blamed, taken_back_by};
pub use declaration::{
    Audience, BadValue, Declaration, Declarations, Entities, EventPolicy, Fractional, Leases,
    MissingKey, Options, Preset, RateLimit, Rollout, Share, Tag,
};
pub use evaluate::{Bulk, Evaluation, Reason, Resolved, Set, Unresolved, is_known};
pub use format::schema;
pub use hash::Digest;
pub use plan::{Plan, PlanRefusal, Planned, plan};
pub use ramp::{Ramp, Step, Way};
pub use read::{LARGEST_BULK, Reading, is_flag_name, read};
pub use rule::{NotRun, Rules};
pub use targeting::{BadRule, OPERATORS, Targeting};
pub use value::{Kind, LARGEST_INTEGER, LARGEST_VALUE, NotAValue, Value};

//! Changes of flags, as our own function makes them and tells the tenant of
//! them. An event only points to a change: what counts is what the table of flags
//! has of it.

mod candidates;
mod site;

use std::collections::BTreeMap;
use std::sync::Arc;

use release::change::Flag;
use release::remediation::Guard;
use store::FlagSet;

pub(in crate::remedy) use candidates::gather;
pub(in crate::remedy) use site::Site;

/// Looks at flags.
pub(crate) type Views = BTreeMap<Flag, View>;

/// A flag as it is now.
#[derive(Debug)]
pub(crate) struct View {
    /// The set that it belongs to; nothing, if there is none.
    set: Option<Arc<FlagSet>>,
    guard: Guard,
    /// The problems that hold changes of it, as far as that was asked.
    holders: BTreeMap<String, Option<String>>,
}

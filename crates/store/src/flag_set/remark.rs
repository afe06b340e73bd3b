//! A comment on a problem that holds flags.

use release::outbox::Entry;

/// A comment on a problem, and whether the tenant has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The set.
    pub set: String,
    /// The problem, in the words of whoever named it.
    pub problem: String,
    /// What is said, and whether it was.
    pub entry: Entry,
}

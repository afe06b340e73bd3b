//! A comment on a problem that holds flags.

use jiff::Timestamp;
use release::outbox::Entry;

/// A comment on a problem, and whether the tenant has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The set.
    pub set: String,
    /// The problem, in the words of whoever named it.
    pub problem: String,
    /// When what the problem holds ends by the clock, where it is said that it will:
    /// what is then said is found out when that is due.
    pub ends: Option<Timestamp>,
    /// What is said, and whether it was.
    pub entry: Entry,
}

//! What was answered to a request, for whoever sends it again.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// A request that may come twice: whose, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatId {
    /// The id of the key that asks.
    pub key: String,
    /// The hash of what makes it the same request.
    pub hash: String,
}

/// What was answered to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The change that it made.
    pub change: String,
    /// The versions that the flags had then.
    pub versions: BTreeMap<String, u64>,
    /// When.
    pub at: Timestamp,
    /// The hash of everything that was asked for.
    pub asked: String,
    /// Whether it was done, or only begun.
    pub completion: Completion,
    /// The answer.
    pub body: String,
}

/// How far a request was when it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// It was done.
    Done,
    /// It had begun.
    Begun,
}

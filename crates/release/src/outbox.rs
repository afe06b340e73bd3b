//! Messages to another service: in order, and once as far as that can be known.
//!
//! An entry is stored together with the step that causes it, then said, then
//! noted as said. A worker that dies between the last two leaves an entry that
//! may have been said: before it is repeated, it is looked for. [`next`] decides
//! what is done about the first entry that is owed; each row is a case of its
//! tests.
//!
//! | Row | Stored | Looked for | Next |
//! |---|---|---|---|
//! | `look` | by an earlier worker | not yet | what was said there is read |
//! | `found` | by an earlier worker | and found | noted as said |
//! | `repeat` | by an earlier worker | and not found | said |
//! | `say` | in this look | – | said |
//! | `done` | nothing is owed | – | nothing |
//!
//! What cannot be said keeps its place: those behind it wait, and it is tried
//! again after a pause that grows with its own attempts. It is given up with the
//! record that it belongs to.

use jiff::Timestamp;

use crate::window::saturating_add;
use crate::work::backoff;

/// Something that is to be said, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is said.
    pub text: String,
    /// When there was a reason to say it.
    pub at: Timestamp,
    /// When it was taken.
    pub posted: Option<Timestamp>,
    /// How often sending it failed.
    pub attempts: u32,
}

impl Entry {
    /// Something to be said.
    pub fn new(text: String, at: Timestamp) -> Self {
        Self {
            text,
            at,
            posted: None,
            attempts: 0,
        }
    }
}

/// What is done about the first entry that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// What was said there is read.
    Look,
    /// The entry at this place was said already, and is noted.
    Found(usize),
    /// The entry at this place is said, then noted.
    Say(usize),
    /// Nothing is owed.
    Done,
}

/// What comes next. The first `older` entries were stored before this look;
/// `said` are the texts that were found there, once that was looked at.
pub fn next(entries: &[Entry], older: usize, said: Option<&[String]>) -> Next {
    let owed = entries.iter().position(|entry| entry.posted.is_none());
    let Some(first) = owed else {
        return Next::Done;
    };
    let is_there = |text: &String| text.trim() == entries[first].text.trim();
    match said {
        None if first < older => Next::Look,
        Some(said) if said.iter().any(is_there) => Next::Found(first),
        _ => Next::Say(first),
    }
}

/// Counts that sending the first entry that is owed failed, and says how
/// often it was by now, and when it is tried again.
pub fn failed(entries: &mut [Entry], now: Timestamp) -> (u32, Timestamp) {
    let owed = entries.iter_mut().find(|entry| entry.posted.is_none());
    let attempts = owed.map_or(0, |entry| {
        entry.attempts = entry.attempts.saturating_add(1);
        entry.attempts
    });
    (attempts, saturating_add(now, backoff(attempts)))
}

#[cfg(test)]
mod tests;

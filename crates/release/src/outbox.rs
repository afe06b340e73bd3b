//! Messages to another service: in order, and once as far as that can be known.
//!
//! An entry is stored together with the step that causes it, then said, then
//! noted as said. A worker that dies between the last two leaves an entry that
//! may have been said: before it is repeated, it is looked for. [`next`] decides
//! what is done about the first entry that is owed, and [`failed`] what follows
//! where that could not be done. Each row is a case of the tests.
//!
//! | Row | Stored | Looked for | Next |
//! |---|---|---|---|
//! | `look` | by an earlier worker | not yet | what was said there is read |
//! | `found` | by an earlier worker | and found | noted as said |
//! | `repeat` | by an earlier worker | and not found | said |
//! | `say` | in this look, or its receiver knows a repetition by its id | – | said |
//! | `done` | nothing is owed | – | nothing |
//!
//! | Row | Not taken, or not looked for | Time of its record | Next |
//! |---|---|---|---|
//! | `refused` | whatever the reason | is left | it keeps its place, and those behind it wait; attempts + 1, due = backoff by its attempts |
//! | `given-up` | whatever the reason | is over | everything owed is stored as given up, with the reason |
//! | `never` | nobody can ever take it | – | the same |
//!
//! What was given up is no longer owed: neither looked for nor repeated.

use jiff::Timestamp;

use crate::window::saturating_add;
use crate::work::{Time, backoff};

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
    /// Why nobody tries any more.
    pub given_up: Option<String>,
}

impl Entry {
    /// Something to be said.
    pub fn new(text: String, at: Timestamp) -> Self {
        Self {
            text,
            at,
            posted: None,
            attempts: 0,
            given_up: None,
        }
    }

    /// Whether it still has to be said.
    pub fn is_owed(&self) -> bool {
        self.posted.is_none() && self.given_up.is_none()
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
    let Some(first) = entries.iter().position(Entry::is_owed) else {
        return Next::Done;
    };
    let is_there = |text: &String| text.trim() == entries[first].text.trim();
    match said {
        None if first < older => Next::Look,
        Some(said) if said.iter().any(is_there) => Next::Found(first),
        _ => Next::Say(first),
    }
}

/// What follows where the first entry that is owed could not be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It is tried again.
    Again {
        /// How often it failed by now.
        attempts: u32,
        /// When.
        until: Timestamp,
    },
    /// Nothing is owed any more.
    GivenUp,
}

/// Notes that the first entry that is owed could not be said, and says what
/// follows. `time` is that of the record that the entries belong to.
pub fn failed(entries: &mut [Entry], why: &str, time: Time, now: Timestamp) -> Failed {
    match time {
        Time::Over => {
            give_up(entries, why);
            Failed::GivenUp
        }
        Time::Left => {
            let owed = entries.iter_mut().find(|entry| entry.is_owed());
            let attempts = owed.map_or(0, |entry| {
                entry.attempts = entry.attempts.saturating_add(1);
                entry.attempts
            });
            let until = saturating_add(now, backoff(attempts));
            Failed::Again { attempts, until }
        }
    }
}

/// Notes that nobody tries any more what is owed.
pub fn give_up(entries: &mut [Entry], why: &str) {
    for entry in entries.iter_mut().filter(|entry| entry.is_owed()) {
        entry.given_up = Some(why.to_owned());
    }
}

#[cfg(test)]
mod tests;

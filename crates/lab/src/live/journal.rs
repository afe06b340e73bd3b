//! What happens in the lab, as lines for people.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use fake_aws::clock::real_time;

/// How many lines are kept.
const KEPT: usize = 2_000;

/// How many lines back a repeated line is suppressed.
const LATELY: usize = 30;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number, counted from the beginning.
    pub number: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub who: String,
    /// What was done.
    pub what: String,
}

/// The latest events; subscribers get new ones.
#[derive(Debug)]
pub struct Journal {
    entries: Mutex<VecDeque<Entry>>,
    length: watch::Sender<u64>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            length: watch::Sender::new(0),
        }
    }
}

impl Journal {
    /// Records an event.
    pub fn tell(&self, who: &str, what: impl Into<String>) {
        let mut entries = self.entries();
        let number = *self.length.borrow();
        entries.push_back(Entry {
            number,
            at: real_time(),
            who: who.to_owned(),
            what: what.into(),
        });
        if KEPT < entries.len() {
            entries.pop_front();
        }
        // Sent under the same lock, or two lines could get the same number.
        self.length.send_replace(number + 1);
    }

    /// Records the log lines of a function, without metrics.
    pub fn tell_logs(&self, function: &str, logs: &str) {
        for message in messages(logs) {
            self.tell(function, message);
        }
    }

    /// The same for a function that is called repeatedly: recent lines are not
    /// repeated, so waiting is recorded once.
    pub fn tell_news(&self, function: &str, logs: &str) {
        for message in messages(logs) {
            self.tell_once(function, &message);
        }
    }

    /// Records an event unless it was recorded recently.
    pub fn tell_once(&self, who: &str, what: &str) {
        if !self.told_lately(who, what) {
            self.tell(who, what);
        }
    }

    fn told_lately(&self, who: &str, what: &str) -> bool {
        let entries = self.entries();
        let mut lately = entries.iter().rev().take(LATELY);
        lately.any(|entry| entry.who == who && entry.what == what)
    }

    /// The events from this number on, as far as they are kept.
    pub fn since(&self, number: u64) -> Vec<Entry> {
        let entries = self.entries();
        let later = entries.iter().filter(|entry| number <= entry.number);
        later.cloned().collect()
    }

    /// Follows how many things have happened.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.length.subscribe()
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lines of a log that are meant for people.
fn messages(logs: &str) -> impl Iterator<Item = String> {
    logs.lines().filter_map(|line| {
        let fields: Value = serde_json::from_str(line).ok()?;
        Some(fields["message"].as_str()?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reader_gets_what_it_has_not_seen() {
        let journal = Journal::default();
        for what in ["one", "two", "three"] {
            journal.tell("somebody", what);
        }

        let later = journal.since(1);
        let later: Vec<_> = later.iter().map(|entry| entry.what.as_str()).collect();
        assert_eq!(later, ["two", "three"]);
        assert_eq!(*journal.follow().borrow(), 3);
    }

    #[test]
    fn lines_told_at_the_same_time_are_numbered_in_a_row() {
        let journal = Journal::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..KEPT / 4).for_each(|_| journal.tell("somebody", "something")));
            }
        });

        let numbers: Vec<_> = journal.since(0).iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, (0..KEPT as u64).collect::<Vec<_>>());
    }

    #[test]
    fn oldest_lines_make_room() {
        let journal = Journal::default();
        for _ in 0..=KEPT {
            journal.tell("somebody", "something");
        }

        let kept = journal.since(0);
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept.first().map(|entry| entry.number), Some(1));
    }

    #[test]
    fn only_what_is_meant_for_people_is_taken_from_logs() {
        let journal = Journal::default();
        let logs = "{\"message\": \"Judged\"}\n{\"_aws\": {}}\nnot even json";

        journal.tell_logs("validate-builds", logs);

        let told = journal.since(0);
        let told: Vec<_> = told.iter().map(|entry| entry.what.as_str()).collect();
        assert_eq!(told, ["Judged"]);
    }

    #[test]
    fn waiting_is_told_once() {
        let journal = Journal::default();
        for what in ["waits", "waits", "judged", "waits"] {
            journal.tell_news("validate-builds", &format!("{{\"message\": \"{what}\"}}"));
        }

        let told = journal.since(0);
        let told: Vec<_> = told.iter().map(|entry| entry.what.as_str()).collect();
        assert_eq!(told, ["waits", "judged"]);
    }
}

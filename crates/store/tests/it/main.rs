//! What is promised of the tables, on a real engine and through the real client.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod answers;
mod catalogue;
mod claims;
mod contents;
mod due;
mod effects;
mod flag_set;
mod golden;
mod histories;
mod ledger;
mod pauses;
mod problems;
mod registration;
mod rulings;
mod runs;
mod slots;
mod tables;
mod ties;
mod verdicts;
mod world;

//! What is promised of the tables, on a real engine and through the real client.

mod answers;
mod catalogue;
mod claims;
mod due;
mod ledger;
mod registration;
mod tables;
mod verdicts;
mod world;

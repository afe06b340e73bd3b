//! What pages say, whoever reads them.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod files;
mod flags;
mod hostile;
mod json;
mod pages;
mod problems;
mod schema;
mod sizes;
mod structure;
mod world;

//! What pages say, whoever reads them.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod hostile;
mod pages;
mod sizes;
mod structure;
mod world;

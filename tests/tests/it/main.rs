//! One integration-test binary: whole stories, and the rules of the workspace.

#![expect(clippy::unwrap_used, reason = "a story ends where it fails")]

mod absences;
mod announce;
mod binaries;
mod browser;
mod circles;
mod delivery;
mod flags;
mod gate;
mod heal;
mod installs;
mod layers;
mod packages;
mod playbooks;
mod program;
mod publish;
mod report;
mod rows;
mod runbook;
#[path = "../../../crates/report/tests/it/schema.rs"]
mod schema;
mod settings;
mod stack;
mod world;

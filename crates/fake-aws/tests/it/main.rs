//! The stand-ins, through the real clients.

#![expect(clippy::unwrap_used, reason = "a story ends where it fails")]

mod approvals;
mod deployments;
mod dynamo;
mod executions;
mod faults;
mod jobs;
mod modes;
mod queries;
mod storage;
mod world;

//! The stand-ins, through the real clients.

mod approvals;
mod dynamo;
mod executions;
mod faults;
mod jobs;
mod modes;
mod queries;
mod runtime;
mod storage;
mod world;

#![doc = include_str!("../README.md")]

pub mod clients;
pub mod door;
mod failure;
pub mod freeze;
pub mod http;
mod invocation;
pub mod job;
mod logging;
pub mod metrics;
pub mod report;
pub mod secrets;
pub mod settings;
pub mod tenant;

pub use failure::Failure;
pub use invocation::Invocation;
pub use logging::init_logging;

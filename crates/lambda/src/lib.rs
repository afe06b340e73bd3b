#![doc = include_str!("../README.md")]

pub mod clients;
mod failure;
pub mod http;
mod invocation;
mod logging;
pub mod metrics;
pub mod secrets;
pub mod settings;

pub use failure::Failure;
pub use invocation::Invocation;
pub use logging::init_logging;

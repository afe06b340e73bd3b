#![doc = include_str!("../README.md")]

pub mod clients;
pub mod door;
mod failure;
pub mod http;
mod invocation;
mod logging;
pub mod metrics;
pub mod secrets;
pub mod settings;
pub mod tenant;
mod work;

pub use failure::Failure;
pub use invocation::Invocation;
pub use logging::init_logging;
pub use work::ended;

//! Objects in memory, in path style, with the one access rule the gate lives by.
//!
//! Buckets exist as soon as they are written to. An *artifact bucket* is the
//! exception: requests there need the temporary credentials of a pipeline job,
//! so a function that reads artifacts with its own role is refused as on AWS.
//! Range requests, versions and listings are not served.

mod store;
mod wire;

pub use store::{Object, S3};
pub(crate) use wire::{failure, operation, split};

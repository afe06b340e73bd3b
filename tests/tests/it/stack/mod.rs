//! The stack that is deployed.

mod dynatrace;
mod template;

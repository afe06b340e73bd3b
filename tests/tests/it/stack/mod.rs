//! The stack that is deployed.

mod template;

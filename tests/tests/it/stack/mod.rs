//! The stack that is deployed.

mod dynatrace;
mod bundles;
mod sample_pipeline;
mod template;

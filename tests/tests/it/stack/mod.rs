//! The stack that is deployed.

mod bundles;
mod commands;
mod described;
mod dynatrace;
mod runbook;
mod sample_pipeline;
mod template;
mod template_values;

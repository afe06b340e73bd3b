#![doc = include_str!("../README.md")]

pub mod change_flags;
pub mod compare;
pub mod handle_problem;
pub mod publish_validation;
pub mod push_deployment_event;
pub mod register_validation;
pub mod rules;
pub mod ruling;
pub mod serve_flags;
pub mod validate_builds;
pub mod validation_report;

pub mod measure;
pub mod outgoing;
pub mod work;

mod announce;
mod execution;
mod fetched_spec;
mod once;
mod overlap;
mod parameters;
mod refusal;
mod remedy;
mod sides;
mod token;
mod walk;

pub use refusal::{Corrects, Refusal};
pub use work::Tick;

use monspec::MetricFacts;

/// The largest monspec that is read, in bytes.
pub const LARGEST_SPEC: usize = 512 * 1024;

/// What is known about metrics, in the words of the linter.
pub fn metric_facts(timeseries: &str) -> Option<MetricFacts> {
    dynatrace::metrics::facts(timeseries).map(|facts| MetricFacts {
        aggregates: facts.aggregates,
        has_v2_counterpart: facts.has_v2_counterpart,
    })
}

#![doc = include_str!("../README.md")]

mod annotate;
mod comparison;
mod format;
mod judge;
mod metrics;
mod read;
mod relationships;
mod signature;
mod spec;

pub use annotate::{AnnotateError, Entities, annotate};
pub use comparison::{
    Comparison, MissingBaseline, OpenProblems, ScaleFactors, WhenInconclusive, strictest,
};
pub use format::schema;
pub use judge::{
    Address, Answered, Coverage, Finding, Gap, Measured, Measurement, Outcome, Verdict, addresses,
    judge, readable, verdict,
};
// Readers of a monspec need its messages too.
pub use lint;
pub use metrics::{MetricCatalogue, MetricFacts};
pub use read::{Reading, read};
pub use relationships::{Relationships, relationships};
pub use signature::{Aggregate, BoundSide, Direction, Merge, Metric, Signature};
pub use spec::{EntityType, Environment, Monspec, ServiceEntry, ServiceMethod, Tag};

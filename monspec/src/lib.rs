#![doc = include_str!("../README.md")]

mod annotate;
mod comparison;
mod format;
mod judge;
pub mod lint;
mod read;
mod relationships;
mod signature;
mod spec;
mod syntax;

pub use annotate::{AnnotateError, Entities, annotate};
pub use comparison::{
    Comparison, MissingBaseline, OpenProblems, ScaleFactors, WhenInconclusive, strictest,
};
pub use format::schema;
pub use judge::{
    Address, Answered, Coverage, Finding, Gap, Measured, Measurement, Outcome, Verdict, addresses,
    judge, readable, verdict,
};
pub use lint::{MetricCatalogue, MetricFacts};
pub use read::{Reading, nearest, read};
pub use relationships::{Relationships, relationships};
pub use signature::{Aggregate, Direction, Merge, Metric, Side, Signature};
pub use spec::{EntityType, Environment, Monspec, ServiceEntry, ServiceMethod, Tag};

//! A client for one Dynatrace tenant.

pub mod metrics;

mod answer;
mod question;

pub use answer::{Entity, Related, SeriesAnswer, SeriesError};
pub use question::{
    Aggregation, EntityType, Merge, Metric, Percentile, Question, Scope, Series, Tag, Window,
};

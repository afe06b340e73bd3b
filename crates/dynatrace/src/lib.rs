//! A client for one Dynatrace tenant.

pub mod metrics;

mod answer;
mod error;
mod question;
mod tenant;

pub use answer::{Entity, Related, SeriesAnswer, SeriesError};
pub use error::{Cause, Error};
pub use question::{
    Aggregation, EntityType, Merge, Metric, Percentile, Question, Scope, Series, Tag, Window,
};
pub use tenant::{Api, InvalidTenant, Tenant, UnknownApi};

//! Metrics, entities as API v2 serves them.

mod answer;
mod batch;
mod descriptor;
mod entities;
mod expression;
mod methods;
mod pages;
mod plan;
mod query;
mod selector;
mod series;

pub(crate) use entities::entities;
pub(crate) use series::series;

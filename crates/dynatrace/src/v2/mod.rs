//! Metrics, entities and events as API v2 serves them.

mod announce;
mod answer;
mod batch;
mod descriptor;
mod entities;
mod events;
mod expression;
mod methods;
mod pages;
mod plan;
mod query;
mod selector;
mod series;

pub(crate) use announce::announce;
pub(crate) use entities::entities;
pub(crate) use events::events;
pub(crate) use series::series;

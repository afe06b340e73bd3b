//! Metrics, entities, events and problems as API v2 serves them.

mod announce;
mod answer;
mod batch;
mod comments;
mod descriptor;
mod entities;
mod entity_type;
mod events;
mod expression;
mod methods;
mod numbers;
mod plan;
mod planned;
mod problems;
mod query;
mod selector;
mod series;
mod token;

pub(crate) use announce::announce;
pub(crate) use comments::{comment, comments};
pub(crate) use descriptor::unit;
pub(crate) use entities::entities;
pub(crate) use entity_type::relationships;
pub(crate) use events::events;
pub(crate) use numbers::numbers;
pub(crate) use problems::{open_problems, problem, problems};
pub(crate) use series::series;
pub(crate) use token::scopes;

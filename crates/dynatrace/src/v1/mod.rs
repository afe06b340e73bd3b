//! Timeseries, Smartscape, events and problems as API v1 serves them.

mod announce;
mod comments;
mod entities;
mod events;
mod problems;
mod series;
mod timeseries;

pub(crate) use announce::announce;
pub(crate) use comments::{comment, comments};
pub(crate) use entities::entities;
pub(crate) use events::events;
pub(crate) use problems::{open_problems, problem, problems};
pub(crate) use series::series;

use crate::error::Error;

/// There is no metric in these requests, so what is missing is the API.
fn gone(error: Error) -> Error {
    match error {
        Error::UnknownMetric(_) => Error::ApiGone,
        error => error,
    }
}

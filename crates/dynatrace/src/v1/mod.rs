//! Timeseries and Smartscape as API v1 serves them.

mod entities;
mod series;
mod timeseries;

pub(crate) use entities::entities;
pub(crate) use series::series;

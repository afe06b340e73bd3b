//! How a problem was answered, and how long something took.

use std::time::Duration;

use serde::Serialize;

/// One problem.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Heal {
    pub(crate) problem: String,
    pub(crate) title: String,
    /// Whether the problem ended when its cause was taken back.
    pub(crate) confirmed: bool,
    pub(crate) comments: Vec<String>,
}

/// Seconds, to tenths of one.
pub(super) fn tenths(took: Duration) -> f64 {
    (took.as_secs_f64() * 10.0).round() / 10.0
}

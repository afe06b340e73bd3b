//! What the linter needs to know about metrics.

/// What is known of a v1 metric; answers `None` for a metric that is not known.
pub type MetricCatalogue = fn(timeseries: &str) -> Option<MetricFacts>;

/// What the linter wants to know of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricFacts {
    /// The aggregates the metric has: `avg`, `min`, `max`, `sum`, `count`, `median`,
    /// `percentile`. Empty when they are not known.
    pub aggregates: &'static [&'static str],
    /// Whether Dynatrace API v2 can answer for this metric.
    pub has_v2_counterpart: bool,
}

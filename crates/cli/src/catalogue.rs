//! Lends the linter what the Dynatrace client knows about metrics.

use monspec::MetricFacts;

/// The facts about a v1 metric, in the linter's words.
pub(crate) fn facts(timeseries: &str) -> Option<MetricFacts> {
    let facts = dynatrace::metrics::facts(timeseries)?;
    Some(MetricFacts {
        aggregates: facts.aggregates,
        has_v2_counterpart: facts.has_v2_counterpart,
    })
}

//! The metrics this tenant knows, under their names in both API versions.

mod builtin;
mod unit;

use super::aggregation::Aggregation;

pub(super) use builtin::builtin;
pub(super) use unit::{Unit, conversion};

/// A metric and what may be asked of it.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    pub(super) key: String,
    pub(super) v1: Option<V1Name>,
    pub(super) entity_type: String,
    pub(super) unit: Unit,
    pub(super) aggregations: &'static [&'static str],
    pub(super) single_value: SingleValue,
    pub(super) source: Source,
}

/// The name of a metric in the timeseries API v1, which has aggregations of its own.
#[derive(Clone, Debug)]
pub(super) struct V1Name {
    pub(super) id: &'static str,
    pub(super) unit: Unit,
    pub(super) aggregations: &'static [&'static str],
    /// What a v2 value is multiplied with where the unit changed.
    pub(super) factor: f64,
}

/// Whether `resolution=Inf` is possible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SingleValue {
    Supported,
    Unsupported,
}

/// Which side of a call is to blame for a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Failures {
    Any,
    Server,
    Client,
}

/// Where the numbers of a metric come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
    ResponseTime,
    RequestCount,
    FailureCount(Failures),
    FailureRate(Failures),
    Gauge,
}

const CUSTOM: &[&str] = &["auto", "avg", "count", "max", "min", "sum", "value"];

impl Metric {
    /// An ingested metric that is not in the catalogue.
    pub(super) fn custom(key: &str, entity_type: &str) -> Self {
        Self {
            key: key.to_owned(),
            v1: None,
            entity_type: entity_type.to_owned(),
            unit: Unit::Unspecified,
            aggregations: CUSTOM,
            single_value: SingleValue::Supported,
            source: Source::Gauge,
        }
    }

    /// The dimension that holds the measured entity, such as `dt.entity.service`.
    pub(super) fn dimension(&self) -> String {
        format!("dt.entity.{}", self.entity_type.to_lowercase())
    }

    pub(super) fn default_aggregation(&self) -> Aggregation {
        if self.aggregations.contains(&"avg") {
            Aggregation::Avg
        } else {
            Aggregation::Value
        }
    }

    /// The aggregation to compute with, if this metric supports it.
    pub(super) fn resolve(&self, aggregation: Aggregation) -> Option<Aggregation> {
        if aggregation == Aggregation::Auto {
            return Some(self.default_aggregation());
        }
        self.aggregations
            .contains(&aggregation.name())
            .then_some(aggregation)
    }
}

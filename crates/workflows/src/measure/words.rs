//! The spec's words in the tenant's.

use dynatrace::{Scope, Series};
use monspec::{Address, Environment, Merge, Metric, ServiceEntry, Signature};
use release::window::Window;

/// Where the entities of an environment are.
pub fn scope(entry: &ServiceEntry, environment: &Environment) -> Scope {
    Scope {
        entity_type: entity_type(entry.etype),
        tags: environment
            .tags
            .iter()
            .map(|tag| dynatrace::Tag {
                context: tag.context.clone(),
                key: tag.key.clone(),
                value: tag.value.clone(),
            })
            .collect(),
    }
}

pub(super) fn entity_type(etype: monspec::EntityType) -> dynatrace::EntityType {
    match etype {
        monspec::EntityType::Service => dynatrace::EntityType::Service,
        monspec::EntityType::Application => dynatrace::EntityType::Application,
        monspec::EntityType::Host => dynatrace::EntityType::Host,
        monspec::EntityType::ProcessGroup => dynatrace::EntityType::ProcessGroup,
        monspec::EntityType::ProcessGroupInstance => dynatrace::EntityType::ProcessGroupInstance,
    }
}

pub(super) fn series(address: &Address, signature: &Signature) -> Series {
    Series {
        metric: match &signature.metric {
            Metric::Selector(selector) => dynatrace::Metric::Selector(selector.clone()),
            other => dynatrace::Metric::Timeseries(other.to_string()),
        },
        aggregation: aggregation(signature.aggregate),
        merge: match signature.merge {
            Merge::Tenant => dynatrace::Merge::Tenant,
            Merge::Mean => dynatrace::Merge::Mean,
        },
        method: address.method.clone(),
    }
}

pub(super) fn aggregation(aggregate: monspec::Aggregate) -> dynatrace::Aggregation {
    use dynatrace::Aggregation;
    match aggregate {
        monspec::Aggregate::Min => Aggregation::Min,
        monspec::Aggregate::Max => Aggregation::Max,
        monspec::Aggregate::Avg => Aggregation::Avg,
        monspec::Aggregate::Sum => Aggregation::Sum,
        monspec::Aggregate::Count => Aggregation::Count,
        monspec::Aggregate::Median => Aggregation::Median,
        // The ends of the scale are the smallest and the largest value.
        monspec::Aggregate::Percentile(percent) => {
            match dynatrace::Percentile::from_percent(percent) {
                Some(percentile) => Aggregation::Percentile(percentile),
                None if percent < 50.0 => Aggregation::Min,
                None => Aggregation::Max,
            }
        }
    }
}

pub(crate) fn tenant_window(window: Window) -> dynatrace::Window {
    dynatrace::Window {
        from_ms: window.start.as_millisecond(),
        to_ms: window.end.as_millisecond(),
    }
}

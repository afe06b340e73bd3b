//! One metric expression, checked against its metric and carried out.

use serde_json::{Map, Value, json};

use super::resolution::Resolution;
use crate::aggregation::Aggregation;
use crate::answer::{ServiceError, number};
use crate::catalogue::{Metric, SingleValue, conversion};
use crate::request::Window;
use crate::selector::entity::EntitySelector;
use crate::selector::metric::{Expression, Filter, Transformation};
use crate::silence::NoDataShape;
use crate::state::State;
use crate::topology::{Entity, Marking, View};

/// What to compute for one expression.
pub(super) struct Plan<'e> {
    metric: Metric,
    aggregation: Aggregation,
    filters: Vec<&'e Filter>,
    split: Split,
    names: Names,
    slots: Resolution,
    factor: f64,
    pub(super) warnings: Vec<String>,
}

/// Whether the entities share one series or have one each.
#[derive(Clone, Copy, PartialEq)]
enum Split {
    Merged,
    PerEntity,
}

/// Whether entity names are dimensions of their own.
#[derive(Clone, Copy, PartialEq)]
enum Names {
    Hidden,
    Shown,
}

/// Points in time with their values, and the dimensions they belong to.
pub(super) struct Series {
    dimensions: Vec<(String, String)>,
    points: Vec<(i64, Option<f64>)>,
}

impl<'e> Plan<'e> {
    pub(super) fn new(
        metric: Metric,
        expression: &'e Expression,
        resolution: &Resolution,
    ) -> Result<Self, ServiceError> {
        if *resolution == Resolution::Inf && metric.single_value == SingleValue::Unsupported {
            let message = format!("Metric '{}' does not support resolution Inf.", metric.key);
            return Err(ServiceError::bad_request(message));
        }
        let mut plan = Self {
            aggregation: metric.default_aggregation(),
            filters: Vec::new(),
            split: Split::PerEntity,
            names: Names::Hidden,
            slots: *resolution,
            factor: 1.0,
            warnings: Vec::new(),
            metric,
        };
        let mut folded_with = None;
        let mut aggregated = false;
        for transformation in &expression.transformations {
            match transformation {
                Transformation::Aggregate(aggregation) => {
                    plan.aggregation = plan.supported(*aggregation)?;
                    aggregated = true;
                }
                Transformation::SplitBy(dimensions) => plan.split = plan.split_by(dimensions)?,
                Transformation::Filter(filter) => {
                    plan.check_dimensions(filter)?;
                    plan.filters.push(filter);
                }
                Transformation::Fold(aggregation) => {
                    plan.slots = Resolution::Inf;
                    folded_with = *aggregation;
                }
                Transformation::Names => plan.names = Names::Shown,
                Transformation::ToUnit(from, to) => plan.convert(from, to)?,
            }
        }
        // An aggregation beside the fold wins over the fold's own, and one that
        // the metric lacks is passed over without a word.
        if !aggregated && let Some(fold) = folded_with.and_then(|fold| plan.metric.resolve(fold)) {
            plan.aggregation = fold;
        }
        Ok(plan)
    }

    /// Computes every series of the plan, including those without any value.
    pub(super) fn series(
        &self,
        state: &State,
        window: Window,
        scope: Option<&EntitySelector>,
    ) -> Vec<Series> {
        let view = state.view(window);
        let members: Vec<_> = view
            .all()
            .filter(|entity| self.takes(view, entity, scope))
            .collect();
        match self.split {
            Split::Merged => {
                let ids: Vec<_> = members.iter().map(|entity| entity.id.as_str()).collect();
                vec![Series {
                    dimensions: Vec::new(),
                    points: self.points(state, window, &ids),
                }]
            }
            Split::PerEntity => members
                .into_iter()
                .map(|entity| Series {
                    dimensions: self.dimensions(entity),
                    points: self.points(state, window, &[&entity.id]),
                })
                .collect(),
        }
    }

    fn supported(&self, aggregation: Aggregation) -> Result<Aggregation, ServiceError> {
        self.metric.resolve(aggregation).ok_or_else(|| {
            let name = aggregation.name();
            let message = format!(
                "Metric '{}' does not support aggregation '{name}'.",
                self.metric.key
            );
            ServiceError::bad_request(message)
        })
    }

    fn split_by(&self, dimensions: &[String]) -> Result<Split, ServiceError> {
        match dimensions {
            [] => Ok(Split::Merged),
            [dimension] if *dimension == self.metric.dimension() => Ok(Split::PerEntity),
            [dimension, ..] => Err(self.unknown_dimension(dimension)),
        }
    }

    fn check_dimensions(&self, filter: &Filter) -> Result<(), ServiceError> {
        match filter {
            Filter::Equals { dimension, .. } | Filter::In { dimension, .. } => {
                if *dimension == self.metric.dimension() {
                    Ok(())
                } else {
                    Err(self.unknown_dimension(dimension))
                }
            }
            Filter::All(inner) | Filter::Any(inner) => inner
                .iter()
                .try_for_each(|each| self.check_dimensions(each)),
            Filter::Not(inner) => self.check_dimensions(inner),
        }
    }

    fn unknown_dimension(&self, dimension: &str) -> ServiceError {
        let message = format!(
            "Metric '{}' has no dimension '{dimension}'.",
            self.metric.key
        );
        ServiceError::bad_request(message)
    }

    /// A conversion that is impossible leaves the value alone and says so.
    fn convert(&mut self, from: &str, to: &str) -> Result<(), ServiceError> {
        match conversion(from, to).map_err(ServiceError::bad_request)? {
            Some(factor) if from == self.metric.unit.v2() => self.factor = factor,
            _ => self
                .warnings
                .push(format!("The values could not be converted to '{to}'.")),
        }
        Ok(())
    }

    fn takes(&self, view: View<'_>, entity: &Entity, scope: Option<&EntitySelector>) -> bool {
        entity.kind == self.metric.entity_type
            && reports(entity)
            && scope.is_none_or(|scope| in_scope(scope, view, entity))
            && self
                .filters
                .iter()
                .all(|filter| holds(filter, view, entity))
    }

    fn points(&self, state: &State, window: Window, members: &[&str]) -> Vec<(i64, Option<f64>)> {
        let measure = |slot: Window| {
            let value = state.samples.measure(
                self.metric.source,
                &self.metric.key,
                members,
                state.arrived(slot),
                self.aggregation,
            );
            (slot.to, value.map(|value| value * self.factor))
        };
        match self.slots {
            Resolution::Inf => vec![measure(window)],
            Resolution::Slots(width) => window.slots(width).map(measure).collect(),
        }
    }

    fn dimensions(&self, entity: &Entity) -> Vec<(String, String)> {
        let key = self.metric.dimension();
        let name = (format!("{key}.name"), entity.name.clone());
        let id = (key, entity.id.clone());
        match self.names {
            Names::Hidden => vec![id],
            Names::Shown => vec![name, id],
        }
    }
}

/// Unmarked methods exist as entities but have no metrics of their own.
fn reports(entity: &Entity) -> bool {
    entity.kind != "SERVICE_METHOD" || entity.marking == Marking::KeyRequest
}

/// A selector of services also selects the methods of those services.
fn in_scope(scope: &EntitySelector, view: View<'_>, entity: &Entity) -> bool {
    let parent = entity.parent().and_then(|id| view.get(id));
    [Some(entity), parent]
        .into_iter()
        .flatten()
        .any(|each| scope.matches(view, each))
}

fn holds(filter: &Filter, view: View<'_>, entity: &Entity) -> bool {
    match filter {
        Filter::Equals { value, .. } => entity.id == *value,
        Filter::In { selector, .. } => selector.matches(view, entity),
        Filter::All(inner) => inner.iter().all(|each| holds(each, view, entity)),
        Filter::Any(inner) => inner.iter().any(|each| holds(each, view, entity)),
        Filter::Not(inner) => !holds(inner, view, entity),
    }
}

impl Series {
    pub(super) fn is_silent(&self) -> bool {
        self.points.iter().all(|(_, value)| value.is_none())
    }

    /// Writes the series out, unless silence means that it is missing.
    pub(super) fn show(self, silence: NoDataShape) -> Option<Value> {
        let points = if !self.is_silent() || silence == NoDataShape::NullValue {
            self.points
        } else if silence == NoDataShape::EmptySeries {
            Vec::new()
        } else {
            return None;
        };
        let (timestamps, values): (Vec<_>, Vec<_>) = points
            .into_iter()
            .map(|(at, value)| (at, value.map_or(Value::Null, number)))
            .unzip();
        let ids: Vec<_> = self
            .dimensions
            .iter()
            .map(|(_, value)| value.clone())
            .collect();
        let map: Map<_, _> = self
            .dimensions
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect();
        Some(json!({
            "dimensions": ids,
            "dimensionMap": map,
            "timestamps": timestamps,
            "values": values,
        }))
    }
}

//! `GET /api/v2/metrics/query` and the descriptors of metrics.

mod plan;
mod resolution;

use serde_json::{Value, json};

use super::answer::ServiceError;
use super::catalogue::{Metric, SingleValue};
use super::request::{Query, Window};
use super::selector::ParseError;
use super::selector::entity::EntitySelector;
use super::selector::metric::{self, Expression};
use super::silence::NoDataShape;
use super::state::State;
use plan::{Plan, Series};
use resolution::Resolution;

/// Describes one metric.
pub(super) fn descriptor(state: &State, key: &str) -> Result<Value, ServiceError> {
    let metric = find(state, key)?;
    let dimension = metric.dimension();
    Ok(json!({
        "metricId": metric.key,
        "displayName": metric.key,
        "unit": metric.unit.v2(),
        "aggregationTypes": metric.aggregations,
        "defaultAggregation": { "type": metric.default_aggregation().name() },
        "dimensionDefinitions": [{
            "key": dimension,
            "name": dimension,
            "displayName": dimension,
            "index": 0,
            "type": "ENTITY",
        }],
        "entityType": [metric.entity_type],
        "resolutionInfSupported": metric.single_value == SingleValue::Supported,
    }))
}

/// Computes the series of a selector.
pub(super) fn query(state: &mut State, query: &Query) -> Result<Value, ServiceError> {
    let Some(selector) = query.get("metricSelector") else {
        let message = "expected one of nextPageKey or metricSelector to be specified";
        return Err(ServiceError::query("nextPageKey", message));
    };
    let window = query.window(state.now(), 2 * 3_600_000)?;
    let question = Question {
        window,
        resolution: Resolution::parse(query.get("resolution"), window)?,
        scope: query
            .get("entitySelector")
            .map(EntitySelector::parse)
            .transpose()
            .map_err(|error| ServiceError::query("entitySelector", error.0))?,
    };
    let mut result = metric::parse(selector)
        .map_err(|error| not_parsed(&error))?
        .iter()
        .map(|expression| question.answer(state, expression))
        .collect::<Result<Vec<_>, _>>()?;
    // The order of the answers is promised nowhere, so it is not that of the questions.
    result.reverse();
    let result: Vec<_> = result.into_iter().flatten().collect();
    Ok(json!({
        "totalCount": 0,
        "nextPageKey": null,
        "resolution": question.resolution.to_string(),
        "result": result,
    }))
}

fn not_parsed(error: &ParseError) -> ServiceError {
    ServiceError::bad_request(format!(
        "The metric selector could not be parsed: {}",
        error.0
    ))
}

fn find<'a>(state: &'a State, key: &str) -> Result<&'a Metric, ServiceError> {
    let missing = || ServiceError::not_found(format!("Metric with key '{key}' not found."));
    state.metrics.get(key).ok_or_else(missing)
}

/// What all expressions of one query share.
struct Question {
    window: Window,
    resolution: Resolution,
    scope: Option<EntitySelector>,
}

impl Question {
    /// Answers one expression; nothing at all is one of the no-data shapes.
    fn answer(
        &self,
        state: &mut State,
        expression: &Expression,
    ) -> Result<Option<Value>, ServiceError> {
        let metric = find(state, &expression.key)?.clone();
        let plan = Plan::new(metric, expression, &self.resolution)?;
        let series = plan.series(state, self.window, self.scope.as_ref());
        let silence = if series.is_empty() || series.iter().any(Series::is_silent) {
            state.silence.next_v2()
        } else {
            NoDataShape::EmptyData
        };
        let data: Vec<_> = series
            .into_iter()
            .filter_map(|each| each.show(silence))
            .collect();
        if data.is_empty() && silence == NoDataShape::EmptyResult {
            return Ok(None);
        }
        let mut result = json!({
            "metricId": expression.canonical_id(),
            "dataPointCountRatio": 5.0e-8,
            "dimensionCountRatio": 1.0e-5,
            "data": data,
        });
        if !plan.warnings.is_empty() {
            result["warnings"] = plan.warnings.into();
        }
        Ok(Some(result))
    }
}

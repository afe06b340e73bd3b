//! `POST /api/v1/timeseries`, with the metric in the path or in the body.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::aggregation::Aggregation;
use super::answer::{ServiceError, number};
use super::catalogue::{Metric, V1Name};
use super::request::{Loose, Window};
use super::selector::entity::TagPattern;
use super::silence::NoDataShape;
use super::state::{State, V1Units};
use super::topology::{Entity, View, type_of};
use super::v1_entities::relative_time;

const MINUTE: i64 = 60_000;
const PREFIX: &str = "com.dynatrace.builtin:";

/// The body of a request for data points.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    timeseries_id: Option<String>,
    aggregation_type: Option<String>,
    percentile: Option<Loose>,
    #[serde(default)]
    query_mode: QueryMode,
    start_timestamp: Option<Loose>,
    end_timestamp: Option<Loose>,
    relative_time: Option<String>,
    #[serde(default)]
    entities: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    include_parent_ids: bool,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum QueryMode {
    #[default]
    Series,
    Total,
}

/// The points of one entity.
struct Line {
    key: String,
    names: Vec<(String, String)>,
    points: Vec<(i64, Option<f64>)>,
}

/// Serves the data points of one metric.
pub(super) fn data_points(
    state: &mut State,
    id_in_path: Option<&str>,
    body: &[u8],
) -> Result<Value, ServiceError> {
    let body: Body = serde_json::from_slice(body)
        .map_err(|_| ServiceError::bad_request("The request body could not be parsed."))?;
    let Some(id) = id_in_path.or(body.timeseries_id.as_deref()) else {
        return Err(ServiceError::payload("timeseriesId", "must not be null"));
    };
    let (metric, v1) = find(state, id)?;
    let aggregation = aggregation(&metric, &v1, &body)?;
    let window = window(state, &body)?;
    check_entities(&metric, &body.entities)?;

    let lines = match aggregation {
        Some(aggregation) => lines(state, &metric, &v1, aggregation, window, &body),
        None => Vec::new(),
    };
    let silence = if lines.iter().any(Line::is_silent) {
        state.silence.next_v1()
    } else {
        NoDataShape::Absent
    };
    let mut points = Map::new();
    let mut names = Map::new();
    for line in lines {
        if let Some(shown) = line.show(silence) {
            points.insert(line.key, shown);
            names.extend(line.names.into_iter().map(|(id, name)| (id, name.into())));
        }
    }
    Ok(json!({ "result": {
        "timeseriesId": id,
        "aggregationType": body.aggregation_type.map(|name| name.to_uppercase()),
        "unit": unit(state.v1_units, &v1),
        "resolutionInMillisUTC": body.query_mode.resolution(window),
        "entities": names,
        "dataPoints": points,
    }}))
}

fn find(state: &State, id: &str) -> Result<(Metric, V1Name), ServiceError> {
    id.strip_prefix(PREFIX)
        .and_then(|name| {
            state.metrics.values().find_map(|metric| {
                let v1 = metric.v1.as_ref().filter(|v1| v1.id == name)?;
                Some((metric.clone(), v1.clone()))
            })
        })
        .ok_or_else(|| ServiceError::not_found(format!("Timeseries '{id}' not found.")))
}

/// Without an aggregation the tenant answers, but without data.
fn aggregation(
    metric: &Metric,
    v1: &V1Name,
    body: &Body,
) -> Result<Option<Aggregation>, ServiceError> {
    let Some(name) = body
        .aggregation_type
        .as_ref()
        .map(|name| name.to_lowercase())
    else {
        return Ok(None);
    };
    if !v1.aggregations.contains(&name.as_str()) {
        let message = format!(
            "Aggregation type '{name}' is not supported for '{}'.",
            v1.id
        );
        return Err(ServiceError::bad_request(message));
    }
    match name.as_str() {
        "percentile" => {
            let rank = body.percentile.as_ref().and_then(Loose::number);
            rank.filter(|rank| (1..=99).contains(rank))
                .map(|rank| Some(Aggregation::Percentile(rank as f64)))
                .ok_or_else(|| ServiceError::payload("percentile", "must be in 1..=99"))
        }
        // A counter has only one number per window, which v2 calls its value.
        "count" if metric.resolve(Aggregation::Value).is_some() => Ok(Some(Aggregation::Value)),
        name => Ok(Aggregation::named(name)),
    }
}

fn window(state: &State, body: &Body) -> Result<Window, ServiceError> {
    let now = state.now();
    let moment = |name, field: &Option<Loose>| match field {
        None => Ok(None),
        Some(loose) => loose
            .number()
            .map(Some)
            .ok_or_else(|| ServiceError::payload(name, "must be a timestamp")),
    };
    let start = moment("startTimestamp", &body.start_timestamp)?;
    let end = moment("endTimestamp", &body.end_timestamp)?.map_or(now, |end| end.min(now));
    let from = match (&body.relative_time, start) {
        (Some(_), Some(_)) => {
            return Err(ServiceError::payload(
                "relativeTime",
                "must not be combined with timestamps",
            ));
        }
        (Some(text), None) => {
            let length = relative_time(text)
                .ok_or_else(|| ServiceError::payload("relativeTime", "is not a known time"))?;
            end - length
        }
        (None, Some(start)) => start,
        (None, None) => return Err(ServiceError::payload("startTimestamp", "must not be null")),
    };
    if from >= end {
        return Err(ServiceError::payload(
            "startTimestamp",
            "must be before endTimestamp",
        ));
    }
    Ok(Window { from, to: end })
}

fn check_entities(metric: &Metric, ids: &[String]) -> Result<(), ServiceError> {
    let Some(stranger) = ids.iter().find(|id| type_of(id) != metric.entity_type) else {
        return Ok(());
    };
    let message = format!("Entity '{stranger}' does not support the requested timeseries.");
    Err(ServiceError::bad_request(message))
}

fn lines(
    state: &State,
    metric: &Metric,
    v1: &V1Name,
    aggregation: Aggregation,
    window: Window,
    body: &Body,
) -> Vec<Line> {
    let view = state.view(window);
    let tags: Vec<_> = body.tags.iter().map(|tag| TagPattern::parse(tag)).collect();
    let measure = |entity: &Entity, slot: Window| {
        let arrived = state.arrived(slot);
        let value = state.samples.measure(
            metric.source,
            &metric.key,
            &[&entity.id],
            arrived,
            aggregation,
        );
        // This version names a slot by its start, which may lie before the window.
        (
            slot.from.div_euclid(MINUTE) * MINUTE,
            value.map(|value| value * v1.factor),
        )
    };
    view.all()
        .filter(|entity| entity.kind == metric.entity_type)
        .filter(|entity| body.entities.is_empty() || body.entities.contains(&entity.id))
        .filter(|entity| tags.iter().all(|tag| carries(view, entity, tag)))
        .map(|entity| Line {
            key: key(entity, body),
            names: names(view, entity, body),
            points: body
                .query_mode
                .slots(window)
                .into_iter()
                .map(|slot| measure(entity, slot))
                .collect(),
        })
        .collect()
}

/// A method is also found by the tags of its service.
fn carries(view: View<'_>, entity: &Entity, tag: &TagPattern) -> bool {
    let parent = entity.parent().and_then(|id| view.get(id));
    tag.on(view, entity) || parent.is_some_and(|parent| tag.on(view, parent))
}

fn key(entity: &Entity, body: &Body) -> String {
    match entity.parent() {
        Some(parent) if body.include_parent_ids => format!("{parent}, {}", entity.id),
        _ => entity.id.clone(),
    }
}

fn names(view: View<'_>, entity: &Entity, body: &Body) -> Vec<(String, String)> {
    let parent = entity
        .parent()
        .filter(|_| body.include_parent_ids)
        .and_then(|id| view.get(id));
    let named = parent.into_iter().chain([entity]);
    named
        .map(|each| (each.id.clone(), each.name.clone()))
        .collect()
}

fn unit(spelling: V1Units, v1: &V1Name) -> String {
    let symbol = v1.unit.v1_symbol();
    match spelling {
        V1Units::Symbol => symbol.to_owned(),
        V1Units::Name => format!("{} ({symbol})", v1.unit.v2()),
    }
}

impl QueryMode {
    fn slots(self, window: Window) -> Vec<Window> {
        match self {
            Self::Series => window.slots(MINUTE).collect(),
            Self::Total => vec![window],
        }
    }

    fn resolution(self, window: Window) -> i64 {
        match self {
            Self::Series => MINUTE,
            Self::Total => window.to - window.from,
        }
    }
}

impl Line {
    fn is_silent(&self) -> bool {
        self.points.iter().all(|(_, value)| value.is_none())
    }

    fn show(&self, silence: NoDataShape) -> Option<Value> {
        if self.is_silent() {
            match silence {
                NoDataShape::EmptyList => return Some(json!([])),
                NoDataShape::NullPoint => {}
                _ => return None,
            }
        }
        let pair =
            |(at, value): &(i64, Option<f64>)| json!([at, value.map_or(Value::Null, number)]);
        Some(self.points.iter().map(pair).collect())
    }
}

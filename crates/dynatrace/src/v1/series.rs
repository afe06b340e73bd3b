//! Answers a question with v1 timeseries, merged here because v1 cannot.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::future::try_join_all;
use serde_json::Value;
use tokio::time::Instant;

use super::timeseries::{Dimension, Of, Point, Points, Wanted, body, query, request};
use crate::answer::{SeriesAnswer, SeriesError};
use crate::error::Error;
use crate::http::Connection;
use crate::metrics::{self, Successor};
use crate::question::{Aggregation, EntityType, Merge, Metric, Question, Series, Window};

/// The answers to a question, in the order of its series.
pub(crate) async fn series(
    connection: &Connection,
    question: &Question,
    deadline: Instant,
) -> Result<Vec<SeriesAnswer>, Error> {
    let scope = question.scope.entity_type;
    let wanted = question.series.iter().map(|series| wanted(series, scope));
    let wanted: Vec<_> = wanted.collect();
    let ids = if wanted.iter().any(Result::is_ok) {
        let (scope, window) = (&question.scope, question.window);
        let entities = super::entities(connection, (scope, &[]), window, deadline).await?;
        entities.into_iter().map(|entity| entity.id).collect()
    } else {
        Vec::new()
    };
    let mut distinct: HashSet<_> = wanted.iter().flatten().copied().collect();
    if ids.is_empty() {
        // An empty list would ask for every entity there is.
        distinct.clear();
    }
    let asked = distinct.into_iter().map(async |wanted| {
        let asked = ask(connection, &wanted, question.window, &ids, deadline).await?;
        Ok::<_, Error>((wanted, asked))
    });
    let asked: HashMap<_, _> = try_join_all(asked).await?.into_iter().collect();

    let answers = question.series.iter().zip(wanted);
    Ok(answers
        .map(|(series, wanted)| match wanted {
            Ok(wanted) => answer(series, &wanted, asked.get(&wanted), &ids),
            Err(error) => SeriesAnswer::unsent(series.metric.as_str(), Err(error)),
        })
        .collect())
}

/// What one request brought.
struct Asked {
    points: Result<Points, SeriesError>,
    evidence: String,
}

async fn ask(
    connection: &Connection,
    wanted: &Wanted<'_>,
    window: Window,
    ids: &[String],
    deadline: Instant,
) -> Result<Asked, Error> {
    Ok(match body(wanted, window, ids) {
        Ok(body) => Asked {
            points: query(connection, wanted, &body, deadline).await?,
            evidence: evidence(connection, &body),
        },
        Err(error) => Asked {
            points: Err(error),
            evidence: String::new(),
        },
    })
}

fn wanted(series: &Series, scope: EntityType) -> Result<Wanted<'_>, SeriesError> {
    let timeseries = match &series.metric {
        Metric::Timeseries(id) => id,
        Metric::Selector(selector) => {
            return Err(SeriesError::NeedsV2(format!(
                "`{selector}` is a v2 metric selector; set DT_API=v2 or name a v1 timeseries"
            )));
        }
    };
    let mut of = Of::Entities;
    if let Some(facts) = metrics::facts(timeseries) {
        if let Successor::Nothing { closest } = facts.successor {
            return Err(SeriesError::UnknownMetric(format!(
                "nothing measures `{timeseries}`; {closest}"
            )));
        }
        if facts.dimension == "dt.entity.service_method" {
            of = Of::Methods;
        } else if series.method.is_some() {
            return Err(SeriesError::BadSelector(format!(
                "`{timeseries}` is not measured per service method; \
                 use a `servicemethod.` timeseries"
            )));
        }
    } else if series.method.is_some() {
        of = Of::Methods;
    }
    if of == Of::Methods && scope != EntityType::Service {
        return Err(SeriesError::methods_of_no_service());
    }
    Ok(Wanted {
        timeseries,
        aggregation: series.aggregation,
        of,
    })
}

fn answer(
    series: &Series,
    wanted: &Wanted<'_>,
    asked: Option<&Asked>,
    ids: &[String],
) -> SeriesAnswer {
    let mut answer = SeriesAnswer {
        entities: ids.to_vec(),
        ..SeriesAnswer::unsent(selector(wanted), Ok(None))
    };
    let Some(asked) = asked else {
        return answer;
    };
    answer.query.clone_from(&asked.evidence);
    let points = match &asked.points {
        Ok(points) => points,
        Err(error) => {
            answer.value = Err(error.clone());
            return answer;
        }
    };

    // A host has several disks and a process several memory pools; they are
    // merged first, so that an entity with more of them does not weigh more.
    let ids: BTreeSet<_> = ids.iter().map(String::as_str).collect();
    let mut entities: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for point in &points.points {
        if let Some(entity) = entity(point, series, wanted.of, &ids) {
            entities.entry(entity).or_default().push(point.value);
        }
    }
    let per_entity: Vec<_> = entities
        .values()
        .filter_map(|values| merged(values, wanted.aggregation))
        .collect();
    let value = match series.merge {
        Merge::Tenant => merged(&per_entity, wanted.aggregation),
        Merge::Mean => {
            answer.answered = entities.keys().map(|id| (*id).to_owned()).collect();
            decimal::mean(&per_entity)
        }
    };
    answer.value = Ok(value.filter(|value| value.is_finite()));
    if wanted.of == Of::Methods {
        answer.entities = entities.keys().map(|id| (*id).to_owned()).collect();
    }
    answer.warnings.clone_from(&points.warnings);
    answer
}

/// The id of the entity that a number belongs to, if that was asked for: one of
/// the scope, or a method of one of the scope.
fn entity<'a>(point: &'a Point, series: &Series, of: Of, ids: &BTreeSet<&str>) -> Option<&'a str> {
    let in_scope = |dimension: &&Dimension| ids.contains(dimension.id.as_str());
    let parent = point.dimensions.iter().find(in_scope)?;
    if of == Of::Entities {
        return Some(&parent.id);
    }
    let method = point.dimensions.iter().find(|part| !in_scope(part))?;
    let named = series.method.is_none() || series.method == method.name;
    named.then_some(method.id.as_str())
}

fn merged(values: &[f64], aggregation: Aggregation) -> Option<f64> {
    let each = values.iter().copied();
    match aggregation {
        Aggregation::Count | Aggregation::Sum => decimal::sum(values),
        Aggregation::Min => each.reduce(f64::min),
        Aggregation::Max => each.reduce(f64::max),
        Aggregation::Avg | Aggregation::Median | Aggregation::Percentile(_) => {
            decimal::mean(values)
        }
    }
}

fn selector(wanted: &Wanted<'_>) -> String {
    let Wanted {
        timeseries,
        aggregation,
        ..
    } = wanted;
    match aggregation {
        Aggregation::Percentile(percentile) => {
            format!("{timeseries} PERCENTILE {}", percentile.percent())
        }
        aggregation => format!("{timeseries} {}", aggregation.word().to_uppercase()),
    }
}

/// The request without its entities, which the answer lists anyway.
fn evidence(connection: &Connection, body: &Value) -> String {
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("entities");
    }
    format!("POST {} {body}", connection.evidence(&request(&body)))
}

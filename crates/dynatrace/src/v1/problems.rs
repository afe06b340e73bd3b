//! `GET /api/v1/problem/…`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use tokio::time::Instant;

use super::events::WireEvent;
use crate::calls::Subject;
use crate::error::Error;
use crate::event::{EventKind, newest_first};
use crate::http::{Connection, Request};
use crate::problem::{EntityRef, Problem};
use crate::question::{Tag, Window};
use crate::tenant::Api;
use crate::wire::{WireStatus, WireTag, ended, or_default};

/// The problem with an id, which is given as a segment of a path.
pub(crate) async fn problem(
    connection: &Connection,
    segment: &str,
    deadline: Instant,
) -> Result<Problem, Error> {
    let path = format!("/problem/details/{segment}");
    let request = request(&path, &[]);
    let reply = connection.send(&request, deadline).await;
    let details: Details = reply.map_err(gone_or_unknown)?.read()?;
    Ok(details.result.into())
}

/// The problems that were there at some time since `since_ms` and go on.
pub(crate) async fn open_problems(
    connection: &Connection,
    since_ms: i64,
    deadline: Instant,
) -> Result<Vec<Problem>, Error> {
    let query = [
        ("status", "OPEN".to_owned()),
        ("startTimestamp", since_ms.to_string()),
        ("expandDetails", "true".to_owned()),
    ];
    feed(connection, &query, deadline).await
}

/// The problems that were there at some time of the window.
pub(crate) async fn problems(
    connection: &Connection,
    window: Window,
    deadline: Instant,
) -> Result<Vec<Problem>, Error> {
    let query = [
        ("startTimestamp", window.from_ms.to_string()),
        ("endTimestamp", window.to_ms.to_string()),
        ("expandDetails", "true".to_owned()),
    ];
    feed(connection, &query, deadline).await
}

async fn feed(
    connection: &Connection,
    query: &[(&str, String)],
    deadline: Instant,
) -> Result<Vec<Problem>, Error> {
    let request = request("/problem/feed", query);
    let reply = connection.send(&request, deadline).await;
    let feed: Feed = reply.map_err(gone_or_unknown)?.read()?;
    let problems = feed.result.problems.into_iter();
    Ok(problems.map(Problem::from).collect())
}

/// Tells "no such problem" from "no such API", which share a status. What a
/// tenant without the API says is not known, but hardly anything of problems.
pub(super) fn gone_or_unknown(error: Error) -> Error {
    match error {
        Error::UnknownProblem(text) if !text.to_lowercase().contains("problem") => Error::ApiGone,
        error => error,
    }
}

fn request<'a>(path: &'a str, query: &'a [(&'a str, String)]) -> Request<'a> {
    Request::get(Api::V1, Subject::Problems, path, query)
}

#[derive(Deserialize)]
struct Details {
    result: Wire,
}

#[derive(Deserialize)]
struct Feed {
    result: Problems,
}

#[derive(Deserialize)]
struct Problems {
    #[serde(default, deserialize_with = "or_default")]
    problems: Vec<Wire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: String,
    start_time: i64,
    end_time: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    display_name: String,
    #[serde(default, deserialize_with = "or_default")]
    impact_level: String,
    status: WireStatus,
    #[serde(default, deserialize_with = "or_default")]
    severity_level: String,
    #[serde(default, deserialize_with = "or_default")]
    tags_of_affected_entities: Vec<WireTag>,
    #[serde(default, deserialize_with = "or_default")]
    affected_counts: BTreeMap<String, usize>,
    #[serde(default, deserialize_with = "or_default")]
    recovered_counts: BTreeMap<String, usize>,
    #[serde(default, deserialize_with = "or_default")]
    ranked_events: Vec<WireEvent>,
    #[serde(default, deserialize_with = "or_default")]
    ranked_impacts: Vec<WireImpact>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireImpact {
    entity_id: String,
    #[serde(default, deserialize_with = "or_default")]
    entity_name: String,
}

impl From<Wire> for Problem {
    fn from(wire: Wire) -> Self {
        let root_cause = wire.ranked_events.iter().find(|event| event.is_root_cause);
        let leading = root_cause.or(wire.ranked_events.first());
        let title = leading.map(|event| event.event_type.clone());
        let root_cause =
            root_cause.map(|event| entity(event.entity_id.clone(), event.entity_name.clone()));

        let mut evidence: Vec<_> = wire
            .ranked_events
            .into_iter()
            .filter(|event| event.event_type == EventKind::Deployment.name())
            .filter_map(WireEvent::recorded)
            .collect();
        newest_first(&mut evidence);
        Self {
            id: wire.id,
            display_id: wire.display_name,
            title: title.unwrap_or_default(),
            status: wire.status.into(),
            severity: wire.severity_level,
            impact: wire.impact_level,
            impacted: impacted(wire.ranked_impacts),
            affected: [wire.affected_counts, wire.recovered_counts]
                .into_iter()
                .flat_map(BTreeMap::into_values)
                .sum(),
            touched: Vec::new(),
            root_cause,
            tags: wire
                .tags_of_affected_entities
                .into_iter()
                .map(Tag::from)
                .collect(),
            start_ms: wire.start_time,
            end_ms: ended(wire.end_time),
            merged_into: None,
            evidence,
        }
    }
}

/// One entity may be impacted by several events.
fn impacted(impacts: Vec<WireImpact>) -> Vec<EntityRef> {
    let mut known = BTreeSet::new();
    impacts
        .into_iter()
        .filter(|impact| known.insert(impact.entity_id.clone()))
        .map(|impact| entity(impact.entity_id, impact.entity_name))
        .collect()
}

/// The type of an entity is everything before the last dash of its id.
fn entity(id: String, name: String) -> EntityRef {
    let type_ = id
        .rsplit_once('-')
        .map_or("", |(type_, _)| type_)
        .to_owned();
    EntityRef { id, name, type_ }
}

//! `POST /api/v2/events/ingest`: one event for every entity that matches.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::property::is_writable;
use crate::answer::{Answer, ServiceError};
use crate::attachment::selected;
use crate::events::{Draft, Kind, kind_of};
use crate::mishaps::Unstored;
use crate::request::Incoming;
use crate::state::State;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const MAX_PROPERTIES: usize = 100;
const MAX_KEY: usize = 100;
const MAX_VALUE: usize = 4_096;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    event_type: Option<String>,
    title: Option<String>,
    entity_selector: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    timeout: Option<i64>,
    #[serde(default)]
    properties: Map<String, Value>,
}

/// Stores an event per matching entity. Accepted does not mean stored: every
/// entity has a status of its own, and there may be none at all.
pub(crate) fn ingest(state: &mut State, incoming: &Incoming<'_>) -> Result<Answer, ServiceError> {
    let body: Body = incoming.json()?;
    let now = state.now();
    let (draft, kind) = draft(&body, now)?;
    let mut entities = selected(state, body.entity_selector.as_deref())
        .map_err(|error| ServiceError::payload("entitySelector", error.0))?;
    if state.mishaps.next_matches_nothing() {
        entities.clear();
    }
    let unstored = state
        .mishaps
        .next_unstored()
        .or_else(|| defect(&draft, kind, now));
    let results: Vec<_> = entities
        .iter()
        .map(|entity| {
            if let Some(reason) = unstored {
                return json!({ "correlationId": null, "status": reason.name() });
            }
            let event = state.events.store(draft.clone(), entity, now);
            json!({ "correlationId": event.correlation_id, "status": "OK" })
        })
        .collect();
    Ok(Answer::created(json!({
        "reportCount": results.len(),
        "eventIngestResults": results,
    })))
}

fn draft(body: &Body, now: i64) -> Result<(Draft, Kind), ServiceError> {
    let event_type = required("eventType", body.event_type.as_deref())?;
    let title = required("title", body.title.as_deref())?;
    let Some(kind) = kind_of(event_type) else {
        let message = format!("'{event_type}' is not an event type");
        return Err(ServiceError::payload("eventType", message));
    };
    let start = body.start_time.unwrap_or(now);
    let lasts = match kind {
        Kind::Information => 0,
        Kind::Trouble => body.timeout.unwrap_or(15).clamp(1, 360) * MINUTE,
    };
    let draft = Draft {
        event_type: event_type.to_owned(),
        title: title.to_owned(),
        start,
        end: body.end_time.unwrap_or(start + lasts),
        properties: properties(&body.properties)?,
    };
    Ok((draft, kind))
}

fn required<'b>(path: &'static str, field: Option<&'b str>) -> Result<&'b str, ServiceError> {
    field
        .filter(|text| !text.is_empty())
        .ok_or_else(|| ServiceError::payload(path, "must not be null"))
}

fn properties(given: &Map<String, Value>) -> Result<BTreeMap<String, String>, ServiceError> {
    let refuse = |message: String| Err(ServiceError::payload("properties", message));
    if given.len() > MAX_PROPERTIES {
        return refuse(format!("must not exceed {MAX_PROPERTIES} entries"));
    }
    let mut properties = BTreeMap::new();
    for (key, value) in given {
        let Some(value) = value.as_str() else {
            return refuse(format!("the value of '{key}' must be a string"));
        };
        if key.chars().count() > MAX_KEY {
            return refuse(format!("keys must not exceed {MAX_KEY} characters"));
        }
        if value.chars().count() > MAX_VALUE {
            return refuse(format!("values must not exceed {MAX_VALUE} characters"));
        }
        properties.insert(key.clone(), value.to_owned());
    }
    Ok(properties)
}

/// What keeps an event that was understood from being stored.
fn defect(draft: &Draft, kind: Kind, now: i64) -> Option<Unstored> {
    let (past, future) = match kind {
        Kind::Information => (30 * DAY, 7 * DAY),
        Kind::Trouble => (6 * HOUR, 5 * MINUTE),
    };
    if draft.start < now - past || now + future < draft.start || draft.end < draft.start {
        return Some(Unstored::InvalidTimestamps);
    }
    let foreign = draft.properties.keys().any(|key| !is_writable(key));
    foreign.then_some(Unstored::InvalidMetadata)
}

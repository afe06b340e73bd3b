//! `GET /api/v1/events`: a cursor instead of pages, and newest first.

mod attach;
mod ingest;
mod words;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::ServiceError;
use super::events::Event;
use super::problems::Impact;
use super::request::{Query, Window};
use super::state::State;
use super::v1_entities::{moment, relative_time, tag};

pub(super) use ingest::ingest;
pub(super) use words::fields;

const DAY: i64 = 86_400_000;
const MAX_LENGTH: i64 = 2 * 366 * DAY;
const PAGE_SIZE: usize = 150;

/// A question and the place in its answer.
#[derive(Serialize, Deserialize)]
struct Cursor {
    from: i64,
    to: i64,
    event_type: Option<String>,
    entity: Option<String>,
    offset: usize,
}

/// Lists events.
pub(super) fn list(state: &State, query: &Query) -> Result<Value, ServiceError> {
    let cursor = match query.get("cursor") {
        Some(text) => Cursor::read(text)
            .ok_or_else(|| ServiceError::query("cursor", "is not a cursor of this endpoint"))?,
        None => first(state, query)?,
    };
    let wanted = |asked: &Option<String>, is: &str| asked.as_deref().is_none_or(|it| it == is);
    let mut found: Vec<_> = state
        .visible_events()
        .filter(|event| event.start <= cursor.to && cursor.from <= event.end)
        .filter(|event| wanted(&cursor.event_type, words::type_in_v1(&event.event_type)))
        .filter(|event| wanted(&cursor.entity, &event.entity))
        .collect();
    found.sort_by(|one, other| other.start.cmp(&one.start).then(one.id.cmp(&other.id)));

    let end = cursor.offset + PAGE_SIZE;
    let shown = found.iter().skip(cursor.offset).take(PAGE_SIZE);
    let events: Vec<_> = shown.map(|event| describe(state, event)).collect();
    let next = found.get(end);
    Ok(json!({
        "nextEventStartTms": next.map(|event| event.start),
        "nextEventId": next.map(|event| event.number()),
        "from": cursor.from,
        "to": cursor.to,
        "totalEventCount": found.len(),
        "nextCursor": next.map(|_| Cursor { offset: end, ..cursor }.write()),
        "events": events,
    }))
}

/// Shows one event.
pub(super) fn get(state: &State, id: &str) -> Result<Value, ServiceError> {
    state
        .visible_events()
        .find(|event| event.id == id)
        .map(|event| describe(state, event))
        .ok_or_else(|| ServiceError::not_found(format!("Event '{id}' not found.")))
}

fn first(state: &State, query: &Query) -> Result<Cursor, ServiceError> {
    let length = match query.get("relativeTime") {
        None => 30 * DAY,
        Some(text) => relative_time(text)
            .ok_or_else(|| ServiceError::query("relativeTime", "is not a known time"))?,
    };
    let to = moment(query, "to")?.unwrap_or_else(|| state.now());
    let from = moment(query, "from")?.unwrap_or(to.saturating_sub(length));
    let window = Window { from, to };
    if window.from > window.to || to.saturating_sub(from) > MAX_LENGTH {
        let message = "must lie before `to` and not more than 2 years";
        return Err(ServiceError::query("from", message));
    }
    Ok(Cursor {
        from,
        to,
        event_type: query.get("eventType").map(str::to_owned),
        entity: query.get("entityId").map(str::to_owned),
        offset: 0,
    })
}

impl Cursor {
    /// A cursor is percent-encoded already when it is given out, so whoever
    /// encodes it again and whoever does not are both understood.
    fn write(&self) -> String {
        let mut bytes = serde_json::to_vec(self).expect("a cursor is plain data in memory");
        // One byte beyond a multiple of three always ends in `==`, hence in `%3D%3D`.
        while bytes.len() % 3 != 1 {
            bytes.push(b' ');
        }
        utf8_percent_encode(&STANDARD.encode(bytes), NON_ALPHANUMERIC).to_string()
    }

    fn read(text: &str) -> Option<Self> {
        let text = percent_decode_str(text).decode_utf8().ok()?;
        serde_json::from_slice(&STANDARD.decode(text.as_bytes()).ok()?).ok()
    }
}

fn describe(state: &State, event: &Event) -> Value {
    let now = state.now();
    let view = state.view_of_all();
    let entity = view.get(&event.entity);
    let tags = entity.map(|entity| view.tags(entity)).unwrap_or_default();
    let mut shown = json!({
        "eventId": event.number(),
        "id": event.id,
        "startTime": event.start,
        "endTime": event.shown_end(now),
        "entityId": event.entity,
        "entityName": entity.map(|entity| &entity.name),
        "severityLevel": null,
        "impactLevel": Impact::on(&event.entity).in_v1(),
        "eventType": words::type_in_v1(&event.event_type),
        "eventStatus": event.status(now),
        "tags": tags.iter().map(tag).collect::<Value>(),
    });
    for (name, value) in fields(event) {
        shown[name] = value;
    }
    shown
}

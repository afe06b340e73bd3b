//! `/api/v2/events`: what happened lately, and to what.

mod ingest;
pub(super) mod property;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::ServiceError;
use super::events::Event;
use super::paging;
use super::request::{Query, Window};
use super::selector::entity::EntitySelector;
use super::selector::event::EventSelector;
use super::state::State;
use super::topology::{Entity, type_of};
use super::v2_entities::tag;

pub(super) use ingest::ingest;
pub(super) use property::list as properties;

const TWO_HOURS: i64 = 2 * 3_600_000;
const MAX_PAGE_SIZE: usize = 1_000;

/// A question and the place in its answer.
#[derive(Serialize, Deserialize)]
struct Page {
    events: Option<String>,
    entities: Option<String>,
    from: i64,
    to: i64,
    size: usize,
    offset: usize,
}

/// Lists events. Their order is documented nowhere, so it is that of their ids,
/// which means nothing to anybody.
pub(super) fn list(state: &State, query: &Query) -> Result<Value, ServiceError> {
    let page = match paging::follow(query, &[])? {
        Some(page) => page,
        None => first_page(state, query)?,
    };
    let found = found(state, &page)?;
    let shown = found.iter().skip(page.offset).take(page.size);
    let events: Vec<_> = shown.map(|event| describe(state, event)).collect();
    let end = page.offset + page.size;
    let mut body = json!({
        "totalCount": found.len(),
        "pageSize": page.size,
        "warnings": null,
        "events": events,
    });
    if end < found.len() {
        body["nextPageKey"] = paging::key(&Page {
            offset: end,
            ..page
        })
        .into();
    }
    Ok(body)
}

/// Shows one event.
pub(super) fn get(state: &State, id: &str) -> Result<Value, ServiceError> {
    state
        .visible_events()
        .find(|event| event.id == id)
        .map(|event| describe(state, event))
        .ok_or_else(|| ServiceError::not_found(format!("Event '{id}' not found.")))
}

fn first_page(state: &State, query: &Query) -> Result<Page, ServiceError> {
    let window = query.window(state.now(), TWO_HOURS)?;
    Ok(Page {
        events: query.get("eventSelector").map(str::to_owned),
        entities: query.get("entitySelector").map(str::to_owned),
        from: window.from,
        to: window.to,
        size: paging::size(query, 100, MAX_PAGE_SIZE)?,
        offset: 0,
    })
}

fn found<'s>(state: &'s State, page: &Page) -> Result<Vec<&'s Event>, ServiceError> {
    let window = Window {
        from: page.from,
        to: page.to,
    };
    let selector = EventSelector::parse(page.events.as_deref().unwrap_or_default())
        .map_err(|error| ServiceError::query("eventSelector", error.0))?;
    let entities = page.entities.as_deref().map(EntitySelector::parse);
    let entities = entities
        .transpose()
        .map_err(|error| ServiceError::query("entitySelector", error.0))?;
    let view = state.view(window);
    let of_entities = |event: &Event| {
        entities.as_ref().is_none_or(|selector| {
            view.get(&event.entity)
                .is_some_and(|entity| selector.matches(view, entity))
        })
    };
    let mut found: Vec<_> = state
        .visible_events()
        .filter(|event| event.start <= window.to && window.from <= event.end)
        .filter(|event| selector.matches(event, state.now()))
        .filter(|event| of_entities(event))
        .collect();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(found)
}

fn describe(state: &State, event: &Event) -> Value {
    let now = state.now();
    let view = state.view_of_all();
    let tags = view.get(&event.entity).map(|entity| view.tags(entity));
    json!({
        "eventId": event.id,
        "startTime": event.start,
        "endTime": event.shown_end(now),
        "eventType": event.event_type,
        "title": event.title,
        "entityId": stub(&event.entity, view.get(&event.entity)),
        "properties": property_list(event),
        "status": event.status(now),
        "correlationId": event.correlation_id,
        "entityTags": tags.unwrap_or_default().iter().map(tag).collect::<Value>(),
        "managementZones": [],
        "underMaintenance": false,
        "suppressAlert": false,
        "suppressProblem": false,
        "frequentEvent": false,
    })
}

/// Properties as v2 lists them.
pub(super) fn property_list(event: &Event) -> Value {
    let properties = event.properties.iter();
    properties
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}

/// An entity as events and problems name it: nested twice, and without a name
/// once it is gone.
pub(super) fn stub(id: &str, entity: Option<&Entity>) -> Value {
    let mut stub = json!({ "entityId": { "id": id, "type": type_of(id) } });
    if let Some(entity) = entity {
        stub["name"] = entity.name.clone().into();
    }
    stub
}

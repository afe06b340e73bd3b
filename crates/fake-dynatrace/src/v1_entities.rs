//! `GET /api/v1/entity/…`: a bare array, paged through headers.

use axum::http::HeaderName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::answer::{Answer, ServiceError};
use super::request::{Query, Window, timespan};
use super::selector::entity::TagPattern;
use super::state::State;
use super::topology::{Entity, Relationships, Tag, View, type_of};

const MAX_WINDOW: i64 = 3 * 86_400_000;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("total-count");
const PAGE_SIZE: HeaderName = HeaderName::from_static("page-size");
const NEXT_PAGE_KEY: HeaderName = HeaderName::from_static("next-page-key");

/// The entity type a path below `/api/v1/entity/` lists, and the rest of the path.
pub(super) fn type_at<'p>(path: &'p [&'p str]) -> Option<(&'static str, &'p [&'p str])> {
    Some(match path {
        ["services", rest @ ..] => ("SERVICE", rest),
        ["applications", rest @ ..] => ("APPLICATION", rest),
        ["infrastructure", "hosts", rest @ ..] => ("HOST", rest),
        ["infrastructure", "process-groups", rest @ ..] => ("PROCESS_GROUP", rest),
        ["infrastructure", "processes", rest @ ..] => ("PROCESS_GROUP_INSTANCE", rest),
        _ => return None,
    })
}

/// Lists the entities of a type that carry every asked tag.
pub(super) fn list(
    state: &State,
    entity_type: &str,
    query: &Query,
) -> Result<Answer, ServiceError> {
    let view = state.view(window(state, query)?);
    let tags: Vec<_> = query.all("tag").map(TagPattern::parse).collect();
    let ids: Vec<_> = query.all("entity").collect();
    let found: Vec<_> = view
        .all()
        .filter(|entity| entity.kind == entity_type)
        .filter(|entity| ids.is_empty() || ids.contains(&entity.id.as_str()))
        .filter(|entity| tags.iter().all(|tag| tag.on(view, entity)))
        .collect();

    let mut headers = vec![(TOTAL_COUNT, found.len().to_string())];
    let Some(size) = page_size(query)? else {
        let body = found.iter().map(|entity| describe(view, entity)).collect();
        return Ok(Answer::with_headers(headers, body));
    };
    let start = offset(entity_type, query)?;
    let end = start + size;
    headers.push((PAGE_SIZE, size.to_string()));
    if end < found.len() {
        headers.push((NEXT_PAGE_KEY, page_key(entity_type, query, end)));
    }
    let shown = found.iter().skip(start).take(size);
    let body = shown.map(|entity| describe(view, entity)).collect();
    Ok(Answer::with_headers(headers, body))
}

/// Shows one entity.
pub(super) fn get(state: &State, entity_type: &str, id: &str) -> Result<Answer, ServiceError> {
    let view = state.view_of_all();
    view.get(id)
        .filter(|entity| entity.kind == entity_type)
        .map(|entity| describe(view, entity).into())
        .ok_or_else(|| ServiceError::not_found(format!("Entity '{id}' not found.")))
}

fn window(state: &State, query: &Query) -> Result<Window, ServiceError> {
    let length = match query.get("relativeTime") {
        None => MAX_WINDOW,
        Some(text) => relative_time(text)
            .ok_or_else(|| ServiceError::query("relativeTime", "is not a known time"))?,
    };
    let to: i64 = moment(query, "endTimestamp")?.unwrap_or_else(|| state.now());
    let from = moment(query, "startTimestamp")?.unwrap_or(to.saturating_sub(length));
    if from > to {
        return Err(ServiceError::query(
            "startTimestamp",
            "must not be after endTimestamp",
        ));
    }
    if to.saturating_sub(from) > MAX_WINDOW {
        return Err(ServiceError::bad_request(
            "The timeframe must not exceed 3 days.",
        ));
    }
    Ok(Window { from, to })
}

/// The milliseconds in a query parameter.
pub(super) fn moment(query: &Query, name: &'static str) -> Result<Option<i64>, ServiceError> {
    query
        .get(name)
        .map(|text| {
            text.parse()
                .map_err(|_| ServiceError::query(name, "must be a timestamp"))
        })
        .transpose()
}

/// Reads times such as `hour` or `30mins`.
pub(super) fn relative_time(text: &str) -> Option<i64> {
    match text {
        "min" => timespan("1m"),
        "5mins" | "10mins" | "15mins" | "30mins" => timespan(text.strip_suffix("ins")?),
        "hour" => timespan("1h"),
        "2hours" | "6hours" => timespan(text.strip_suffix("ours")?),
        "day" => timespan("1d"),
        "3days" => timespan("3d"),
        "week" => timespan("1w"),
        "month" => timespan("30d"),
        _ => None,
    }
}

fn page_size(query: &Query) -> Result<Option<usize>, ServiceError> {
    let Some(text) = query.get("pageSize") else {
        return Ok(None);
    };
    let size = text.parse().ok().filter(|size| *size > 0);
    size.map(Some)
        .ok_or_else(|| ServiceError::query("pageSize", "must be a positive number"))
}

/// The key repeats the question, because here, unlike in v2, all parameters
/// must be sent again unchanged.
fn page_key(entity_type: &str, query: &Query, offset: usize) -> String {
    STANDARD.encode(json!([offset, question(entity_type, query)]).to_string())
}

fn offset(entity_type: &str, query: &Query) -> Result<usize, ServiceError> {
    let Some(key) = query.get("nextPageKey") else {
        return Ok(0);
    };
    STANDARD
        .decode(key)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<(usize, Value)>(&bytes).ok())
        .filter(|(_, asked)| *asked == question(entity_type, query))
        .map(|(offset, _)| offset)
        .ok_or_else(|| ServiceError::query("nextPageKey", "does not belong to these parameters"))
}

fn question(entity_type: &str, query: &Query) -> Value {
    let pairs: Vec<_> = query
        .pairs()
        .filter(|(name, _)| *name != "nextPageKey")
        .collect();
    json!([entity_type, pairs])
}

fn describe(view: View<'_>, entity: &Entity) -> Value {
    let tags = view.tags(entity);
    let mut shown = json!({
        "entityId": entity.id,
        "displayName": entity.name,
        "discoveredName": entity.name,
        "firstSeenTimestamp": entity.visible_from,
        "lastSeenTimestamp": entity.last_seen.unwrap_or(view.now),
        "tags": tags.iter().map(tag).collect::<Value>(),
        "fromRelationships": relationships(&entity.from),
        "toRelationships": relationships(&view.to(entity)),
    });
    for (name, value) in &entity.properties {
        shown[name] = value.clone().into();
    }
    shown
}

/// A tag as every v1 endpoint shows it.
pub(super) fn tag(tag: &Tag) -> Value {
    let mut shown = json!({ "context": tag.context, "key": tag.key });
    if let Some(value) = &tag.value {
        shown["value"] = value.clone().into();
    }
    shown
}

/// Service methods are no part of this API's topology.
fn relationships(all: &Relationships) -> Value {
    let known = |ids: &[String]| -> Vec<Value> {
        let listed = ids.iter().filter(|id| type_of(id) != "SERVICE_METHOD");
        listed.map(|id| id.clone().into()).collect()
    };
    let named = all.iter().map(|(name, ids)| (name.clone(), known(ids)));
    Value::Object(
        named
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(name, ids)| (name, ids.into()))
            .collect::<Map<_, _>>(),
    )
}

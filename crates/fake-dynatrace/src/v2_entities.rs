//! `GET /api/v2/entities`, with paging in the body.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::ServiceError;
use super::paging;
use super::request::{Query, Window};
use super::selector::entity::EntitySelector;
use super::state::State;
use super::topology::{CONTEXTLESS, Entity, Relationships, Tag, View, type_of};

const DAY: i64 = 86_400_000;
const MAX_PAGE_SIZE: usize = 500;

const FIELDS: [&str; 6] = [
    "+fromRelationships",
    "+toRelationships",
    "+tags",
    "+managementZones",
    "+firstSeenTms",
    "+lastSeenTms",
];

/// A question and the place in its answer; the page key carries all of it, as
/// nothing else may be sent along.
#[derive(Serialize, Deserialize)]
struct Page {
    selector: String,
    fields: Vec<String>,
    from: i64,
    to: i64,
    size: usize,
    offset: usize,
}

/// Lists the entities a selector matches.
pub(super) fn list(state: &State, query: &Query) -> Result<Value, ServiceError> {
    let page = page(state, query)?;
    let selector = EntitySelector::parse(&page.selector)
        .map_err(|error| ServiceError::query("entitySelector", error.0))?;
    let view = state.view(Window {
        from: page.from,
        to: page.to,
    });
    let found: Vec<_> = view
        .all()
        .filter(|entity| selector.matches(view, entity))
        .collect();

    let shown = found.iter().skip(page.offset).take(page.size);
    let entities: Vec<_> = shown
        .map(|entity| describe(view, entity, &page.fields))
        .collect();
    let end = page.offset + page.size;
    let size = page.size;
    let next = (end < found.len()).then(|| {
        paging::key(&Page {
            offset: end,
            ..page
        })
    });
    let mut body = json!({ "totalCount": found.len(), "pageSize": size, "entities": entities });
    if let Some(next) = next {
        body["nextPageKey"] = next.into();
    }
    Ok(body)
}

/// Shows one entity with everything known about it.
pub(super) fn get(state: &State, id: &str) -> Result<Value, ServiceError> {
    let view = state.view_of_all();
    let entity = view
        .get(id)
        .ok_or_else(|| ServiceError::not_found(format!("Entity '{id}' not found.")))?;
    Ok(describe(view, entity, &FIELDS.map(str::to_owned)))
}

fn page(state: &State, query: &Query) -> Result<Page, ServiceError> {
    if let Some(page) = paging::follow(query, &[])? {
        return Ok(page);
    }
    let Some(selector) = query.get("entitySelector") else {
        let message = "expected one of nextPageKey or entitySelector to be specified";
        return Err(ServiceError::query("nextPageKey", message));
    };
    let window = query.window(state.now(), 3 * DAY)?;
    Ok(Page {
        selector: selector.to_owned(),
        fields: fields(query.get("fields"))?,
        from: window.from,
        to: window.to,
        size: paging::size(query, 50, MAX_PAGE_SIZE)?,
        offset: 0,
    })
}

fn fields(text: Option<&str>) -> Result<Vec<String>, ServiceError> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let known = |field: &str| FIELDS.contains(&field) || field.starts_with("+properties");
    text.split(',')
        .map(|field| {
            if known(field) {
                Ok(field.to_owned())
            } else {
                Err(ServiceError::query(
                    "fields",
                    format!("'{field}' is not understood"),
                ))
            }
        })
        .collect()
}

fn describe(view: View<'_>, entity: &Entity, fields: &[String]) -> Value {
    let mut shown = Map::new();
    shown.insert("entityId".into(), entity.id.clone().into());
    shown.insert("type".into(), entity.kind.clone().into());
    shown.insert("displayName".into(), entity.name.clone().into());
    for field in fields {
        let name = field.trim_start_matches('+');
        if let Some(property) = name.strip_prefix("properties.") {
            if let Some(value) = entity.properties.get(property) {
                let all = shown.entry("properties").or_insert_with(|| json!({}));
                all[property] = value.clone().into();
            }
            continue;
        }
        let value = match name {
            "fromRelationships" => relationships(&entity.from),
            "toRelationships" => relationships(&view.to(entity)),
            "tags" => view
                .tags(&view.entities[&entity.id])
                .iter()
                .map(tag)
                .collect(),
            "managementZones" => json!([]),
            "firstSeenTms" => entity.visible_from.into(),
            "properties" => json!(entity.properties),
            "lastSeenTms" => entity.last_seen.unwrap_or(view.now).into(),
            _ => continue,
        };
        shown.insert(name.to_owned(), value);
    }
    Value::Object(shown)
}

fn relationships(all: &Relationships) -> Value {
    let ends = |ids: &[String]| -> Value {
        ids.iter()
            .map(|id| json!({ "id": id, "type": type_of(id) }))
            .collect()
    };
    Value::Object(
        all.iter()
            .map(|(name, ids)| (name.clone(), ends(ids)))
            .collect(),
    )
}

/// A tag as every v2 endpoint shows it.
pub(super) fn tag(tag: &Tag) -> Value {
    let mut shown = json!({ "context": tag.context, "key": tag.key });
    let escape = |text: &str| text.replace('\\', r"\\").replace(':', r"\:");
    let mut text = escape(&tag.key);
    if tag.context != CONTEXTLESS {
        text = format!("[{}]{text}", title_case(&tag.context));
    }
    if let Some(value) = &tag.value {
        text = format!("{text}:{}", escape(value));
        shown["value"] = value.clone().into();
    }
    shown["stringRepresentation"] = text.into();
    shown
}

/// Contexts are written `[Environment]` here although the field beside it says
/// `ENVIRONMENT`.
fn title_case(context: &str) -> String {
    if context.len() <= 3 || context.contains('_') {
        return context.to_owned();
    }
    let (first, rest) = context.split_at(1);
    format!("{first}{}", rest.to_lowercase())
}

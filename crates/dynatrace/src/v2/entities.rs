//! `GET /api/v2/entities`, page by page.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::selector::{checked, context_is_compared_here, in_parts, of_scope};
use crate::answer::{Entity, Related, instance};
use crate::calls::Subject;
use crate::error::Error;
use crate::http::Connection;
use crate::list::{List, all};
use crate::question::{EntityType, Scope, Tag, Window};
use crate::wire::{WireTag, or_default};

/// The entities of a scope that were active in the window; those of the ids, if
/// there are any.
pub(crate) async fn entities(
    connection: &Connection,
    scope: (&Scope, &[String]),
    window: Window,
    deadline: Instant,
) -> Result<Vec<Entity>, Error> {
    let (found, _) = in_context(connection, scope, window, deadline).await?;
    Ok(found)
}

/// The entities of a scope, and how many others have its tags with another
/// context.
pub(super) async fn in_context(
    connection: &Connection,
    (scope, ids): (&Scope, &[String]),
    window: Window,
    deadline: Instant,
) -> Result<(Vec<Entity>, usize), Error> {
    let selectors = match ids {
        [] => checked(of_scope(scope)).map(|selector| vec![selector]),
        ids => in_parts(&[of_scope(scope)], ids),
    };
    let selectors = selectors.map_err(|error| Error::BadSelector(error.to_string()))?;
    let fields = match ids {
        [] => "+fromRelationships,+toRelationships,+tags",
        _ => "+fromRelationships,+tags",
    };
    let fields = match scope.entity_type {
        EntityType::Service => format!("{fields},+properties.serviceType"),
        // Which property has the instance depends on how the host is monitored.
        EntityType::Host => format!("{fields},+properties"),
        _ => fields.to_owned(),
    };
    let parts = selectors
        .into_iter()
        .map(|selector| selected(connection, selector, &fields, window, deadline));
    let found = try_join_all(parts).await?;

    let (found, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .flatten()
        .partition(|entity| contexts_match(entity, scope));
    Ok((found, others.len()))
}

async fn selected(
    connection: &Connection,
    selector: String,
    fields: &str,
    window: Window,
    deadline: Instant,
) -> Result<Vec<Entity>, Error> {
    let list = List::of(
        Subject::Entities,
        "/entities",
        vec![
            ("entitySelector", selector),
            ("from", window.from_ms.to_string()),
            ("to", window.to_ms.to_string()),
            ("fields", fields.to_owned()),
            ("pageSize", "500".to_owned()),
        ],
    );
    let open = |page: Page| (page.entities, page.next_page_key);
    let found = all(connection, list, open, deadline).await?;
    Ok(found.into_iter().map(Entity::from).collect())
}

fn contexts_match(entity: &Entity, scope: &Scope) -> bool {
    scope
        .tags
        .iter()
        .filter(|wanted| context_is_compared_here(wanted))
        .all(|wanted| entity.tags.iter().any(|tag| is(tag, wanted)))
}

fn is(tag: &Tag, wanted: &Tag) -> bool {
    let context = match (tag.imported_from(), wanted.imported_from()) {
        (Some(context), Some(wanted)) => context.eq_ignore_ascii_case(wanted),
        (None, None) => true,
        _ => false,
    };
    context && tag.key == wanted.key && (wanted.value.is_none() || tag.value == wanted.value)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    entities: Vec<Wire>,
    next_page_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    entity_id: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    tags: Vec<WireTag>,
    #[serde(default)]
    from_relationships: BTreeMap<String, Vec<WireRelated>>,
    #[serde(default)]
    to_relationships: BTreeMap<String, Vec<WireRelated>>,
    #[serde(default, deserialize_with = "or_default")]
    properties: WireProperties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProperties {
    service_type: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct WireRelated {
    id: String,
    #[serde(rename = "type")]
    type_: Option<String>,
}

impl WireProperties {
    fn instance(&self) -> Option<String> {
        let mut values = self.others.values().filter_map(Value::as_str);
        values.find_map(instance)
    }
}

impl From<Wire> for Entity {
    fn from(wire: Wire) -> Self {
        let related = |map: BTreeMap<String, Vec<WireRelated>>| {
            map.into_iter()
                .map(|(name, ends)| {
                    let ends = ends
                        .into_iter()
                        .map(|WireRelated { id, type_ }| Related { id, type_ });
                    (name, ends.collect())
                })
                .collect()
        };
        Self {
            id: wire.entity_id,
            name: wire.display_name,
            from: related(wire.from_relationships),
            to: related(wire.to_relationships),
            tags: wire.tags.into_iter().map(Tag::from).collect(),
            instance: wire.properties.instance(),
            service_type: wire.properties.service_type,
        }
    }
}

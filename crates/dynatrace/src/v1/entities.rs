//! `GET /api/v1/entity/…`, page by page.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde::Deserialize;
use tokio::time::Instant;

use super::gone;
use crate::answer::{Entity, Related};
use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Request};
use crate::question::{EntityType, Scope, Tag, Window};
use crate::tenant::Api;
use crate::wire::WireTag;

/// The longest window that the topology answers: three days.
const LONGEST_MS: i64 = 3 * 24 * 60 * 60 * 1000;

/// How many ids one request names: the URL stays below the eight kilobytes that
/// servers and gateways commonly accept.
const MOST_IDS: usize = 100;

/// The entities of a scope that were seen in the window, or in its last three
/// days if it is longer.
pub(crate) async fn entities(
    connection: &Connection,
    (scope, ids): (&Scope, &[String]),
    window: Window,
    deadline: Instant,
) -> Result<Vec<Entity>, Error> {
    if ids.is_empty() {
        return among(connection, scope, ids, window, deadline).await;
    }
    let parts = ids
        .chunks(MOST_IDS)
        .map(|ids| among(connection, scope, ids, window, deadline));
    let found = try_join_all(parts).await?;
    Ok(found.into_iter().flatten().collect())
}

async fn among(
    connection: &Connection,
    scope: &Scope,
    ids: &[String],
    window: Window,
    deadline: Instant,
) -> Result<Vec<Entity>, Error> {
    let from = window.from_ms.max(window.to_ms.saturating_sub(LONGEST_MS));
    let mut query = vec![
        ("startTimestamp", from.to_string()),
        ("endTimestamp", window.to_ms.to_string()),
    ];
    // Repeating the parameter is what makes every tag count.
    query.extend(scope.tags.iter().map(|tag| ("tag", tag_text(tag))));
    query.extend(ids.iter().map(|id| ("entity", id.clone())));
    let first_page = query.len();

    let mut found = Vec::new();
    loop {
        let request = Request::get(Api::V1, Subject::Entities, path(scope.entity_type), &query);
        let reply = connection.send(&request, deadline).await.map_err(gone)?;
        let page: Vec<Wire> = reply.read()?;
        found.extend(page.into_iter().map(Entity::from));

        let key = reply
            .headers
            .get("next-page-key")
            .and_then(|key| key.to_str().ok())
            .filter(|key| !key.is_empty());
        let Some(key) = key else {
            return Ok(found);
        };
        // Unlike in v2, the other parameters are repeated with the key.
        let next = ("nextPageKey", key.to_owned());
        if query.get(first_page) == Some(&next) {
            return Err(Error::malformed("its next page is the page itself"));
        }
        query.truncate(first_page);
        query.push(next);
    }
}

fn path(entity_type: EntityType) -> &'static str {
    match entity_type {
        EntityType::Service => "/entity/services",
        EntityType::Application => "/entity/applications",
        EntityType::Host => "/entity/infrastructure/hosts",
        EntityType::ProcessGroup => "/entity/infrastructure/process-groups",
        EntityType::ProcessGroupInstance => "/entity/infrastructure/processes",
    }
}

fn tag_text(tag: &Tag) -> String {
    let context = tag
        .imported_from()
        .map(|context| format!("[{context}]"))
        .unwrap_or_default();
    let escaped = |text: &str| text.replace('\\', "\\\\");
    // The first colon separates, so only those of the key stand in its way.
    let key = escaped(&tag.key).replace(':', "\\:");
    match &tag.value {
        Some(value) => format!("{context}{key}:{}", escaped(value)),
        None => format!("{context}{key}"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    entity_id: String,
    display_name: Option<String>,
    #[serde(default)]
    tags: Vec<WireTag>,
    #[serde(default)]
    from_relationships: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    to_relationships: BTreeMap<String, Vec<String>>,
    service_type: Option<String>,
    aws_instance_id: Option<String>,
}

impl From<Wire> for Entity {
    fn from(wire: Wire) -> Self {
        let related = |map: BTreeMap<String, Vec<String>>| {
            map.into_iter()
                .map(|(name, ids)| {
                    let ends = ids.into_iter().map(|id| Related { id, type_: None });
                    (name, ends.collect())
                })
                .collect()
        };
        Self {
            id: wire.entity_id,
            name: wire.display_name.unwrap_or_default(),
            from: related(wire.from_relationships),
            to: related(wire.to_relationships),
            tags: wire.tags.into_iter().map(Tag::from).collect(),
            service_type: wire.service_type,
            instance: wire.aws_instance_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_written_with_the_context_they_were_imported_from() {
        let text = |context: Option<&str>, value: Option<&str>| {
            tag_text(&Tag {
                context: context.map(Into::into),
                key: "stage".into(),
                value: value.map(Into::into),
            })
        };
        let path = Tag {
            context: None,
            key: r"a:b\c".into(),
            value: Some(r"C:\new".into()),
        };

        assert_eq!(tag_text(&path), r"a\:b\\c:C:\\new");

        assert_eq!(text(None, Some("prod")), "stage:prod");
        assert_eq!(text(Some("CONTEXTLESS"), None), "stage");
        assert_eq!(
            text(Some("ENVIRONMENT"), Some("prod")),
            "[ENVIRONMENT]stage:prod"
        );
    }
}

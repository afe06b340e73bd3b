//! `GET /api/v2/events`, page by page.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::selector::{in_parts, quoted};
use crate::calls::Subject;
use crate::error::Error;
use crate::event::{EventKind, RecordedEvent, newest_first};
use crate::http::Connection;
use crate::list::{List, all};
use crate::question::Window;
use crate::wire::{or_default, property};

/// The events of one kind of entities in a window, the latest first. A criterion
/// lists alternatives, within what any selector may have of characters.
pub(crate) async fn events(
    connection: &Connection,
    kind: EventKind,
    entities: &[String],
    window: Window,
    deadline: Instant,
) -> Result<Vec<RecordedEvent>, Error> {
    let criteria = [format!("eventType({})", quoted(kind.name()))];
    let selectors =
        in_parts(&criteria, entities).map_err(|error| Error::BadSelector(error.to_string()))?;
    let parts = selectors
        .into_iter()
        .map(|selector| selected(connection, selector, window, deadline));
    let found = try_join_all(parts).await?;

    let mut events: Vec<_> = found.into_iter().flatten().collect();
    newest_first(&mut events);
    Ok(events)
}

async fn selected(
    connection: &Connection,
    selector: String,
    window: Window,
    deadline: Instant,
) -> Result<Vec<RecordedEvent>, Error> {
    let list = List::of(
        Subject::Events,
        "/events",
        vec![
            ("eventSelector", selector),
            // The default would be the last two hours.
            ("from", window.from_ms.to_string()),
            ("to", window.to_ms.to_string()),
            ("pageSize", "1000".to_owned()),
        ],
    );
    let open = |page: Page| (page.events, page.next_page_key);
    let found = all(connection, list, open, deadline).await?;
    Ok(found.into_iter().map(RecordedEvent::from).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default, deserialize_with = "or_default")]
    events: Vec<Wire>,
    next_page_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    event_id: String,
    start_time: i64,
    entity_id: Option<WireEntity>,
    #[serde(default, deserialize_with = "or_default")]
    title: String,
    #[serde(default, deserialize_with = "or_default")]
    properties: Vec<WireProperty>,
}

impl From<Wire> for RecordedEvent {
    fn from(wire: Wire) -> Self {
        recorded(
            Head {
                id: wire.event_id,
                start_ms: wire.start_time,
                entity: wire.entity_id.map(WireEntity::id).unwrap_or_default(),
                title: wire.title,
            },
            wire.properties,
        )
    }
}

/// An entity wherever v2 mentions one: its id is wrapped twice.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireEntity {
    pub(super) entity_id: WireId,
    /// Missing once the entity no longer exists.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
}

impl WireEntity {
    pub(super) fn id(self) -> String {
        self.entity_id.id
    }
}

#[derive(Deserialize)]
pub(super) struct WireId {
    pub(super) id: String,
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub(super) type_: String,
}

/// One property of an event; reserved ones and those of the sender are mixed.
#[derive(Deserialize)]
pub(super) struct WireProperty {
    key: String,
    #[serde(default)]
    value: Value,
}

/// What is known of an event beside its properties.
pub(super) struct Head {
    pub(super) id: String,
    pub(super) start_ms: i64,
    pub(super) entity: String,
    pub(super) title: String,
}

pub(super) fn recorded(head: Head, properties: Vec<WireProperty>) -> RecordedEvent {
    let mut properties: BTreeMap<_, _> = properties
        .into_iter()
        .map(|WireProperty { key, value }| (key, property(value)))
        .collect();
    let mut reserved = |name: &str| properties.remove(&format!("dt.event.{name}"));
    RecordedEvent {
        id: head.id,
        start_ms: head.start_ms,
        entity: head.entity,
        title: head.title,
        description: reserved("description"),
        source: reserved("source"),
        name: reserved("deployment.name"),
        version: reserved("deployment.version"),
        project: reserved("deployment.project"),
        ci_back_link: reserved("deployment.ci_back_link"),
        remediation_link: reserved("deployment.remediation_action_link"),
        properties,
    }
}

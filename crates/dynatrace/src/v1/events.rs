//! `GET /api/v1/events`, page by page.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::gone;
use crate::calls::Subject;
use crate::error::Error;
use crate::event::{EventKind, RecordedEvent, newest_first};
use crate::http::Connection;
use crate::list::{List, all};
use crate::question::Window;
use crate::tenant::Api;
use crate::wire::{or_default, property};

/// A request names one entity or none. Up to so many are asked for one by one,
/// beyond that the events of all are read and those of others left out.
const ONE_BY_ONE: usize = 8;

/// How many pages of everybody's events are read; a page has 150.
const MOST_PAGES: usize = 10;

/// The events of one kind of entities in a window, the latest first.
pub(crate) async fn events(
    connection: &Connection,
    kind: EventKind,
    entities: &[String],
    window: Window,
    deadline: Instant,
) -> Result<Vec<RecordedEvent>, Error> {
    let query = vec![
        ("eventType", kind.name().to_owned()),
        ("from", window.from_ms.to_string()),
        ("to", window.to_ms.to_string()),
    ];
    let mut events = if entities.len() <= ONE_BY_ONE {
        let asked = entities.iter().map(|entity| {
            let mut query = query.clone();
            query.push(("entityId", entity.clone()));
            pages(connection, query, usize::MAX, deadline)
        });
        try_join_all(asked).await?.into_iter().flatten().collect()
    } else {
        let mut events = pages(connection, query, MOST_PAGES, deadline).await?;
        events.retain(|event| entities.contains(&event.entity));
        events
    };
    newest_first(&mut events);
    Ok(events)
}

async fn pages(
    connection: &Connection,
    query: Vec<(&'static str, String)>,
    most: usize,
    deadline: Instant,
) -> Result<Vec<RecordedEvent>, Error> {
    let list = List {
        api: Api::V1,
        subject: Subject::Events,
        path: "/events",
        query,
        key: "cursor",
        most,
    };
    let open = |page: Page| (page.events, page.next_cursor.map(decoded));
    let events = all(connection, list, open, deadline).await.map_err(gone)?;
    Ok(events.into_iter().filter_map(WireEvent::recorded).collect())
}

/// Some tenants hand out a cursor that is already encoded for a URL. It is
/// encoded once more when it is sent, and must not be encoded twice.
fn decoded(cursor: String) -> String {
    match percent_decode_str(&cursor).decode_utf8() {
        Ok(decoded) => decoded.into_owned(),
        Err(_) => cursor,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default, deserialize_with = "or_default")]
    events: Vec<WireEvent>,
    next_cursor: Option<String>,
}

/// An event, or an entry of a problem's ranking, which is one without an id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireEvent {
    id: Option<String>,
    event_id: Option<i64>,
    correlation_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) event_type: String,
    start_time: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) entity_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) entity_name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) is_root_cause: bool,
    title: Option<String>,
    annotation_type: Option<String>,
    annotation_description: Option<String>,
    configuration: Option<String>,
    description: Option<String>,
    source: Option<String>,
    deployment_name: Option<String>,
    deployment_version: Option<String>,
    deployment_project: Option<String>,
    ci_back_link: Option<String>,
    remediation_action: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    custom_properties: BTreeMap<String, Value>,
}

impl WireEvent {
    /// The event, unless it does not say when it was.
    pub(super) fn recorded(self) -> Option<RecordedEvent> {
        let title = [
            self.title,
            self.annotation_type,
            self.configuration,
            self.deployment_name.clone(),
        ];
        let mut properties: BTreeMap<_, _> = self
            .custom_properties
            .into_iter()
            .map(|(key, value)| (key, property(value)))
            .collect();
        Some(RecordedEvent {
            id: self
                .id
                .or(self.event_id.map(|id| id.to_string()))
                .or(self.correlation_id)
                .unwrap_or_default(),
            start_ms: self.start_time?,
            entity: self.entity_id,
            title: title.into_iter().flatten().next().unwrap_or_default(),
            // Deployments have no field for it and carry it as a property.
            description: self
                .description
                .or(self.annotation_description)
                .or_else(|| properties.remove("description")),
            source: self.source,
            name: self.deployment_name,
            version: self.deployment_version,
            project: self.deployment_project,
            ci_back_link: self.ci_back_link,
            remediation_link: self.remediation_action,
            properties,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_lose_the_encoding_that_they_may_have() {
        assert_eq!(decoded("AB+c/d==".into()), "AB+c/d==");
        assert_eq!(decoded("ABc%3D%3D".into()), "ABc==");
        assert_eq!(decoded("%FF".into()), "%FF");
    }
}

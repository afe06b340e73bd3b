//! `GET /api/v2/problems`, one of them or page by page.

use serde::Deserialize;
use tokio::time::Instant;

use super::events::{Head, WireEntity, WireProperty, recorded};
use crate::calls::Subject;
use crate::error::Error;
use crate::event::{EventKind, RecordedEvent, newest_first};
use crate::http::{Connection, Request};
use crate::list::{List, all};
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
    let path = format!("/problems/{segment}");
    // Without being asked for, the evidence is not sent.
    let query = [("fields", "evidenceDetails".to_owned())];
    let request = Request::get(Api::V2, Subject::Problems, &path, &query);
    let wire: Wire = connection.send(&request, deadline).await?.read()?;
    Ok(wire.into())
}

/// The problems that were there at some time since `since_ms` and go on.
pub(crate) async fn open_problems(
    connection: &Connection,
    since_ms: i64,
    deadline: Instant,
) -> Result<Vec<Problem>, Error> {
    let query = vec![
        ("problemSelector", "status(\"open\")".to_owned()),
        ("from", since_ms.to_string()),
    ];
    listed(connection, query, deadline).await
}

/// The problems that were there at some time of the window.
pub(crate) async fn problems(
    connection: &Connection,
    window: Window,
    deadline: Instant,
) -> Result<Vec<Problem>, Error> {
    let query = vec![
        ("from", window.from_ms.to_string()),
        ("to", window.to_ms.to_string()),
    ];
    listed(connection, query, deadline).await
}

async fn listed(
    connection: &Connection,
    mut query: Vec<(&'static str, String)>,
    deadline: Instant,
) -> Result<Vec<Problem>, Error> {
    query.push(("pageSize", "100".to_owned()));
    let list = List::of(Subject::Problems, "/problems", query);
    let open = |page: Page| (page.problems, page.next_page_key);
    let found = all(connection, list, open, deadline).await?;
    Ok(found.into_iter().map(Problem::from).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default, deserialize_with = "or_default")]
    problems: Vec<Wire>,
    next_page_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    problem_id: String,
    #[serde(default, deserialize_with = "or_default")]
    display_id: String,
    #[serde(default, deserialize_with = "or_default")]
    title: String,
    #[serde(default, deserialize_with = "or_default")]
    impact_level: String,
    #[serde(default, deserialize_with = "or_default")]
    severity_level: String,
    status: WireStatus,
    #[serde(default, deserialize_with = "or_default")]
    impacted_entities: Vec<WireEntity>,
    #[serde(default, deserialize_with = "or_default")]
    affected_entities: Vec<WireEntity>,
    root_cause_entity: Option<WireEntity>,
    #[serde(default, deserialize_with = "or_default")]
    entity_tags: Vec<WireTag>,
    linked_problem_info: Option<WireLink>,
    start_time: i64,
    end_time: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    evidence_details: WireEvidence,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLink {
    problem_id: String,
}

#[derive(Default, Deserialize)]
struct WireEvidence {
    #[serde(default, deserialize_with = "or_default")]
    details: Vec<WireDetail>,
}

/// One piece of evidence; which fields it has depends on its kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDetail {
    event_type: Option<String>,
    event_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    display_name: String,
    entity: Option<WireEntity>,
    start_time: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    data: WireData,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireData {
    event_id: Option<String>,
    title: Option<String>,
    start_time: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    properties: Vec<WireProperty>,
}

impl From<Wire> for Problem {
    fn from(wire: Wire) -> Self {
        let details = wire.evidence_details.details.into_iter();
        let mut evidence: Vec<_> = details.filter_map(WireDetail::deployment).collect();
        newest_first(&mut evidence);
        Self {
            id: wire.problem_id,
            display_id: wire.display_id,
            title: wire.title,
            status: wire.status.into(),
            severity: wire.severity_level,
            impact: match wire.impact_level.as_str() {
                // Everywhere else it is called by its singular.
                "SERVICES" => "SERVICE".to_owned(),
                _ => wire.impact_level,
            },
            impacted: wire
                .impacted_entities
                .into_iter()
                .map(EntityRef::from)
                .collect(),
            affected: wire.affected_entities.len(),
            touched: wire
                .affected_entities
                .into_iter()
                .map(EntityRef::from)
                .collect(),
            root_cause: wire.root_cause_entity.map(EntityRef::from),
            tags: wire.entity_tags.into_iter().map(Tag::from).collect(),
            start_ms: wire.start_time,
            end_ms: ended(wire.end_time),
            merged_into: wire.linked_problem_info.map(|link| link.problem_id),
            evidence,
        }
    }
}

impl WireDetail {
    /// The deployment that this is, if it is one and says when and where.
    fn deployment(self) -> Option<RecordedEvent> {
        if self.event_type.as_deref() != Some(EventKind::Deployment.name()) {
            return None;
        }
        let head = Head {
            id: self.event_id.or(self.data.event_id).unwrap_or_default(),
            start_ms: self.start_time.or(self.data.start_time)?,
            entity: self.entity?.id(),
            title: self.data.title.unwrap_or(self.display_name),
        };
        Some(recorded(head, self.data.properties))
    }
}

impl From<WireEntity> for EntityRef {
    fn from(wire: WireEntity) -> Self {
        Self {
            id: wire.entity_id.id,
            name: wire.name,
            type_: wire.entity_id.type_,
        }
    }
}

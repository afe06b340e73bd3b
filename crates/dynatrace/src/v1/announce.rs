//! `POST /api/v1/events`.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::gone;
use crate::calls::Subject;
use crate::error::Error;
use crate::event::{Announced, Event, EventKind};
use crate::http::{Connection, Request};
use crate::properties::{self, limited};
use crate::tenant::Api;
use crate::wire::or_default;

/// Attaches an event to its entities.
pub(crate) async fn announce(
    connection: &Connection,
    event: &Event,
    deadline: Instant,
) -> Result<Announced, Error> {
    if event.entities.is_empty() {
        return Ok(Announced::NobodyMatched);
    }
    let body = Value::Object(body(event));
    let request = Request::leave(Api::V1, Subject::Events, "/events", &body);
    match connection.send(&request, deadline).await {
        Ok(reply) => Ok(reply.read::<Stored>()?.into()),
        Err(Error::BadSelector(text)) if matches_nobody(&text) => Ok(Announced::NobodyMatched),
        Err(error) => Err(gone(error)),
    }
}

/// Which entities the event is about.
fn attachment(ids: &[String]) -> Value {
    json!({"entityIds": ids})
}

/// Tells "no such entity" from other refusals, which share a status. Tenants
/// have changed the words over the years.
fn matches_nobody(text: &str) -> bool {
    text.starts_with("Invalid attachRules object provided")
        || text.contains("No MEIdentifier do match")
        || text.contains("No entity IDs match")
}

fn body(event: &Event) -> Map<String, Value> {
    let (fields, rest) = fields(event);
    let mut own = event.properties.clone();
    for (name, text) in named(rest) {
        own.entry(name.into()).or_insert_with(|| text.into());
    }

    let mut body = Map::new();
    body.insert("eventType".into(), event.kind.name().into());
    body.insert("source".into(), event.source.as_str().into());
    body.insert("attachRules".into(), attachment(&event.entities));
    for (name, moment) in [("start", event.start_ms), ("end", event.end_ms)] {
        if let Some(moment) = moment {
            body.insert(name.into(), moment.into());
        }
    }
    for (name, text) in named(fields) {
        body.insert(name.into(), properties::value(name, text).into());
    }
    let own = limited(&own, properties::MOST);
    body.insert("customProperties".into(), json!(own));
    body
}

type Texts<'a> = Vec<(&'static str, Option<&'a str>)>;

fn named(texts: Texts<'_>) -> impl Iterator<Item = (&'static str, &str)> {
    texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)))
}

/// What this kind of event has a field for, and what it has none for, which
/// becomes a property like any other.
fn fields(event: &Event) -> (Texts<'_>, Texts<'_>) {
    let title = event.title.as_str();
    let description = event.description.as_deref();
    // Every kind demands its first two fields.
    let either = Some(description.unwrap_or(title));
    let deployment = vec![
        ("deploymentName", event.name.as_deref()),
        ("deploymentVersion", event.version.as_deref()),
        ("deploymentProject", event.project.as_deref()),
        ("ciBackLink", event.ci_back_link.as_deref()),
        ("remediationAction", event.remediation_link.as_deref()),
    ];
    match event.kind {
        EventKind::Deployment => {
            let mut fields = deployment;
            fields[0].1 = fields[0].1.or(Some(title));
            fields[1].1 = fields[1].1.or(Some("unknown"));
            (fields, vec![("description", description)])
        }
        EventKind::Annotation => (
            vec![
                ("annotationType", Some(title)),
                ("annotationDescription", either),
            ],
            deployment,
        ),
        EventKind::Configuration => (
            vec![("configuration", Some(title)), ("description", either)],
            deployment,
        ),
        EventKind::Info => (
            vec![("title", Some(title)), ("description", either)],
            deployment,
        ),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    /// Numbers beyond what a floating point number can hold.
    #[serde(default, deserialize_with = "or_default")]
    stored_event_ids: Vec<i64>,
    #[serde(default, deserialize_with = "or_default")]
    stored_ids: Vec<String>,
}

impl From<Stored> for Announced {
    fn from(stored: Stored) -> Self {
        let attached = stored.stored_event_ids.len().max(stored.stored_ids.len());
        let ids = if stored.stored_ids.len() == attached {
            stored.stored_ids
        } else {
            stored.stored_event_ids.iter().map(i64::to_string).collect()
        };
        match attached {
            0 => Self::NobodyMatched,
            _ => Self::Attached { attached, ids },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> Event {
        Event {
            kind,
            title: "title".into(),
            entities: vec!["SERVICE-1".into()],
            source: "AWS CodePipeline".into(),
            ..Event::default()
        }
    }

    #[test]
    fn every_kind_has_the_fields_that_it_demands() {
        for (kind, demanded) in [
            (
                EventKind::Deployment,
                json!({"deploymentName": "title", "deploymentVersion": "unknown"}),
            ),
            (
                EventKind::Annotation,
                json!({"annotationType": "title", "annotationDescription": "title"}),
            ),
            (
                EventKind::Configuration,
                json!({"configuration": "title", "description": "title"}),
            ),
            (
                EventKind::Info,
                json!({"title": "title", "description": "title"}),
            ),
        ] {
            let body = body(&event(kind));

            let mut expected = json!({
                "eventType": kind.name(),
                "source": "AWS CodePipeline",
                "attachRules": {"entityIds": ["SERVICE-1"]},
                "customProperties": {},
            });
            let fields = demanded.as_object().unwrap().clone();
            expected.as_object_mut().unwrap().extend(fields);
            assert_eq!(Value::Object(body), expected);
        }
    }

    #[test]
    fn what_a_kind_has_no_field_for_is_a_property() {
        let annotation = body(&Event {
            version: Some("42".into()),
            ..event(EventKind::Annotation)
        });
        let deployment = body(&Event {
            description: Some("a new build".into()),
            ..event(EventKind::Deployment)
        });

        assert_eq!(
            annotation["customProperties"],
            json!({"deploymentVersion": "42"})
        );
        assert_eq!(
            deployment["customProperties"],
            json!({"description": "a new build"})
        );
    }
}

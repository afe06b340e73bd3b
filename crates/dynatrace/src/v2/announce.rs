//! `POST /api/v2/events/ingest`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::selector::in_parts;
use crate::calls::Subject;
use crate::error::Error;
use crate::event::{Announced, Event};
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
    let properties = properties_of(event);
    let mut results = Results::default();
    // Ids find entities whatever their age, unlike tags. No entity needs no
    // request: without a selector, the event would be attached to the
    // environment.
    let selectors = in_parts(&[], &event.entities);
    for selector in selectors.map_err(|error| Error::BadSelector(error.to_string()))? {
        let body = body(event, &selector, &properties);
        let request = Request::leave(Api::V2, Subject::Events, "/events/ingest", &body);
        results.add(connection.send(&request, deadline).await?.read()?);
    }
    Ok(results.into())
}

fn body(event: &Event, selector: &str, properties: &BTreeMap<String, String>) -> Value {
    let mut body = json!({
        "eventType": event.kind.name(),
        "title": event.title,
        "entitySelector": selector,
        "properties": properties,
    });
    for (field, moment) in [("startTime", event.start_ms), ("endTime", event.end_ms)] {
        if let Some(moment) = moment {
            body[field] = moment.into();
        }
    }
    body
}

/// Reserved properties that a caller may name by himself, because no field of
/// an [`Event`] stands for them.
const OPTIONAL: [&str; 5] = [
    "dt.event.deployment.release_stage",
    "dt.event.deployment.release_product",
    "dt.event.deployment.release_build_version",
    "dt.event.is_rootcause_relevant",
    "dt.event.allow_davis_merge",
];

fn properties_of(event: &Event) -> BTreeMap<String, String> {
    let mut all: BTreeMap<_, _> = reserved(event)
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .map(|(key, value)| (key.to_owned(), properties::value(key, value).to_owned()))
        .collect();

    let (own, theirs): (BTreeMap<_, _>, BTreeMap<_, _>) = event
        .properties
        .clone()
        .into_iter()
        .partition(|(key, _)| !key.starts_with("dt.") || OPTIONAL.contains(&key.as_str()));
    for key in theirs.keys() {
        tracing::warn!(
            event.property = key,
            "Leaving out a property whose name is reserved by Dynatrace"
        );
    }
    all.extend(limited(&own, properties::MOST - all.len()));
    all
}

fn reserved(event: &Event) -> [(&'static str, Option<&str>); 7] {
    [
        ("dt.event.source", Some(&event.source)),
        ("dt.event.description", event.description.as_deref()),
        ("dt.event.deployment.name", event.name.as_deref()),
        ("dt.event.deployment.version", event.version.as_deref()),
        ("dt.event.deployment.project", event.project.as_deref()),
        (
            "dt.event.deployment.ci_back_link",
            event.ci_back_link.as_deref(),
        ),
        (
            "dt.event.deployment.remediation_action_link",
            event.remediation_link.as_deref(),
        ),
    ]
}

/// The answer to one request. Its status is a success even if nothing was
/// attached to anything.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ingested {
    report_count: Option<usize>,
    #[serde(default, deserialize_with = "or_default")]
    event_ingest_results: Vec<IngestResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IngestResult {
    correlation_id: Option<String>,
    status: String,
}

/// What all requests of one announcement came to.
#[derive(Default)]
struct Results {
    attached: usize,
    ids: Vec<String>,
    refusals: Vec<String>,
}

impl Results {
    fn add(&mut self, ingested: Ingested) {
        let results = ingested.event_ingest_results;
        let reported = ingested.report_count.unwrap_or(results.len());
        let unlisted = results.is_empty();
        let (accepted, refused): (Vec<_>, Vec<_>) = results
            .into_iter()
            .partition(|result| result.status == "OK");

        // The count covers what was refused too, and zero outweighs any result.
        self.attached += if unlisted {
            reported
        } else {
            reported.min(accepted.len())
        };
        self.ids.extend(
            accepted
                .into_iter()
                .filter_map(|result| result.correlation_id),
        );
        for refused in refused {
            if !self.refusals.contains(&refused.status) {
                self.refusals.push(refused.status);
            }
        }
    }
}

impl From<Results> for Announced {
    fn from(results: Results) -> Self {
        let attached = results.attached;
        if !results.refusals.is_empty() {
            return Self::Refused {
                attached,
                statuses: results.refusals,
            };
        }
        match attached {
            0 => Self::NobodyMatched,
            _ => Self::Attached {
                attached,
                ids: results.ids,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_belong_to_the_fields_of_the_event() {
        let own = [
            ("dt.event.source", "somebody else"),
            ("dt.made.up", "x"),
            ("dt.event.deployment.release_stage", "production"),
            ("CodeDeploy.Application", "SampleApp"),
        ];
        let event = Event {
            source: "AWS CodePipeline".into(),
            properties: own.map(|(key, value)| (key.into(), value.into())).into(),
            ..Event::default()
        };

        let sent = properties_of(&event);

        let expected = [
            ("CodeDeploy.Application", "SampleApp"),
            ("dt.event.deployment.release_stage", "production"),
            ("dt.event.source", "AWS CodePipeline"),
        ];
        assert_eq!(
            sent,
            expected
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into()
        );
    }

    #[test]
    fn no_more_properties_are_sent_than_an_event_may_have() {
        let event = Event {
            source: "AWS CodePipeline".into(),
            name: Some("PRODDeploy".into()),
            properties: (0..150).map(|n| (n.to_string(), String::new())).collect(),
            ..Event::default()
        };

        let sent = properties_of(&event);

        assert_eq!(sent.len(), 100);
        assert_eq!(sent["dt.event.deployment.name"], "PRODDeploy");
    }
}

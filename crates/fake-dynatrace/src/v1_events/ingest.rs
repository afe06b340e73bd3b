//! `POST /api/v1/events`: refused, unlike in v2, when nothing matches.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::attach::{AttachRules, matching, no_match};
use super::words;
use crate::answer::ServiceError;
use crate::events::{Draft, Kind, kind_of};
use crate::request::{Incoming, Loose};
use crate::state::State;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    event_type: Option<String>,
    attach_rules: Option<AttachRules>,
    start: Option<Loose>,
    end: Option<Loose>,
    timeout_minutes: Option<i64>,
    #[serde(default)]
    custom_properties: BTreeMap<String, String>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// Stores an event per matching entity.
pub(crate) fn ingest(state: &mut State, incoming: &Incoming<'_>) -> Result<Value, ServiceError> {
    let body: Body = incoming.json()?;
    let now = state.now();
    let (draft, kind) = draft(&body, now)?;
    let rules = body
        .attach_rules
        .as_ref()
        .filter(|rules| !rules.names_nothing())
        .ok_or_else(|| ServiceError::payload("attachRules", "must name an entity or a tag"))?;

    let entities = matching(state, rules);
    if entities.is_empty() || state.mishaps.next_matches_nothing() {
        return Err(no_match(rules, state.no_match.next()));
    }
    let (mut numbers, mut ids, mut correlations) = (Vec::new(), Vec::new(), Vec::new());
    for entity in &entities {
        let event = state.events.store(draft.clone(), entity, now);
        match kind {
            Kind::Information => {
                numbers.push(event.number());
                ids.push(event.id.clone());
            }
            Kind::Trouble => correlations.push(event.correlation_id.clone()),
        }
    }
    Ok(json!({
        "storedEventIds": numbers,
        "storedIds": ids,
        "storedCorrelationIds": correlations,
    }))
}

fn draft(body: &Body, now: i64) -> Result<(Draft, Kind), ServiceError> {
    let Some(event_type) = body.event_type.as_deref().map(words::type_in_v2) else {
        return Err(ServiceError::payload("eventType", "must not be null"));
    };
    let Some(kind) = kind_of(event_type).filter(|_| event_type != "WARNING") else {
        let message = format!("'{event_type}' is not an event type");
        return Err(ServiceError::payload("eventType", message));
    };
    for name in ["source"].iter().chain(required_of(event_type)) {
        if !body.fields.get(*name).is_some_and(Value::is_string) {
            return Err(ServiceError::payload(name, "must not be null"));
        }
    }
    let start = moment("start", body.start.as_ref())?.unwrap_or(now);
    let (reach, lasts) = match kind {
        Kind::Information => (30 * DAY, 0),
        Kind::Trouble => {
            let timeout = body.timeout_minutes.unwrap_or(15).clamp(1, 120);
            (60 * MINUTE, timeout * MINUTE)
        }
    };
    if start < now - reach {
        return Err(ServiceError::payload("start", "is too long ago"));
    }
    let end = moment("end", body.end.as_ref())?.unwrap_or(start + lasts);
    if end < start {
        return Err(ServiceError::payload("end", "must not be before the start"));
    }
    let draft = Draft {
        event_type: event_type.to_owned(),
        title: title(event_type, &body.fields),
        start,
        end,
        properties: words::properties(event_type, &body.fields, body.custom_properties.clone()),
    };
    Ok((draft, kind))
}

fn required_of(event_type: &str) -> &'static [&'static str] {
    match event_type {
        "CUSTOM_DEPLOYMENT" => &["deploymentName", "deploymentVersion"],
        "CUSTOM_ANNOTATION" => &["annotationType", "annotationDescription"],
        "CUSTOM_CONFIGURATION" => &["description", "configuration"],
        "CUSTOM_INFO" => &["description"],
        "MARKED_FOR_TERMINATION" => &[],
        _ => &["title", "description"],
    }
}

/// Deployments of v1 have no title of their own; v2 shows them as recorded.
fn title(event_type: &str, fields: &Map<String, Value>) -> String {
    let (name, otherwise) = match event_type {
        "CUSTOM_DEPLOYMENT" => return "Deployment".to_owned(),
        "CUSTOM_ANNOTATION" => ("annotationType", "Annotation"),
        "CUSTOM_CONFIGURATION" => ("title", "Configuration change"),
        _ => ("title", "Info"),
    };
    let given = fields.get(name).and_then(Value::as_str);
    given.unwrap_or(otherwise).to_owned()
}

fn moment(path: &'static str, field: Option<&Loose>) -> Result<Option<i64>, ServiceError> {
    field
        .map(|loose| {
            loose
                .number()
                .ok_or_else(|| ServiceError::payload(path, "must be a timestamp"))
        })
        .transpose()
}

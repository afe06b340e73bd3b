//! Names in API v1 and in API v2.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::events::Event;

/// Fields of v1 that are properties in v2, whatever the type of event.
const SHARED: [(&str, &str); 6] = [
    ("source", "dt.event.source"),
    ("deploymentName", "dt.event.deployment.name"),
    ("deploymentVersion", "dt.event.deployment.version"),
    ("deploymentProject", "dt.event.deployment.project"),
    ("ciBackLink", "dt.event.deployment.ci_back_link"),
    (
        "remediationAction",
        "dt.event.deployment.remediation_action_link",
    ),
];

/// Fields of v1 that v2 keeps under their own names.
const PLAIN: [&str; 3] = ["configuration", "original", "changed"];

const DESCRIPTION: &str = "dt.event.description";

/// The name of an event type in v1; one of them is shorter there.
pub(super) fn type_in_v1(event_type: &str) -> &str {
    match event_type {
        "RESOURCE_CONTENTION_EVENT" => "RESOURCE_CONTENTION",
        other => other,
    }
}

/// The name of a v1 event type in v2.
pub(super) fn type_in_v2(event_type: &str) -> &str {
    match event_type {
        "RESOURCE_CONTENTION" => "RESOURCE_CONTENTION_EVENT",
        other => other,
    }
}

/// The fields of an event in v1, except its entity and time.
pub(crate) fn fields(event: &Event) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut custom = Map::new();
    for (key, value) in &event.properties {
        let value = Value::from(value.clone());
        match name_in_v1(key, &event.event_type) {
            Some(name) => fields.insert(name.to_owned(), value),
            None => custom.insert(key.clone(), value),
        };
    }
    match event.event_type.as_str() {
        // A v2 sender need not name the deployment, but v1 readers expect a name.
        "CUSTOM_DEPLOYMENT" => {
            fields
                .entry("deploymentName")
                .or_insert_with(|| event.title.clone().into());
        }
        "CUSTOM_ANNOTATION" => {
            fields.insert("annotationType".into(), event.title.clone().into());
        }
        _ => {
            fields.insert("title".into(), event.title.clone().into());
        }
    }
    fields.insert("customProperties".into(), custom.into());
    fields
}

/// The properties of a v1 event, with the names of v2.
pub(super) fn properties(
    event_type: &str,
    fields: &Map<String, Value>,
    custom: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut properties = custom;
    let shared = SHARED.iter().copied();
    let plain = PLAIN.iter().map(|name| (*name, *name));
    let description = (description_in_v1(event_type), DESCRIPTION);
    for (name, key) in shared.chain(plain).chain([description]) {
        if let Some(value) = fields.get(name).and_then(Value::as_str) {
            properties.insert(key.to_owned(), value.to_owned());
        }
    }
    properties
}

fn name_in_v1(key: &str, event_type: &str) -> Option<&'static str> {
    if key == DESCRIPTION {
        return Some(description_in_v1(event_type));
    }
    let shared = SHARED.iter().find(|(_, property)| *property == key);
    shared
        .map(|(name, _)| *name)
        .or_else(|| PLAIN.into_iter().find(|name| *name == key))
}

fn description_in_v1(event_type: &str) -> &'static str {
    match event_type {
        "CUSTOM_ANNOTATION" => "annotationDescription",
        _ => "description",
    }
}

//! Which kinds of entities can be related, and how.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::ServiceError;
use super::topology::METHOD_OF;

/// From what, how, and to what.
const KNOWN: &[(&str, &str, &str)] = &[
    ("SERVICE", "calls", "SERVICE"),
    ("SERVICE", "runsOn", "PROCESS_GROUP"),
    (
        "SERVICE",
        "runsOnProcessGroupInstance",
        "PROCESS_GROUP_INSTANCE",
    ),
    ("SERVICE", "runsOnHost", "HOST"),
    ("SERVICE", "isServiceOf", "CLOUD_APPLICATION"),
    ("SERVICE", "listensOnQueue", "QUEUE"),
    ("SERVICE", "receivesFromQueue", "QUEUE"),
    ("SERVICE", "sendsToQueue", "QUEUE"),
    ("SERVICE", "indirectlyReceivesFromQueue", "QUEUE"),
    ("SERVICE", "indirectlySendsToQueue", "QUEUE"),
    ("SERVICE_METHOD", METHOD_OF, "SERVICE"),
    ("SERVICE_METHOD_GROUP", "isGroupOf", "SERVICE"),
    ("SERVICE_INSTANCE", "isInstanceOf", "SERVICE"),
    ("KUBERNETES_CLUSTER", "isClusterOfService", "SERVICE"),
    (
        "CLOUD_APPLICATION_NAMESPACE",
        "isNamespaceOfService",
        "SERVICE",
    ),
    ("APPLICATION", "calls", "SERVICE"),
    ("SYNTHETIC_TEST", "monitors", "APPLICATION"),
    ("PROCESS_GROUP", "runsOn", "HOST"),
    (
        "PROCESS_GROUP",
        "isNetworkClientOfProcessGroup",
        "PROCESS_GROUP",
    ),
    ("PROCESS_GROUP_INSTANCE", "isProcessOf", "HOST"),
    ("PROCESS_GROUP_INSTANCE", "isInstanceOf", "PROCESS_GROUP"),
    (
        "PROCESS_GROUP_INSTANCE",
        "isNetworkClientOf",
        "PROCESS_GROUP_INSTANCE",
    ),
    ("DATACENTER", "isSiteOf", "HOST"),
    ("HOST", "isNetworkClientOfHost", "HOST"),
];

/// Whether entities of one kind can be related to those of another like this.
pub(super) fn can_be(from: &str, name: &str, to: &str) -> bool {
    KNOWN.contains(&(from, name, to))
}

/// Describes a kind of entity.
pub(super) fn describe(kind: &str) -> Result<Value, ServiceError> {
    let mut from: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut to: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (source, name, target) in KNOWN {
        if *source == kind {
            from.entry(name).or_default().push(target);
        }
        if *target == kind {
            to.entry(name).or_default().push(source);
        }
    }
    if from.is_empty() && to.is_empty() {
        return Err(ServiceError::not_found(format!(
            "Entity type '{kind}' not found."
        )));
    }
    let list = |all: BTreeMap<&str, Vec<&str>>, ends: &str| -> Value {
        all.into_iter()
            .map(|(name, kinds)| json!({ "id": name, ends: kinds }))
            .collect()
    };
    Ok(json!({
        "type": kind,
        "displayName": kind,
        "dimensionKey": format!("dt.entity.{}", kind.to_lowercase()),
        "entityLimitExceeded": false,
        "properties": [],
        "tags": "List",
        "managementZones": "List",
        "fromRelationships": list(from, "toTypes"),
        "toRelationships": list(to, "fromTypes"),
    }))
}

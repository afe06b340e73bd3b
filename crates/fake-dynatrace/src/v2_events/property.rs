//! The property keys that mean something to the tenant itself.

use serde_json::{Value, json};

/// Key, whether a sender may write it, whether a selector may filter by it.
const RESERVED: [(&str, bool, bool); 13] = [
    ("dt.event.deployment.name", true, true),
    ("dt.event.deployment.version", true, true),
    ("dt.event.deployment.project", true, true),
    ("dt.event.deployment.ci_back_link", true, false),
    ("dt.event.deployment.remediation_action_link", true, false),
    ("dt.event.deployment.release_stage", true, true),
    ("dt.event.deployment.release_product", true, true),
    ("dt.event.deployment.release_build_version", true, true),
    ("dt.event.source", true, false),
    ("dt.event.description", true, false),
    ("dt.event.is_rootcause_relevant", true, false),
    ("dt.event.allow_davis_merge", true, false),
    ("dt.event.group_label", false, true),
];

/// Serves `GET /api/v2/eventProperties`.
pub(crate) fn list() -> Value {
    let properties: Vec<_> = RESERVED
        .iter()
        .map(|(key, writable, filterable)| {
            json!({
                "key": key,
                "displayName": key,
                "description": key,
                "writable": writable,
                "filterable": filterable,
            })
        })
        .collect();
    json!({ "totalCount": properties.len(), "eventProperties": properties })
}

pub(crate) fn is_filterable(key: &str) -> bool {
    RESERVED
        .iter()
        .any(|(name, _, filterable)| *name == key && *filterable)
}

/// Names of one's own must lie outside of `dt.`.
pub(super) fn is_writable(key: &str) -> bool {
    !key.starts_with("dt.")
        || RESERVED
            .iter()
            .any(|(name, writable, _)| *name == key && *writable)
}

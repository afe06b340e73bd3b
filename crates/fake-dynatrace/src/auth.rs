//! Who may call, and for what.

use axum::http::{HeaderMap, Method, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::ServiceError;
use super::faults;
use super::request::{Incoming, Query};
use super::state::State;

/// The path under which the platform serves the environment API. Only there is
/// a bearer token good for anything.
pub(super) const PLATFORM_PREFIX: [&str; 3] = ["platform", "classic", "environment-api"];

/// Which face of the tenant a call came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Door {
    Classic,
    Platform,
}

/// Lets a caller in who shows `token` in the way this door wants it.
pub(super) fn authenticate(
    door: Door,
    headers: &HeaderMap,
    query: &Query,
    token: &str,
) -> Result<(), ServiceError> {
    let scheme = match door {
        Door::Classic => "Api-Token",
        Door::Platform => "Bearer",
    };
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let in_header = shown.and_then(|value| value.split_once(' ')) == Some((scheme, token));
    let in_query = door == Door::Classic
        && shown.is_none()
        && query
            .pairs()
            .any(|(name, value)| is_token_parameter(name) && value == token);
    if in_header || in_query {
        Ok(())
    } else {
        Err(ServiceError::unauthorised())
    }
}

pub(super) fn is_token_parameter(name: &str) -> bool {
    name.eq_ignore_ascii_case("api-token")
}

/// What a token may do, for whoever shows it: all that this tenant has a call
/// for, but what is planned to be missing.
pub(super) fn lookup(state: &State, incoming: &Incoming<'_>) -> Result<Value, ServiceError> {
    #[derive(Deserialize)]
    struct Secret {
        token: String,
    }
    let shown: Secret = incoming.json()?;
    if shown.token != state.token {
        return Err(ServiceError::not_found(
            "The requested token does not exist.",
        ));
    }
    let missing: Vec<&str> = faults::missing_scopes(&state.faults).collect();
    let scopes: Vec<&str> = SCOPES
        .into_iter()
        .filter(|scope| !missing.contains(scope))
        .collect();
    Ok(json!({"name": "Lab", "enabled": true, "personalAccessToken": false, "scopes": scopes}))
}

const SCOPES: [&str; 7] = [
    "metrics.read",
    "entities.read",
    "events.ingest",
    "events.read",
    "problems.read",
    "problems.write",
    "DataExport",
];

/// The scope a call needs.
pub(super) fn scope_of(method: &Method, path: &[String]) -> Option<&'static str> {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["api", "v1", ..] => Some("DataExport"),
        ["api", "v2", "metrics", ..] => Some("metrics.read"),
        ["api", "v2", "entities" | "entityTypes", ..] => Some("entities.read"),
        ["api", "v2", "events", "ingest"] => Some("events.ingest"),
        ["api", "v2", "events" | "eventProperties", ..] => Some("events.read"),
        ["api", "v2", "problems", ..] if method == Method::GET => Some("problems.read"),
        ["api", "v2", "problems", ..] => Some("problems.write"),
        _ => None,
    }
}

//! One request as the controller reads it.

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::auth::Caller;

/// A request below the prefix, with decoded segments.
pub(super) struct Incoming<'a> {
    pub(super) method: &'a Method,
    pub(super) path: Vec<&'a str>,
    pub(super) query: &'a [(String, String)],
    pub(super) is_json: bool,
    pub(super) body: &'a [u8],
    pub(super) caller: &'a Caller,
}

impl Incoming<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body, which is an object or nothing.
    pub(super) fn json(&self) -> Result<Map<String, Value>, Refusal> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        if !self.is_json {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported media type in request.",
            ));
        }
        serde_json::from_slice(self.body)
            .map_err(|_| Refusal::bad(json!({"detail": "JSON parse error - not proper JSON"})))
    }
}

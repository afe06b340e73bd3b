//! The shape of every answer.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A call that was served.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: Option<String>,
    pub(super) body: Option<Value>,
}

/// A call that was turned down.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Value,
}

impl From<Value> for Answer {
    fn from(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            location: None,
            body: Some(body),
        }
    }
}

impl Answer {
    pub(super) fn created(location: String, body: Value) -> Self {
        Self {
            status: StatusCode::CREATED,
            location: Some(location),
            body: Some(body),
        }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            location: None,
            body: None,
        }
    }

    pub(super) fn moved(location: String) -> Self {
        Self {
            location: Some(location),
            ..Self::empty(StatusCode::MOVED_PERMANENTLY)
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => (self.status, Json(body)).into_response(),
            None => self.status.into_response(),
        };
        if let Some(location) = self.location {
            let value = location.parse().expect("paths are visible ASCII");
            response.headers_mut().insert("location", value);
        }
        response
    }
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: &str) -> Self {
        Self {
            status,
            body: json!({ "detail": detail }),
        }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found.")
    }

    pub(super) fn not_allowed(method: &str) -> Self {
        let text = format!("Method \"{method}\" not allowed.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, &text)
    }

    /// A launch or a filter that makes no sense, by the name of its field.
    pub(super) fn bad(body: Value) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            body,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

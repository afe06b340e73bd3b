//! The shape of every answer: JSON, or the error envelope both API versions share.

use axum::Json;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A call that was served.
pub(super) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Option<Value>,
}

/// A call that was turned down, with the reason the caller reads.
#[derive(Debug)]
pub(super) struct ServiceError {
    pub(super) status: StatusCode,
    pub(super) message: String,
    violations: Violations,
}

#[derive(Debug)]
enum Violations {
    Absent,
    Null,
    One {
        path: &'static str,
        message: String,
        location: &'static str,
    },
}

impl From<Value> for Answer {
    fn from(body: Value) -> Self {
        Self::with_headers(Vec::new(), body)
    }
}

impl Answer {
    pub(super) fn with_headers(headers: Vec<(HeaderName, String)>, body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            headers,
            body: Some(body),
        }
    }

    pub(super) fn created(body: Value) -> Self {
        Self {
            status: StatusCode::CREATED,
            ..body.into()
        }
    }

    /// A success without a single byte to parse.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => (self.status, Json(body)).into_response(),
            None => self.status.into_response(),
        };
        for (name, value) in self.headers {
            let value = value
                .parse()
                .expect("the tenant writes visible ASCII into its headers");
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl ServiceError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            violations: Violations::Absent,
        }
    }

    pub(super) fn unauthorised() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Token Authentication failed")
    }

    pub(super) fn missing_scope(scope: &str) -> Self {
        let title = match scope {
            "metrics.read" => "Read metrics",
            "entities.read" => "Read entities",
            "events.ingest" => "Ingest events",
            "events.read" => "Read events",
            "problems.read" => "Read problems",
            "problems.write" => "Write problems",
            "DataExport" => "Access problem and event feed, metrics, and topology",
            other => other,
        };
        let message = format!("Token is missing required scope. Use one of: {scope} ({title})");
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// A query parameter broke one of the documented constraints.
    pub(super) fn query(path: &'static str, message: impl Into<String>) -> Self {
        Self::violation(path, message, "QUERY")
    }

    /// A field of the request body broke one of the documented constraints.
    pub(super) fn payload(path: &'static str, message: impl Into<String>) -> Self {
        Self::violation(path, message, "PAYLOAD_BODY")
    }

    pub(super) fn throttled() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            message: "Too many requests.".to_owned(),
            violations: Violations::Null,
        }
    }

    fn violation(path: &'static str, message: impl Into<String>, location: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: "Constraints violated.".to_owned(),
            violations: Violations::One {
                path,
                message: message.into(),
                location,
            },
        }
    }
}

impl IntoResponse for ServiceError {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.status.as_u16(), "message": self.message });
        match self.violations {
            Violations::Absent => {}
            Violations::Null => error["constraintViolations"] = Value::Null,
            Violations::One {
                path,
                message,
                location,
            } => {
                error["constraintViolations"] = json!([{
                    "path": path,
                    "message": message,
                    "parameterLocation": location,
                    "location": null,
                }]);
            }
        }
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}

/// Whole numbers travel without a fraction, all others with one, so a client
/// that expects either alone is found out.
pub(super) fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the value is whole and below 2^53"
        )]
        return Value::from(value as i64);
    }
    Value::from(value)
}

//! What a refused request is told, as far as it can be read.

use reqwest::StatusCode;
use serde::Deserialize;

use crate::calls::Subject;
use crate::error::Error;
use crate::redact::excerpt;
use crate::tenant::Api;

/// Names a refusal by what the caller does next.
pub(crate) fn refusal(
    api: Api,
    subject: Subject,
    status: StatusCode,
    body: &[u8],
    token: &str,
) -> Error {
    let (sender, text) = match message(body) {
        Some(text) => (Sender::Dynatrace, text),
        None => (Sender::Unknown, String::from_utf8_lossy(body).into_owned()),
    };
    let text = match excerpt(&text, token) {
        text if text.is_empty() => "no reason given".to_owned(),
        text => text,
    };

    match status {
        StatusCode::UNAUTHORIZED => Error::Unauthorised(text),
        StatusCode::FORBIDDEN => Error::ScopeMissing(text),
        StatusCode::TOO_MANY_REQUESTS => Error::Throttled,
        StatusCode::GONE if api == Api::V1 => Error::ApiGone,
        StatusCode::NOT_FOUND => match (sender, api, subject) {
            (Sender::Dynatrace, _, Subject::Problems) => Error::UnknownProblem(text),
            (Sender::Dynatrace, Api::V2, Subject::Events) => Error::BadSelector(text),
            (Sender::Dynatrace, ..) => Error::UnknownMetric(text),
            (Sender::Unknown, Api::V1, _) => Error::ApiGone,
            (Sender::Unknown, Api::V2, _) => Error::malformed(format!(
                "there is no API at this address, check the tenant URL ({text})"
            )),
        },
        status if status.is_redirection() => redirected(),
        status if status.is_client_error() => Error::BadSelector(text),
        status => Error::unavailable(format!("status {status}: {text}")),
    }
}

/// An API never redirects; a login page, a proxy or a moved environment does.
/// Following would hand the token to whoever it points at.
pub(crate) fn redirected() -> Error {
    Error::malformed("it is a redirect, which is not followed; check the tenant URL")
}

/// Tells an answer of the API from one of something on the way to it.
#[derive(Clone, Copy)]
enum Sender {
    Dynatrace,
    Unknown,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Envelope {
    One { error: TenantRefusal },
    // Some platform endpoints answer with a list.
    Many(Vec<Envelope>),
}

#[derive(Deserialize)]
struct TenantRefusal {
    #[serde(default)]
    message: String,
    #[serde(default, rename = "constraintViolations")]
    violations: Option<Vec<Violation>>,
}

#[derive(Deserialize)]
struct Violation {
    path: Option<String>,
    message: Option<String>,
}

fn message(body: &[u8]) -> Option<String> {
    let mut envelope: Envelope = serde_json::from_slice(body).ok()?;
    let refusal = loop {
        match envelope {
            Envelope::One { error } => break error,
            Envelope::Many(list) => envelope = list.into_iter().next()?,
        }
    };
    let mut text = refusal.message;
    for violation in refusal.violations.into_iter().flatten() {
        let Some(message) = violation.message else {
            continue;
        };
        text.push(' ');
        if let Some(path) = violation.path {
            text.push_str(&path);
            text.push_str(": ");
        }
        text.push_str(&message);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(api: Api, status: u16, body: &str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        let body = body.as_bytes();
        refusal(api, Subject::Metrics, status, body, "opaque-token")
    }

    #[test]
    fn what_is_missing_is_named_by_what_was_asked_for() {
        let body = br#"{"error":{"code":404,"message":"not found"}}"#;
        let missing = |api, subject| refusal(api, subject, StatusCode::NOT_FOUND, body, "");

        for api in [Api::V1, Api::V2] {
            assert!(matches!(
                missing(api, Subject::Problems),
                Error::UnknownProblem(_)
            ));
        }
        assert!(matches!(
            missing(Api::V2, Subject::Events),
            Error::BadSelector(_)
        ));
    }

    #[test]
    fn constraint_violations_are_part_of_the_reason() {
        let error = refused(
            Api::V2,
            400,
            r#"{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[
                {"path":"metricSelector","message":"must not be null","parameterLocation":"QUERY","location":null}]}}"#,
        );

        assert_eq!(
            error.to_string(),
            "Dynatrace cannot evaluate the request: \
             Constraints violated. metricSelector: must not be null"
        );
    }

    #[test]
    fn null_violations_and_lists_of_errors_are_read() {
        let null = refused(
            Api::V2,
            403,
            r#"{"error":{"code":403,"message":"metrics.read is missing","constraintViolations":null}}"#,
        );
        let list = refused(
            Api::V2,
            403,
            r#"[{"error":{"code":403,"message":"first"}},{"error":{"code":403,"message":"second"}}]"#,
        );

        assert!(matches!(null, Error::ScopeMissing(text) if text == "metrics.read is missing"));
        assert!(matches!(list, Error::ScopeMissing(text) if text == "first"));
    }

    #[test]
    fn bodies_that_are_not_json_are_survived_and_redacted() {
        let error = refused(Api::V2, 401, "<html>opaque-token was refused</html>");

        assert!(matches!(error, Error::Unauthorised(text)
            if text == "<html>[redacted] was refused</html>"));
    }

    #[test]
    fn empty_bodies_leave_the_status() {
        let error = refused(Api::V2, 500, "");

        assert_eq!(
            error.to_string(),
            "Dynatrace gave no answer: status 500 Internal Server Error: \
             no reason given"
        );
    }

    #[test]
    fn a_missing_metric_is_told_from_a_missing_api() {
        let metric = r#"{"error":{"code":404,"message":"no metric `x`"}}"#;

        assert!(matches!(
            refused(Api::V2, 404, metric),
            Error::UnknownMetric(_)
        ));
        assert!(matches!(
            refused(Api::V2, 404, "<html>"),
            Error::Malformed { .. }
        ));
        assert!(matches!(refused(Api::V1, 404, ""), Error::ApiGone));
        assert!(matches!(refused(Api::V1, 410, metric), Error::ApiGone));
    }
}

//! Outcomes as answers of HTTP.

use jiff::Timestamp;
use lambda::http::{self, Reply, Request, Status};
use serde_json::{Value, json};
use workflows::validation_report::{
    Document, Found, Kind, Outcome, Request as Asked, Services, content_security_policy,
    unavailable,
};

/// The policy for what is no page: nothing is loaded, run or framed.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// Answers a reader, and tells the log what was answered. What was asked for
/// stays out of it: the address is what opens a report.
pub(crate) fn to(request: &Request, id: &str, outcome: Outcome) -> Value {
    let (Outcome::Shown(document)
    | Outcome::Nothing(document)
    | Outcome::UnknownKey(document)
    | Outcome::Unavailable(document, _)) = &outcome;
    let status = status(document.found).code();
    let document = match outcome {
        Outcome::Shown(document) => {
            tracing::info!(request.id = id, status, "Showed a report");
            document
        }
        Outcome::Nothing(document) | Outcome::UnknownKey(document) => {
            tracing::info!(request.id = id, status, "There was nothing to show");
            document
        }
        Outcome::Unavailable(document, error) => {
            tracing::error!(request.id = id, status, "Cannot show a report: {error:#}");
            document
        }
    };
    match reply(document).to(request) {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(request.id = id, status, "Cannot show a report: {error}");
            let told = "this is more than can be sent at once: ask for a shorter `timespan`, \
                        or accept gzip";
            http::answer(Status::TooLong, &json!({"error": told}))
        }
    }
}

fn status(found: Found) -> Status {
    match found {
        Found::Shown => Status::Done,
        Found::BadParameter => Status::Bad,
        Found::Closed => Status::Forbidden,
        Found::Nothing => Status::Nowhere,
        Found::Unavailable => Status::Unavailable,
    }
}

/// The outcome for a link that cannot be checked.
pub(crate) fn without_keys(
    services: &Services,
    asked: Asked<'_>,
    now: Timestamp,
    error: anyhow::Error,
) -> Outcome {
    Outcome::Unavailable(unavailable(services, asked, now), error)
}

fn reply(document: Document) -> Reply {
    let (content_type, policy) = match document.kind {
        Kind::Html => ("text/html; charset=utf-8", content_security_policy()),
        Kind::Json => ("application/json", NOTHING),
        Kind::Xml => ("application/xml; charset=utf-8", NOTHING),
        Kind::Svg => ("image/svg+xml; charset=utf-8", NOTHING),
    };
    let status = status(document.found);
    let mut headers = headers(content_type, policy, status);
    if let Some(next) = document.next {
        headers.push(("link", format!("<{next}>; rel=\"next\"")));
    }
    Reply {
        status,
        headers,
        body: document.body,
    }
}

fn headers(
    content_type: &'static str,
    policy: &'static str,
    status: Status,
) -> Vec<(&'static str, String)> {
    // What is good may be looked at again after asking; the rest is not kept.
    let cache = match status {
        Status::Done => "private, no-cache",
        _ => "private, no-store",
    };
    let headers = [
        ("content-type", content_type),
        ("content-security-policy", policy),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", cache),
    ];
    headers
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
}

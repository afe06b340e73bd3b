//! Outcomes as answers of HTTP, in the words of OFREP.

use flags::{BadContext, Unresolved};
use lambda::door::Refused;
use lambda::http::{Reply, Request, Status};
use serde_json::{Value, json};
use workflows::serve_flags::Outcome;

/// What a browser may send from any page: keys travel in headers, never in
/// cookies.
const MAY_SEND: &str = "authorization, content-type, if-none-match, x-api-key";

/// What a page may see of an answer.
const MAY_SEE: &str = "ETag, Retry-After";

/// Answers a question. Who asked, and what they are told, stays out of the log.
pub(crate) fn to(request: &Request, id: &str, served: anyhow::Result<Outcome>) -> Value {
    let outcome = match served {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::error!(request.id = id, "Cannot serve flags: {error:#}");
            let body = json!({"errorDetails": "the flags cannot be read; ask again"});
            return plain(Status::Defect, &body.to_string());
        }
    };
    match outcome {
        Outcome::One(evaluation) => {
            let status = match &evaluation.result {
                Ok(_) => Status::Done,
                Err(Unresolved::FlagNotFound { .. }) => Status::Nowhere,
                Err(Unresolved::TargetingKeyMissing(_) | Unresolved::General(_)) => Status::Bad,
            };
            plain(status, &evaluation.to_json().to_string())
        }
        Outcome::Many(many) => {
            let reply = Reply {
                status: Status::Done,
                headers: headers(Some(&many.etag)),
                body: many.body,
            };
            reply.to(request).unwrap_or_else(|error| {
                tracing::error!(request.id = id, "Cannot serve flags: {error}");
                let body = json!({"errorDetails": "the flags are more than can be sent at once"});
                plain(Status::Defect, &body.to_string())
            })
        }
        Outcome::Known { etag } => answered(Status::Known, headers(Some(&etag)), ""),
        Outcome::Bad { flag, why } => {
            let status = match why {
                BadContext::TooLarge(_) => Status::TooLong,
                BadContext::NotJson | BadContext::NoObject => Status::Bad,
            };
            plain(status, &Outcome::bad(flag.as_deref(), &why).to_string())
        }
        Outcome::Unknown => plain(Status::Unknown, ""),
        Outcome::Forbidden => plain(Status::Forbidden, ""),
        Outcome::NoSet => {
            let body = json!({"errorDetails": "there is no such set of flags"});
            plain(Status::Nowhere, &body.to_string())
        }
    }
}

/// What the door refuses, which a page may see too.
pub(crate) fn refused(refused: &Refused) -> Value {
    if let Refused::Key = refused {
        return plain(Status::Unknown, "");
    }
    let mut answer = refused.answer();
    for (name, value) in headers(None) {
        answer["headers"][name] = value.into();
    }
    answer
}

/// What a browser asks before it asks.
pub(crate) fn preflight() -> Value {
    let mut headers = headers(None);
    headers.extend([
        ("access-control-allow-methods", "POST".to_owned()),
        ("access-control-allow-headers", MAY_SEND.to_owned()),
        ("access-control-max-age", "7200".to_owned()),
    ]);
    answered(Status::Silent, headers, "")
}

fn plain(status: Status, body: &str) -> Value {
    answered(status, headers(None), body)
}

fn answered(status: Status, headers: Vec<(&'static str, String)>, body: &str) -> Value {
    let headers: serde_json::Map<String, Value> = headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({"statusCode": status.code(), "headers": headers, "body": body, "isBase64Encoded": false})
}

fn headers(etag: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("access-control-allow-origin", "*".to_owned()),
        ("access-control-expose-headers", MAY_SEE.to_owned()),
    ];
    match etag {
        Some(etag) => {
            headers.push(("etag", etag.to_owned()));
            headers.push(("cache-control", "private, no-cache".to_owned()));
        }
        None => headers.push(("cache-control", "no-store".to_owned())),
    }
    headers
}

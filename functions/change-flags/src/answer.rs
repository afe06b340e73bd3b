//! Outcomes as answers of HTTP.

use lambda::http::{Status, answer as response};
use serde_json::Value;
use workflows::change_flags::{Answer, Ended};

/// The answer, which the log is told of.
pub(crate) fn told(answer: &Answer, id: &str) -> Value {
    let status = status(answer.ended);
    for (flag, version) in &answer.made {
        tracing::info!(
            flag.name = flag,
            flag.version = version,
            "Changed flag `{flag}`: version {version}"
        );
    }
    if !matches!(answer.ended, Ended::Done | Ended::Begun) {
        tracing::warn!(
            request.id = id,
            status = status.code(),
            "Refused a request about flags"
        );
    }
    let mut response = response(status, &answer.body);
    if let Some(seconds) = answer.ended.retry_after() {
        response["headers"]["retry-after"] = seconds.to_string().into();
    }
    response
}

pub(crate) fn status(ended: Ended) -> Status {
    match ended {
        Ended::Done => Status::Done,
        Ended::Begun => Status::Begun,
        Ended::Bad => Status::Bad,
        Ended::Unknown => Status::Unknown,
        Ended::Forbidden => Status::Forbidden,
        Ended::Conflict => Status::Conflict,
        Ended::TooOften { .. } => Status::TooOften,
        Ended::Undeclared | Ended::NotTold | Ended::Waits => Status::Unavailable,
    }
}

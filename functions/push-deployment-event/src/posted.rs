//! One request over HTTP and its answer.

use anyhow::Context as _;
use lambda::Invocation;
use lambda::http::{self, BodyError};
use serde_json::{Value, json};
use workflows::push_deployment_event::Request;

use crate::event::LARGEST_BODY;
use crate::setup::Edge;
use crate::{push, report};

/// Whoever comes over HTTP shows the secret first.
pub(crate) async fn answer(
    edge: &Edge,
    asked: &http::Request,
    request: &str,
    invocation: Invocation,
) -> anyhow::Result<Value> {
    if !edge.door.admits(&edge.secrets, asked).await? {
        tracing::warn!("Refused a request that does not carry the secret");
        return Ok(refused(
            401,
            "send the secret in the header x-unbreakable-token, or as a bearer token",
        ));
    }
    if asked.method != "POST" {
        return Ok(refused(405, "send a POST request"));
    }
    let body = match asked.body(LARGEST_BODY) {
        Ok(body) => body,
        Err(error @ BodyError::TooLong { .. }) => return Ok(refused(413, &error.to_string())),
        Err(error @ BodyError::NotEncoded) => return Ok(refused(400, &error.to_string())),
    };
    let Ok(parameters) = std::str::from_utf8(&body) else {
        return Ok(refused(400, "the body is not UTF-8 text"));
    };
    let parameters = Request::Direct {
        parameters,
        request,
    };
    let outcome = push(edge, parameters, invocation)
        .await
        .context("cannot announce what was posted");
    Ok(report::over_http(outcome))
}

fn refused(status: u16, reason: &str) -> Value {
    http::answer(status, &json!({"announced": false, "reason": reason}))
}

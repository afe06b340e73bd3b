#![doc = include_str!("../README.md")]

mod answer;
mod keys;
mod setup;

use anyhow::anyhow;
use jiff::Timestamp;
use lambda::http::Request;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use workflows::validation_report::{Outcome, Request as Asked, Wants, validation_report};

use setup::Edge;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_logging();
    let edge = setup::edge().await?;

    lambda_runtime::run(service_fn(|event| handle(&edge, event))).await
}

async fn handle(edge: &Edge, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let invocation = Invocation::begin(&event.context);
    let request = Request::of(&event.payload)
        .ok_or_else(|| Failure::unusable(anyhow!("the event is no request of a front door")))?;
    if request.method != "GET" && request.method != "HEAD" {
        return Ok(answer::only_reading(&request));
    }
    let asked = Asked {
        path: &request.path,
        address: &request.address,
        parameters: &request.parameters,
        wants: wants(&request),
    };
    let outcome = match shown(edge, asked, invocation.now).await {
        Ok(outcome) => outcome,
        Err(error) => answer::without_keys(&edge.services, asked, invocation.now, error),
    };
    Ok(answer::to(&request, outcome))
}

/// What the reader may see, by keys as new as the link.
async fn shown(edge: &Edge, asked: Asked<'_>, now: Timestamp) -> anyhow::Result<Outcome> {
    let access = edge.keys.access().await?;
    let outcome = validation_report(&edge.services, &access, asked, now).await;
    if let Outcome::UnknownKey(_) = outcome
        && let Some(access) = edge.keys.access_anew().await
    {
        return Ok(validation_report(&edge.services, &access, asked, now).await);
    }
    Ok(outcome)
}

/// JSON for those who name it and no page.
fn wants(request: &Request) -> Wants {
    let names = |kind| request.header("accept").any(|accept| accept.contains(kind));
    if names("application/json") && !names("text/html") {
        Wants::Json
    } else {
        Wants::Page
    }
}

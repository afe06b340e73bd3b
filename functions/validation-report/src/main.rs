#![doc = include_str!("../README.md")]

mod answer;
mod keys;
mod setup;

use anyhow::anyhow;
use jiff::Timestamp;
use lambda::door::{self, Opens, Refused, Route, Takes, Visit};
use lambda::http::Request;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use workflows::validation_report::{
    ADDRESSES, Outcome, Page, Request as Asked, Shape, validation_report,
};

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
        .ok_or_else(|| Failure::unusable(anyhow!("the event is not an HTTP request")))?;
    let (page, name) = match door::enter(&routes(), None, &request).await {
        Ok(Visit { leads_to, name, .. }) => (Some(leads_to), name),
        Err(Refused::Nowhere) => (None, ""),
        Err(refused) => return Ok(refused.answer()),
    };
    let asked = Asked {
        page: page.map(|(page, _)| page),
        name,
        shape: page
            .and_then(|(_, shape)| shape)
            .unwrap_or_else(|| wished(&request)),
        address: &request.address,
        parameters: &request.parameters,
    };
    let outcome = match shown(edge, asked, invocation.now).await {
        Ok(outcome) => outcome,
        Err(error) => answer::without_keys(&edge.services, asked, invocation.now, error),
    };
    Ok(answer::to(&request, &event.context.request_id, outcome))
}

/// Pages are only read.
fn routes() -> [Route<(Page, Option<Shape>)>; ADDRESSES.len()] {
    ADDRESSES.map(|(path, page, shape)| Route {
        leads_to: (page, shape),
        path,
        methods: &["GET", "HEAD"],
        opens: Opens::Link,
        takes: Takes::Nothing,
    })
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
fn wished(request: &Request) -> Shape {
    let names = |kind| request.header("accept").any(|accept| accept.contains(kind));
    if names("application/json") && !names("text/html") {
        Shape::Json
    } else {
        Shape::Page
    }
}

#![doc = include_str!("../README.md")]

mod answer;
mod report;
mod requests;
mod restore;
mod setup;

use lambda::http::{Request, refuse_bare_body};
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use workflows::Tick;
use workflows::change_flags::{Observed, tick as work};

use setup::Edge;

/// What a request has and a schedule has not.
const REQUEST: [&str; 5] = ["flag", "flags", "value", "preset", "targetRate"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_logging();
    let edge = setup::edge().await?;

    lambda_runtime::run(service_fn(|event| handle(&edge, event))).await
}

async fn handle(edge: &Edge, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let invocation = Invocation::begin(&event.context);
    let tick = Tick {
        now: invocation.now,
        began: invocation.began,
        deadline: invocation.deadline,
        lease_until: invocation.lease_until,
    };
    if let Some(request) = Request::of(&event.payload) {
        return Ok(requests::answer(edge, &request, &event.context.request_id, tick).await);
    }
    refuse_bare_body(&event.payload, &REQUEST).map_err(Failure::unusable)?;
    let connect = async || edge.connect().await;
    let observe = |observed: Observed<'_>| report::tell(&observed, tick.now);
    let ticked = work(&edge.services, connect, tick, &observe).await?;
    if ticked.token_refused {
        edge.secrets.forget();
    }
    Ok(json!({"worked": ticked.looks.len(), "workLeft": ticked.work_left}))
}

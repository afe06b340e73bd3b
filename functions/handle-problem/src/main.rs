#![doc = include_str!("../README.md")]

mod report;
mod runbooks;
mod setup;
mod webhook;

use lambda::http::{Request, refuse_bare_body};
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use workflows::Tick;
use workflows::handle_problem::{Handled, Observed, handle_problems};

use setup::Edge;

/// What a notification has and a schedule has not.
const NOTIFICATION: [&str; 5] = ["PID", "ProblemID", "State", "ImpactedEntities", "eventBody"];

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
        let id = &event.context.request_id;
        return Ok(Box::pin(webhook::answer(edge, &request, id, tick)).await);
    }
    // Any other event makes the function tick; a notification without its
    // envelope must not be taken for one and be lost.
    refuse_bare_body(&event.payload, &NOTIFICATION).map_err(Failure::unusable)?;
    scheduled(edge, tick).await
}

async fn scheduled(edge: &Edge, tick: Tick) -> Result<Value, Failure> {
    let connect = async || edge.connect().await;
    let observe = |observed: Observed<'_>| report::tell(&observed, tick.now);
    let Handled { ticked, adopted } =
        Box::pin(handle_problems(&edge.services, connect, tick, &observe)).await?;
    if ticked.token_refused {
        edge.secrets.forget();
    }
    Ok(json!({
        "worked": ticked.looks.len(),
        "adopted": adopted,
        "workLeft": ticked.work_left,
    }))
}

#![doc = include_str!("../README.md")]

mod report;
mod setup;

use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use workflows::Tick;
use workflows::validate_builds::{Observed, validate_builds};

use setup::Edge;

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

    let connect = async || edge.connect(tick.now).await;
    let observe = |observed: Observed<'_>| report::tell(&observed, tick.now);
    let ticked = validate_builds(&edge.services, connect, tick, &observe).await?;
    if ticked.token_refused {
        edge.secrets.forget();
    }
    Ok(json!({"worked": ticked.looks.len(), "workLeft": ticked.work_left}))
}

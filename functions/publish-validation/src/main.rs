#![doc = include_str!("../README.md")]

mod report;
mod setup;

use anyhow::anyhow;
use delivery::job::Job;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use workflows::publish_validation::publish_validation;

use setup::Edge;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_logging();
    let edge = setup::edge().await?;

    lambda_runtime::run(service_fn(|event| handle(&edge, event))).await
}

/// Whatever happens, the job is answered in this invocation: CodePipeline waits
/// for a result, not for the invocation to return.
async fn handle(edge: &Edge, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let invocation = Invocation::begin(&event.context);
    let job = &event.payload["CodePipeline.job"];
    // Read on its own: a job can be answered even if nothing else is understood.
    let id = job["id"]
        .as_str()
        .ok_or_else(|| Failure::unusable(anyhow!("the event is no job of CodePipeline")))?;
    let outcome = match Job::read(job) {
        Ok(job) => {
            let connect = async || edge.links().await;
            let published = publish_validation(&edge.services, connect, &job, invocation.now);
            lambda::ended(Box::pin(published), invocation.deadline).await
        }
        Err(unreadable) => Err(unreadable.into()),
    };
    report::to_job(&edge.services.pipeline, id, outcome).await?;
    Ok(json!({}))
}

#![doc = include_str!("../README.md")]

mod report;
mod setup;

use delivery::job::Job;
use lambda::job::answer_job;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use workflows::publish_validation::publish_validation;

use setup::Edge;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_logging();
    let edge = setup::edge().await?;

    lambda_runtime::run(service_fn(|event| handle(&edge, event))).await
}

async fn handle(edge: &Edge, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let invocation = Invocation::begin(&event.context);
    let publish = async |job: &Job| {
        let connect = async || edge.links().await;
        publish_validation(&edge.services, connect, job, invocation.now).await
    };
    answer_job(
        &edge.services.pipeline,
        &event.payload["CodePipeline.job"],
        invocation.deadline,
        publish,
        report::to_job,
    )
    .await
}

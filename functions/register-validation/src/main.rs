#![doc = include_str!("../README.md")]

mod report;
mod setup;

use anyhow::anyhow;
use delivery::job::Job;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use workflows::register_validation::{Request, Services, register_validation};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_logging();
    let services = setup::services().await?;

    lambda_runtime::run(service_fn(|event| handle(&services, event))).await
}

async fn handle(services: &Services, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let invocation = Invocation::begin(&event.context);
    match event.payload.get("CodePipeline.job") {
        Some(job) => for_job(services, job, invocation).await,
        None => directly(services, &event.payload, invocation).await,
    }
}

/// Whatever happens, the job is answered in this invocation: CodePipeline waits
/// for a result, not for the invocation to return.
async fn for_job(
    services: &Services,
    job: &Value,
    invocation: Invocation,
) -> Result<Value, Failure> {
    // Read on its own: a job can be answered even if nothing else is understood.
    let id = job
        .get("id")
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::unusable(anyhow!("the event does not name its job")))?;
    let outcome = match Job::read(job) {
        Ok(job) => {
            let registered = register_validation(services, Request::Job(&job), invocation.now);
            lambda::ended(Box::pin(registered), invocation.deadline).await
        }
        Err(unreadable) => Err(unreadable.into()),
    };
    report::to_job(&services.pipeline, id, outcome).await?;
    Ok(json!({}))
}

/// A caller that waits for the answer gets it.
async fn directly(
    services: &Services,
    event: &Value,
    invocation: Invocation,
) -> Result<Value, Failure> {
    let outcome = register_validation(
        services,
        Request::Direct(&event.to_string()),
        invocation.now,
    )
    .await?;
    report::to_caller(outcome)
}

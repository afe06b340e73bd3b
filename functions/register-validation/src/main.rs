#![doc = include_str!("../README.md")]

mod report;
mod setup;

use delivery::job::Job;
use lambda::job::answer_job;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
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
        Some(job) => {
            let register = async |job: &Job| {
                register_validation(services, Request::Job(job), invocation.now).await
            };
            answer_job(
                &services.pipeline,
                job,
                invocation.deadline,
                register,
                report::to_job,
            )
            .await
        }
        None => directly(services, &event.payload, invocation).await,
    }
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

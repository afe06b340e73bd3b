#![doc = include_str!("../README.md")]

mod report;
mod setup;

use delivery::job::JobEvent;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use workflows::register_validation::{Request, Services, register_validation};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_logging();
    lambda::clients::install_tls();
    let services = setup::services().await?;

    lambda_runtime::run(service_fn(|event| handle(&services, event))).await
}

async fn handle(services: &Services, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let invocation = Invocation::begin(&event.context);
    if event.payload.get("CodePipeline.job").is_some() {
        for_job(services, event.payload, invocation).await
    } else {
        directly(services, &event.payload, invocation).await
    }
}

/// Whatever happens, the job is answered in this invocation: CodePipeline waits
/// for a result, not for the invocation to return.
async fn for_job(
    services: &Services,
    event: Value,
    invocation: Invocation,
) -> Result<Value, Failure> {
    let event: JobEvent = serde_json::from_value(event).map_err(|error| {
        Failure::unusable(anyhow::Error::from(error).context("the event is not a CodePipeline job"))
    })?;
    let job = event.job;
    let registered = Box::pin(register_validation(
        services,
        Request::Job(&job),
        invocation.now,
    ));
    let outcome = match tokio::time::timeout_at(invocation.deadline, registered).await {
        Ok(outcome) => outcome,
        Err(_) => Err(anyhow::anyhow!(
            "the function's time was over before the validation was stored"
        )),
    };
    report::to_job(&services.pipeline, &job.id, outcome).await?;
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

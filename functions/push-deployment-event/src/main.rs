#![doc = include_str!("../README.md")]

mod event;
mod report;
mod setup;

use anyhow::Context as _;
use delivery::job::{Job, JobFailure};
use lambda::http::{self, BodyError};
use lambda::job::answer_job;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use workflows::push_deployment_event::{Moment, Outcome, Request, push_deployment_event};

use event::{LARGEST_BODY, Trigger};
use setup::Edge;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_logging();
    let edge = setup::edge().await?;

    lambda_runtime::run(service_fn(|event| handle(&edge, event))).await
}

async fn handle(edge: &Edge, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let invocation = Invocation::begin(&event.context);
    let request = event.context.request_id.as_str();
    match event::read(&event.payload).map_err(Failure::unusable)? {
        Trigger::Job(job) => {
            let announce = async |job: &Job| push(edge, Request::Job(job), invocation).await;
            let pipeline = &edge.services.pipeline;
            answer_job(pipeline, job, invocation.deadline, announce, report::to_job).await
        }
        Trigger::Deployments(ids) => {
            for id in &ids {
                let outcome = push(edge, Request::Deployment(id), invocation).await?;
                report::to_caller(outcome)?;
            }
            Ok(json!({}))
        }
        Trigger::Http(asked) => Ok(over_http(edge, &asked, request, invocation).await?),
        Trigger::Nothing(reason) => {
            tracing::info!("Nothing to announce: {reason}");
            Ok(json!({"announced": false, "reason": reason}))
        }
        Trigger::Direct(parameters) => {
            let parameters = parameters.to_string();
            let asked = Request::Direct {
                parameters: &parameters,
                request,
            };
            report::to_caller(push(edge, asked, invocation).await?)
        }
    }
}

async fn push(
    edge: &Edge,
    request: Request<'_>,
    invocation: Invocation,
) -> anyhow::Result<Outcome> {
    let moment = Moment {
        now: invocation.now,
        deadline: invocation.deadline,
    };
    let connect = async || edge.connect().await;
    let pushed = push_deployment_event(&edge.services, connect, request, moment);
    let outcome = Box::pin(pushed).await?;
    if let Outcome::Refused(refusal) = &outcome
        && refusal.failure == JobFailure::Permission
    {
        edge.secrets.forget();
    }
    Ok(outcome)
}

/// Whoever comes over HTTP shows the secret first.
async fn over_http(
    edge: &Edge,
    asked: &http::Request,
    request: &str,
    invocation: Invocation,
) -> anyhow::Result<Value> {
    if !edge.door.admits(&edge.secrets, asked).await? {
        tracing::warn!("Refused a request that does not carry the secret");
        return Ok(refused(
            401,
            "send the secret in the header x-unbreakable-token, or as a bearer token",
        ));
    }
    if asked.method != "POST" {
        return Ok(refused(405, "send a POST request"));
    }
    let body = match asked.body(LARGEST_BODY) {
        Ok(body) => body,
        Err(error @ BodyError::TooLong { .. }) => return Ok(refused(413, &error.to_string())),
        Err(error @ BodyError::NotEncoded) => return Ok(refused(400, &error.to_string())),
    };
    let Ok(parameters) = std::str::from_utf8(&body) else {
        return Ok(refused(400, "the body is not UTF-8 text"));
    };
    let parameters = Request::Direct {
        parameters,
        request,
    };
    let outcome = push(edge, parameters, invocation)
        .await
        .context("cannot announce what was posted");
    Ok(report::over_http(outcome))
}

fn refused(status: u16, reason: &str) -> Value {
    http::answer(status, &json!({"announced": false, "reason": reason}))
}

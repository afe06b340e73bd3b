#![doc = include_str!("../README.md")]

mod event;
mod notices;
mod posted;
mod report;
mod setup;

use delivery::job::Job;
use lambda::job::answer_job;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use workflows::Corrects;
use workflows::push_deployment_event::{Moment, Outcome, Request, push_deployment_event};

use event::Trigger;
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
        Trigger::Deployments(notices) => notices::answer(edge, notices, invocation).await,
        Trigger::Http(asked) => Ok(posted::answer(edge, &asked, request, invocation).await),
        Trigger::Nothing(reason) => {
            tracing::info!(request.id = request, "Nothing to announce: {reason}");
            Ok(json!({"announced": false, "reason": reason}))
        }
        Trigger::Direct(parameters) => {
            let parameters = parameters.to_string();
            let asked = Request::Direct {
                parameters: &parameters,
                request,
            };
            report::to_caller(request, push(edge, asked, invocation).await?)
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
        && refusal.corrects == Corrects::Permission
    {
        edge.secrets.forget();
    }
    Ok(outcome)
}

#![doc = include_str!("../README.md")]

mod event;
mod notices;
mod report;
mod setup;

use anyhow::Context as _;
use delivery::job::Job;
use lambda::door::{self, Opens, Route, Takes};
use lambda::job::answer_job;
use lambda::{Failure, Invocation, http, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use workflows::Corrects;
use workflows::push_deployment_event::{Outcome, Request, push_deployment_event};

use event::{LARGEST_BODY, Trigger};
use setup::Edge;

const ROUTES: [Route<()>; 1] = [Route {
    leads_to: (),
    path: "*",
    methods: &["POST"],
    opens: Opens::Secret,
    takes: Takes::Json {
        longest: LARGEST_BODY,
    },
}];

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
        Trigger::Deployments(notices) => notices::answer(edge, notices, request, invocation).await,
        Trigger::Http(asked) => Ok(posted(edge, &asked, request, invocation).await),
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

/// Announces what was posted.
async fn posted(
    edge: &Edge,
    asked: &http::Request,
    request: &str,
    invocation: Invocation,
) -> Value {
    let visit = match door::enter(&ROUTES, Some(&edge.secrets), asked).await {
        Ok(visit) => visit,
        Err(refused) => return refused.answer(),
    };
    let asked = Request::Direct {
        parameters: &visit.body,
        request,
    };
    let outcome = push(edge, asked, invocation).await;
    report::over_http(request, outcome.context("cannot announce what was posted"))
}

async fn push(
    edge: &Edge,
    request: Request<'_>,
    Invocation { now, deadline, .. }: Invocation,
) -> anyhow::Result<Outcome> {
    let connect = async || edge.connect().await;
    let pushed = push_deployment_event(&edge.services, connect, request, now, deadline);
    let outcome = Box::pin(pushed).await?;
    if let Outcome::Refused(refusal) = &outcome
        && refusal.corrects == Corrects::Permission
    {
        edge.secrets.forget();
    }
    Ok(outcome)
}

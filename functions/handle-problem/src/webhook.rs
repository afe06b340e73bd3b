//! One notification and its answer, which is always JSON.

use lambda::door::{self, Opens, Route, Takes};
use lambda::http::{Request, Status, answer as response};
use release::problem::{Cause, Problem};
use release::remediation::State;
use release::runbook::Run;
use serde_json::{Value, json};
use workflows::Tick;
use workflows::handle_problem::{Notified, Observed, notified};
use workflows::work::Progress;

use crate::report;
use crate::setup::Edge;

/// A notification is a few kilobytes, with all details a few dozen.
const ROUTES: [Route<()>; 1] = [Route {
    leads_to: (),
    path: "*",
    methods: &["POST"],
    opens: Opens::Secret,
    takes: Takes::Json {
        longest: 256 * 1024,
    },
}];

/// Answers a request. If something is wrong, the answer says what to do about it.
pub(crate) async fn answer(edge: &Edge, request: &Request, id: &str, tick: Tick) -> Value {
    let body = match door::enter(&ROUTES, Some(&edge.secrets), request).await {
        Ok(visit) => visit.body,
        Err(refused) => return refused.answer(),
    };
    let connect = async || edge.connect().await;
    let observe = |observed: Observed<'_>| report::tell(&observed, tick.now);
    match notified(&edge.services, connect, body.as_bytes(), tick, &observe).await {
        Ok(Notified::Unusable(unusable)) => {
            tracing::warn!(request.id = id, "A notification cannot be used: {unusable}");
            response(Status::Bad, &json!({"error": unusable.to_string()}))
        }
        Ok(Notified::Ignored(reason)) => {
            tracing::info!(request.id = id, "A notification is ignored: {reason}");
            response(Status::Done, &json!({"state": "ignored", "reason": reason}))
        }
        Ok(Notified::Stored(problem)) => response(Status::Done, &told(&problem, None)),
        Ok(Notified::Worked(left)) => {
            if left.token_refused {
                edge.secrets.forget();
            }
            response(
                Status::Done,
                &told(&left.about.problem, Some(&left.progress)),
            )
        }
        Err(error) => broken(id, &error),
    }
}

/// The sender may try again; who runs this must look.
fn broken(id: &str, error: &anyhow::Error) -> Value {
    tracing::error!(
        request.id = id,
        "A notification could not be stored: {error:#}"
    );
    response(
        Status::Unavailable,
        &json!({"error": "the notification could not be stored; send it again"}),
    )
}

fn told(problem: &Problem, progress: Option<&Progress>) -> Value {
    let remediations: Vec<Value> = problem
        .remediations
        .iter()
        .map(|remediation| {
            json!({
                "group": remediation.culprit.place().to_string(),
                "culprit": remediation.culprit.id(),
                "state": remediation.state.word(),
                "deployment": deployment(&remediation.state),
            })
        })
        .collect();
    let runs: Vec<Value> = problem.runs.iter().map(run).collect();
    let reason = match progress {
        Some(Progress::Deferred { waiting_for, .. }) => Some(format!("waiting for {waiting_for}")),
        _ => reason(&problem.cause).map(str::to_owned),
    };
    json!({
        "problem": problem.id,
        "state": problem.word(),
        "reason": reason,
        "remediations": remediations,
        "runs": runs,
    })
}

fn run(run: &Run) -> Value {
    json!({
        "run": run.id,
        "runbook": run.runbook.alias,
        "change": run.cause.id,
        "state": run.state.word(),
    })
}

fn reason(cause: &Cause) -> Option<&'static str> {
    match cause {
        Cause::NotProduction => Some("no affected entity has the tag of production"),
        Cause::NothingChanged => Some("nothing was deployed shortly before the problem"),
        Cause::Over => Some("the problem was over before anything was done"),
        Cause::TooManyPlaces { .. } => Some("more groups would have to change than is allowed"),
        Cause::Ambiguous { .. } => Some("either of two deployments may be to blame"),
        Cause::Pending | Cause::Test | Cause::Blamed | Cause::GaveUp => None,
    }
}

fn deployment(state: &State) -> Option<&str> {
    match state {
        State::UnderWay { deployment, .. }
        | State::Healed { deployment, .. }
        | State::Confirmed { deployment, .. }
        | State::Unconfirmed { deployment, .. } => Some(deployment),
        State::HealFailed { deployment, .. } | State::GaveUp { deployment, .. } => {
            deployment.as_deref()
        }
        _ => None,
    }
}

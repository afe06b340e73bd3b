//! One notification and its answer, which is always JSON.

use lambda::http::{BodyError, Request, answer as response};
use release::problem::{Finding, Problem};
use release::remediation::State;
use serde_json::{Value, json};
use workflows::Tick;
use workflows::handle_problem::{Notified, Observed, Progress, notified};

use crate::report;
use crate::setup::Edge;

/// The longest body that is read. A notification is a few kilobytes, with all
/// details a few dozen.
const LONGEST_BODY: usize = 256 * 1024;

/// Answers a request. Whatever is wrong, the sender hears what to do about it.
pub(crate) async fn answer(edge: &Edge, request: &Request, tick: Tick) -> Value {
    if request.method != "POST" {
        return refused(405, "send the notification with POST");
    }
    match edge.door.admits(&edge.secrets, request).await {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!("A notification without a valid secret was refused");
            return refused(
                401,
                "add the header `x-unbreakable-token` with the secret of the webhook",
            );
        }
        Err(error) => return broken(&error.context("cannot check who sends the notification")),
    }
    let body = match request.body(LONGEST_BODY) {
        Ok(body) => body,
        Err(error @ BodyError::TooLong { .. }) => return refused(413, &error.to_string()),
        Err(error @ BodyError::NotEncoded) => return refused(400, &error.to_string()),
    };
    let connect = async || edge.connect().await;
    let observe = |observed: Observed<'_>| report::tell(&observed, tick.now);
    match notified(&edge.services, connect, &body, tick, &observe).await {
        Ok(Notified::Unusable(unusable)) => {
            tracing::warn!("A notification cannot be used: {unusable}");
            refused(400, &unusable.to_string())
        }
        Ok(Notified::Ignored(reason)) => {
            tracing::info!("A notification is ignored: {reason}");
            response(200, &json!({"state": "ignored", "reason": reason}))
        }
        Ok(Notified::Stored(problem)) => response(200, &told(&problem, None)),
        Ok(Notified::Worked(left)) => {
            if left.token_refused {
                edge.secrets.forget();
            }
            response(200, &told(&left.problem, Some(&left.progress)))
        }
        Err(error) => broken(&error.context("the notification could not be stored")),
    }
}

fn refused(status: u16, what: &str) -> Value {
    response(status, &json!({"error": what}))
}

/// The sender may try again; who runs this must look.
fn broken(error: &anyhow::Error) -> Value {
    tracing::error!("A notification could not be taken in: {error:#}");
    response(
        503,
        &json!({"error": "the notification could not be stored; send it again"}),
    )
}

fn told(problem: &Problem, progress: Option<&Progress>) -> Value {
    let remediations: Vec<Value> = problem
        .remediations
        .iter()
        .map(|remediation| {
            json!({
                "group": remediation.culprit.group.to_string(),
                "culprit": remediation.culprit.id,
                "state": remediation.state.word(),
                "deployment": deployment(&remediation.state),
            })
        })
        .collect();
    let reason = match progress {
        Some(Progress::Deferred { waiting_for, .. }) => Some(format!("waiting for {waiting_for}")),
        _ => reason(&problem.finding).map(str::to_owned),
    };
    json!({
        "problem": problem.id,
        "state": problem.word(),
        "reason": reason,
        "remediations": remediations,
    })
}

fn reason(finding: &Finding) -> Option<&'static str> {
    match finding {
        Finding::NotProduction => Some("no affected entity carries the tag of production"),
        Finding::NothingDeployed => Some("nothing was deployed shortly before the problem"),
        Finding::Over => Some("the problem was over before anything was done"),
        Finding::TooManyGroups { .. } => Some("more groups would have to change than is allowed"),
        Finding::Ambiguous { .. } => Some("either of two deployments may be to blame"),
        Finding::Pending | Finding::Test | Finding::Blamed | Finding::GaveUp => None,
    }
}

fn deployment(state: &State) -> Option<&str> {
    match state {
        State::Deploying { deployment, .. }
        | State::Healed { deployment, .. }
        | State::Confirmed { deployment, .. }
        | State::Unconfirmed { deployment, .. } => Some(deployment),
        State::HealFailed { deployment, .. } | State::GaveUp { deployment, .. } => {
            deployment.as_deref()
        }
        _ => None,
    }
}

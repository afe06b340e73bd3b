//! Outcomes as answers to the caller.

use anyhow::anyhow;
use delivery::job::Answer;
use lambda::Failure;
use lambda::door::Refused;
use lambda::http::{self, Status};
use serde_json::{Value, json};
use workflows::push_deployment_event::{Announcement, Outcome};
use workflows::{Corrects, Refusal};

/// The result of the job.
pub(crate) fn to_job(job: &str, outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Announced(announcement) => {
            told(job, &announcement);
            Answer::done(in_words(&announcement))
        }
        Outcome::Later { token, missing } => {
            let missing = missing.join("; ");
            tracing::info!(
                job.id = job,
                "Job `{job}` is continued until entities are there: {missing}"
            );
            let summary = format!("Waiting: {missing}").chars().take(500).collect();
            Answer::Later { summary, token }
        }
        Outcome::NotNeeded(reason) => {
            tracing::info!(job.id = job, "Nothing to announce: {reason}");
            Answer::done(format!("Nothing announced: {reason}."))
        }
        Outcome::Unattached(missing) => Answer::misconfigured(missing.join("; ")),
        Outcome::Refused(refusal) => {
            tracing::warn!(job.id = job, "Refused job `{job}`: {}", refusal.text);
            refusal.into()
        }
    }
}

/// Answers a direct call. Whatever is not there is an error of the call, so that
/// an asynchronous one is made again and ends on the failure destination.
pub(crate) fn to_caller(request: &str, outcome: Outcome) -> Result<Value, Failure> {
    answered(request, outcome).map_err(|(status, text)| match status {
        Status::Nowhere => Failure::from(anyhow!(text)),
        _ => Failure::unusable(anyhow!(text)),
    })
}

/// Answers a request over HTTP.
pub(crate) fn over_http(request: &str, outcome: anyhow::Result<Outcome>) -> Value {
    match outcome.map(|outcome| answered(request, outcome)) {
        Ok(Ok(answer)) => http::answer(Status::Done, &answer),
        Ok(Err((status, text))) => http::answer(status, &json!({"error": text})),
        Err(error) => {
            tracing::error!(request.id = request, "Cannot announce: {error:#}");
            Refused::Broken.answer()
        }
    }
}

/// What a caller is told, or why not.
fn answered(request: &str, outcome: Outcome) -> Result<Value, (Status, String)> {
    match outcome {
        Outcome::Announced(announcement) => {
            told(request, &announcement);
            Ok(json!({
                "announced": true,
                "eventType": announcement.kind.name(),
                "deployments": announcement.deployments,
                "entities": announcement.have_it,
            }))
        }
        Outcome::NotNeeded(reason) => Ok(nothing(request, &reason)),
        Outcome::Unattached(missing) | Outcome::Later { missing, .. } => {
            let missing = missing.join("; ");
            let text = format!("not all entities have the event yet: {missing}");
            Err((Status::Nowhere, text))
        }
        Outcome::Refused(Refusal { corrects, text }) => match corrects {
            Corrects::Configuration => Err((Status::Bad, text)),
            Corrects::Permission => Err((Status::Upstream, text)),
        },
    }
}

/// The answer where nothing is announced, and that is right.
pub(crate) fn nothing(request: &str, reason: &str) -> Value {
    tracing::info!(request.id = request, "Nothing to announce: {reason}");
    json!({"announced": false, "reason": reason})
}

/// `request` is the job, the deployment or the call.
fn told(request: &str, announcement: &Announcement) {
    let Announcement {
        kind,
        deployments,
        have_it,
        missing,
        ..
    } = announcement;
    let kind = kind.name();
    let deployments = deployments.join(", ");
    if missing.is_empty() {
        tracing::info!(
            request.id = request,
            deployment.id = deployments,
            event.kind = kind,
            entities = have_it,
            "Announced {kind} on {}",
            entities(*have_it)
        );
    } else {
        tracing::warn!(
            request.id = request,
            deployment.id = deployments,
            event.kind = kind,
            entities = have_it,
            "Announced {kind} on {}, not on all: {}",
            entities(*have_it),
            missing.join("; ")
        );
    }
}

fn entities(number: usize) -> String {
    match number {
        1 => "1 entity".to_owned(),
        _ => format!("{number} entities"),
    }
}

fn in_words(announcement: &Announcement) -> String {
    let mut text = format!(
        "{} announced on {}.",
        announcement.kind.name(),
        entities(announcement.have_it)
    );
    if !announcement.is_sure {
        text.push_str(
            " It is unknown which of the groups is behind them, so none is linked to them; set \
             DEPLOYMENT_GROUPS to name it.",
        );
    }
    if !announcement.missing.is_empty() {
        text.push_str(" Not on all: ");
        text.push_str(&announcement.missing.join("; "));
    }
    text.chars().take(2_000).collect()
}

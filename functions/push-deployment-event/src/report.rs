//! Telling whoever waits, exactly once on every path.

use anyhow::{Context as _, anyhow};
use delivery::CodePipeline;
use delivery::job::{JobFailure, Reported};
use lambda::{Failure, http};
use serde_json::{Value, json};
use workflows::Refusal;
use workflows::push_deployment_event::{Announcement, Outcome};

/// Tells the job what became of it. A fault is told too: the action fails at
/// once with a reason instead of hanging until it times out.
pub(crate) async fn to_job(
    pipeline: &CodePipeline,
    job: &str,
    outcome: anyhow::Result<Outcome>,
) -> Result<(), Failure> {
    let reported = match outcome {
        Ok(Outcome::Announced(announcement)) => {
            told(&announcement);
            pipeline.succeed(job, &in_words(&announcement)).await
        }
        Ok(Outcome::Later { token, missing }) => {
            let missing = missing.join("; ");
            tracing::info!(
                job.id = job,
                "Job `{job}` is continued until entities are there: {missing}"
            );
            let summary: String = format!("Waiting: {missing}").chars().take(500).collect();
            pipeline.continue_later(job, &summary, &token).await
        }
        Ok(Outcome::NotNeeded(reason)) => {
            tracing::info!(job.id = job, "Nothing to announce: {reason}");
            pipeline
                .succeed(job, &format!("Nothing announced: {reason}."))
                .await
        }
        Ok(Outcome::Unattached { missing, .. }) => {
            let missing = missing.join("; ");
            pipeline
                .fail(job, JobFailure::Configuration, &missing)
                .await
        }
        Ok(Outcome::Refused(Refusal { failure, text })) => {
            tracing::warn!(job.id = job, "Refused job `{job}`: {text}");
            pipeline.fail(job, failure, &text).await
        }
        Err(error) => {
            tracing::error!(job.id = job, "Job `{job}` failed: {error:#}");
            pipeline
                .fail(job, JobFailure::Unavailable, &format!("{error:#}"))
                .await
        }
    };
    if reported.context("cannot report the result of the job")? == Reported::NobodyWaits {
        tracing::warn!(
            job.id = job,
            "Job `{job}` had its result already or has timed out"
        );
    }
    Ok(())
}

/// Answers a direct call. Whatever is not there is an error of the call, so that
/// an asynchronous one is made again and ends on the failure destination.
pub(crate) fn to_caller(outcome: Outcome) -> Result<Value, Failure> {
    match outcome {
        Outcome::Announced(announcement) => {
            told(&announcement);
            Ok(as_json(&announcement))
        }
        Outcome::NotNeeded(reason) => {
            tracing::info!("Nothing to announce: {reason}");
            Ok(json!({"announced": false, "reason": reason}))
        }
        Outcome::Unattached { missing, .. } | Outcome::Later { missing, .. } => {
            Err(Failure::from(anyhow!(unattached(&missing))))
        }
        Outcome::Refused(Refusal { text, .. }) => Err(Failure::unusable(anyhow!(text))),
    }
}

/// Answers a request over HTTP.
pub(crate) fn over_http(outcome: anyhow::Result<Outcome>) -> Value {
    let refused =
        |status, reason: &str| http::answer(status, &json!({"announced": false, "reason": reason}));
    match outcome {
        Ok(Outcome::Announced(announcement)) => {
            told(&announcement);
            http::answer(200, &as_json(&announcement))
        }
        Ok(Outcome::NotNeeded(reason)) => refused(200, &reason),
        Ok(Outcome::Unattached { missing, .. } | Outcome::Later { missing, .. }) => {
            refused(404, &unattached(&missing))
        }
        Ok(Outcome::Refused(Refusal { text, failure })) => match failure {
            JobFailure::Configuration => refused(400, &text),
            JobFailure::Permission | JobFailure::Unavailable | JobFailure::Result => {
                refused(502, &text)
            }
        },
        Err(error) => {
            tracing::error!("Cannot announce: {error:#}");
            refused(
                503,
                "something this function depends on is broken; send it again later",
            )
        }
    }
}

fn told(announcement: &Announcement) {
    let Announcement {
        kind,
        deployments,
        have_it,
        missing,
    } = announcement;
    let kind = kind.name();
    let deployments = deployments.join(", ");
    if missing.is_empty() {
        tracing::info!(
            deployment.id = deployments,
            event.kind = kind,
            entities = have_it,
            "Announced {kind} on {have_it} entities"
        );
    } else {
        tracing::warn!(
            deployment.id = deployments,
            event.kind = kind,
            entities = have_it,
            "Announced {kind} on {have_it} entities, not on all: {}",
            missing.join("; ")
        );
    }
}

fn in_words(announcement: &Announcement) -> String {
    let mut text = format!(
        "{} announced on {} entities.",
        announcement.kind.name(),
        announcement.have_it
    );
    if !announcement.missing.is_empty() {
        text.push_str(" Not on all: ");
        text.push_str(&announcement.missing.join("; "));
    }
    text.chars().take(2_000).collect()
}

fn as_json(announcement: &Announcement) -> Value {
    json!({
        "announced": true,
        "eventType": announcement.kind.name(),
        "deployments": announcement.deployments,
        "entities": announcement.have_it,
    })
}

fn unattached(missing: &[String]) -> String {
    format!("not everybody could be told yet: {}", missing.join("; "))
}

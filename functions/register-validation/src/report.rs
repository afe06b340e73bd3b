//! Telling whoever waits, exactly once on every path.

use anyhow::Context as _;
use delivery::CodePipeline;
use delivery::job::{JobFailure, Reported};
use lambda::Failure;
use serde_json::{Value, json};
use workflows::Refusal;
use workflows::register_validation::Outcome;

/// Tells the job what became of it. A fault is told too: the action fails at
/// once with a reason instead of hanging until it times out.
pub(crate) async fn to_job(
    pipeline: &CodePipeline,
    job: &str,
    outcome: anyhow::Result<Outcome>,
) -> Result<(), Failure> {
    let reported = match outcome {
        Ok(Outcome::Waiting {
            id,
            due_at,
            already,
        }) => {
            tracing::info!(
                job.id = job,
                validation.id = %id,
                due_at = due_at.map(tracing::field::display),
                already,
                "Validation `{id}` is waiting"
            );
            pipeline
                .succeed(job, &format!("Validation {id} is registered."))
                .await
        }
        Ok(Outcome::NotNeeded(reason)) => {
            tracing::info!(
                job.id = job,
                "Nothing to register for job `{job}`: {reason}"
            );
            pipeline
                .succeed(job, &format!("Nothing registered: {reason}."))
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

/// Answers a direct call; a refusal is an error of the call.
pub(crate) fn to_caller(outcome: Outcome) -> Result<Value, Failure> {
    match outcome {
        Outcome::Waiting { id, due_at, .. } => {
            let due = due_at.map(tracing::field::display);
            tracing::info!(validation.id = %id, due_at = due, "Validation `{id}` is waiting");
            Ok(json!({"validation": id, "dueAt": due_at}))
        }
        Outcome::NotNeeded(reason) => Ok(json!({"validation": null, "reason": reason})),
        Outcome::Refused(Refusal { text, .. }) => Err(Failure::unusable(anyhow::anyhow!(text))),
    }
}

//! Telling whoever waits, exactly once on every path.

use anyhow::Context as _;
use delivery::CodePipeline;
use delivery::job::{JobFailure, Reported};
use lambda::Failure;
use workflows::Refusal;
use workflows::publish_validation::{Outcome, Published};

/// Tells the job what became of it. A fault is told too: the action fails at
/// once with a reason instead of hanging until it times out.
pub(crate) async fn to_job(
    pipeline: &CodePipeline,
    job: &str,
    outcome: anyhow::Result<Outcome>,
) -> Result<(), Failure> {
    let reported = match outcome {
        Ok(Outcome::Later { token, waiting_for }) => {
            tracing::info!(job.id = job, "Job `{job}` is continued: {waiting_for}");
            let summary = format!("Waiting: {waiting_for}.");
            pipeline.continue_later(job, &summary, &token).await
        }
        Ok(Outcome::Published(published)) => {
            line(job, &published);
            pipeline
                .succeed_with(job, &published.summary, &variables(&published))
                .await
        }
        Ok(Outcome::Stopped(published)) => {
            line(job, &published);
            pipeline
                .fail(job, JobFailure::Result, &published.summary)
                .await
        }
        Ok(Outcome::GaveUp(reason)) => {
            tracing::warn!(job.id = job, "Job `{job}` gave up: {reason}");
            pipeline.fail(job, JobFailure::Result, &reason).await
        }
        Ok(Outcome::NotNeeded(reason)) => {
            tracing::info!(job.id = job, "Nothing to publish for job `{job}`: {reason}");
            pipeline
                .succeed(job, &format!("Nothing published: {reason}."))
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

/// What later actions and rules of the pipeline may read.
fn variables(published: &Published) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("verdict", published.verdict.to_string()),
        ("violations", published.violations.to_string()),
    ];
    variables.extend(published.report.clone().map(|report| ("reportUrl", report)));
    variables
}

fn line(job: &str, published: &Published) {
    let Published {
        id,
        verdict,
        violations,
        ..
    } = published;
    tracing::info!(
        job.id = job,
        validation.id = %id,
        verdict = %verdict,
        violations,
        "Published what led to the verdict of validation `{id}`"
    );
}

//! Outcomes as answers to the caller.

use std::collections::HashMap;

use delivery::job::{Answer, JobFailure};
use workflows::publish_validation::{Outcome, Published};

/// The result of the job.
pub(crate) fn to_job(job: &str, outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Later { token, waiting_for } => {
            tracing::info!(job.id = job, "Job `{job}` is continued: {waiting_for}");
            Answer::Later {
                summary: format!("Waiting: {waiting_for}."),
                token,
            }
        }
        Outcome::Published(published) => {
            line(job, &published);
            Answer::Done {
                variables: variables(&published),
                summary: published.summary,
            }
        }
        Outcome::Stopped(published) => {
            line(job, &published);
            Answer::Failed {
                failure: JobFailure::Result,
                message: published.summary,
            }
        }
        Outcome::GaveUp(message) => {
            tracing::warn!(job.id = job, "Job `{job}` gave up: {message}");
            Answer::Failed {
                failure: JobFailure::Result,
                message,
            }
        }
        Outcome::NotNeeded(reason) => {
            tracing::info!(job.id = job, "Nothing to publish for job `{job}`: {reason}");
            Answer::done(format!("Nothing published: {reason}."))
        }
        Outcome::Refused(refusal) => {
            tracing::warn!(job.id = job, "Refused job `{job}`: {}", refusal.text);
            refusal.into()
        }
    }
}

/// What later actions and rules of the pipeline may read.
fn variables(published: &Published) -> HashMap<String, String> {
    let told = [
        ("verdict", Some(published.verdict.to_string())),
        ("violations", Some(published.violations.to_string())),
        ("reportUrl", published.report.clone()),
    ];
    let told = told
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    told.collect()
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

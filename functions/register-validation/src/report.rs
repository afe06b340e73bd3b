//! Outcomes as answers to the caller.

use delivery::job::Answer;
use lambda::Failure;
use serde_json::{Value, json};
use workflows::Refusal;
use workflows::register_validation::Outcome;

/// The result of the job.
pub(crate) fn to_job(job: &str, outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Waiting {
            id,
            due_at,
            already,
        } => {
            tracing::info!(
                job.id = job,
                validation.id = %id,
                due_at = due_at.map(tracing::field::display),
                already,
                "Validation `{id}` is waiting"
            );
            Answer::done(format!("Validation {id} is registered."))
        }
        Outcome::NotNeeded(reason) => {
            tracing::info!(
                job.id = job,
                "Nothing to register for job `{job}`: {reason}"
            );
            Answer::done(format!("Nothing registered: {reason}."))
        }
        Outcome::Refused(refusal) => {
            tracing::warn!(job.id = job, "Refused job `{job}`: {}", refusal.text);
            refusal.into()
        }
    }
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

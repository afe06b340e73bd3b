//! The job of a pipeline, which is answered whatever happens.

use std::panic::AssertUnwindSafe;

use anyhow::{Context as _, anyhow};
use delivery::CodePipeline;
use delivery::job::{Answer, Job, JobFailure, Reported};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Failure;

/// Does what a job asks for, and tells CodePipeline what became of it.
///
/// CodePipeline waits for a result, not for the invocation to return: a fault,
/// a panic and a deadline that passes are told too, so that the action fails at
/// once with a reason instead of hanging until it times out.
pub async fn answer_job<T>(
    pipeline: &CodePipeline,
    job: &Value,
    deadline: Instant,
    work: impl AsyncFnOnce(&Job) -> anyhow::Result<T>,
    answer: impl FnOnce(&str, T) -> Answer,
) -> Result<Value, Failure> {
    // Read on its own: a job can be answered even if nothing else is understood.
    let id = job
        .get("id")
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::unusable(anyhow!("the event does not name its job")))?;
    let outcome = match Job::read(job) {
        Ok(job) => ended(Box::pin(work(&job)), deadline).await,
        Err(unreadable) => Err(unreadable.into()),
    };
    let answer = match outcome {
        Ok(outcome) => answer(id, outcome),
        Err(error) => {
            tracing::error!(job.id = id, "Job `{id}` failed: {error:#}");
            Answer::Failed {
                failure: JobFailure::Unavailable,
                message: format!("{error:#}"),
            }
        }
    };
    let reported = pipeline.report(id, answer).await;
    if reported.context("cannot report the result of the job")? == Reported::NobodyWaits {
        tracing::warn!(
            job.id = id,
            "Job `{id}` had its result already or has timed out"
        );
    }
    Ok(json!({}))
}

/// What the work came to, a fault if it ended in a panic or not in time.
pub async fn ended<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    deadline: Instant,
) -> anyhow::Result<T> {
    // Whatever the panic left behind belongs to this work and goes with it.
    let work = AssertUnwindSafe(work).catch_unwind();
    match tokio::time::timeout_at(deadline, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(anyhow!(
            "a defect of the function stopped its work; its log shows where"
        )),
        Err(_) => Err(anyhow!("the function timed out before its work was done")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[tokio::test]
    async fn panic_is_a_fault_like_any_other() {
        let work = async {
            let nothing: &[u8] = &[];
            anyhow::Ok(*nothing.first().expect("the secret of a panic"))
        };

        let fault = ended(work, later()).await.unwrap_err().to_string();

        assert!(fault.starts_with("a defect of the function"), "{fault}");
        assert!(!fault.contains("secret"), "{fault}");
    }

    #[tokio::test]
    async fn work_that_is_late_is_a_fault() {
        let work = std::future::pending::<anyhow::Result<()>>();

        let fault = ended(work, Instant::now()).await.unwrap_err().to_string();

        assert!(fault.contains("timed out"), "{fault}");
    }

    #[tokio::test]
    async fn outcome_of_the_work_is_kept() {
        assert_eq!(ended(async { Ok(7) }, later()).await.unwrap(), 7);
    }
}

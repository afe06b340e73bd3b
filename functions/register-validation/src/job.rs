//! Reading a job, and bringing its work to an end that can be told.

use std::panic::AssertUnwindSafe;

use anyhow::anyhow;
use delivery::job::Job;
use futures_util::FutureExt as _;
use serde::Deserialize as _;
use serde_json::Value;
use tokio::time::Instant;

/// The job of an event.
pub(crate) fn read(job: &Value) -> anyhow::Result<Job> {
    // The cause may quote what it found, and a credential stands in there.
    Job::deserialize(job).map_err(|_| anyhow!("the event is not shaped like a job of CodePipeline"))
}

/// What the work came to, a fault if it ended in a panic or not in time.
pub(crate) async fn ended<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    deadline: Instant,
) -> anyhow::Result<T> {
    // Whatever the panic left behind belongs to this work and goes with it.
    let work = AssertUnwindSafe(work).catch_unwind();
    match tokio::time::timeout_at(deadline, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(anyhow!(
            "a defect of the gate stopped the registration; the function's log says where"
        )),
        Err(_) => Err(anyhow!(
            "the function's time was over before the validation was stored"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

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

        assert!(fault.starts_with("a defect of the gate"), "{fault}");
        assert!(!fault.contains("secret"), "{fault}");
    }

    #[tokio::test]
    async fn work_that_is_late_is_a_fault() {
        let work = std::future::pending::<anyhow::Result<()>>();

        let fault = ended(work, Instant::now()).await.unwrap_err().to_string();

        assert!(fault.contains("time was over"), "{fault}");
    }

    #[tokio::test]
    async fn outcome_of_the_work_is_kept() {
        assert_eq!(ended(async { Ok(7) }, later()).await.unwrap(), 7);
    }

    #[test]
    fn job_that_cannot_be_read_is_told_without_what_it_holds() {
        let job = json!({"id": "1", "data": {"artifactCredentials": "AKIDEXAMPLEID"}});

        let fault = format!("{:#}", read(&job).unwrap_err());

        assert!(fault.contains("not shaped like a job"), "{fault}");
        assert!(!fault.contains("AKID"), "{fault}");
    }
}

//! Bringing work to an end that can be told.

use std::panic::AssertUnwindSafe;

use anyhow::anyhow;
use futures_util::FutureExt as _;
use tokio::time::Instant;

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
            "a defect of the function stopped its work; its log says where"
        )),
        Err(_) => Err(anyhow!(
            "the function's time was over before its work was done"
        )),
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

        assert!(fault.contains("time was over"), "{fault}");
    }

    #[tokio::test]
    async fn outcome_of_the_work_is_kept() {
        assert_eq!(ended(async { Ok(7) }, later()).await.unwrap(), 7);
    }
}

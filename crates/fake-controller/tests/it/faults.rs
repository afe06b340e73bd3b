//! What goes wrong on request, and what is done all the same.

use std::time::Duration;

use fake_controller::{Fault, JobTemplate, Times};
use serde_json::json;

use crate::caller::{Caller, NOW};

#[tokio::test]
async fn faults_differ_in_what_is_done() -> anyhow::Result<()> {
    for (fault, status, jobs) in [
        (Fault::LoseAnswer, None, 1),
        (Fault::BadGatewayBefore, Some(502), 0),
        (Fault::BadGatewayAfter, Some(502), 1),
        (Fault::Flattened, Some(200), 1),
        (Fault::Throttle, Some(429), 0),
        (Fault::Html503, Some(503), 0),
        (Fault::Broken, Some(500), 0),
        (Fault::LoginPage, Some(302), 0),
        (Fault::NotJson200, Some(200), 0),
    ] {
        let caller = Caller::start().await?;
        caller
            .fake
            .fail(fault.clone(), Times::N(1), "POST /job_templates");
        let path = format!("/job_templates/{}/launch/", caller.template);

        let answered = caller.post(&path, &json!({})).await;

        assert_eq!(
            answered.ok().map(|answered| answered.status),
            status,
            "{fault:?}"
        );
        assert_eq!(caller.fake.jobs().len(), jobs, "{fault:?}");
        // It happens once.
        assert_eq!(caller.post(&path, &json!({})).await?.status, 201);
    }
    Ok(())
}

#[tokio::test]
async fn late_launch_is_written_down_by_the_clock_and_refused_ones_never_are() -> anyhow::Result<()>
{
    for (lacks_inventory, jobs) in [(false, 1), (true, 0)] {
        let caller = Caller::with(JobTemplate {
            lacks_inventory,
            ..JobTemplate::default()
        })
        .await?;
        let late = Fault::DoneAfter(Duration::from_mins(1));
        caller.fake.fail(late, Times::N(1), "POST /job_templates");
        let path = format!("/job_templates/{}/launch/", caller.template);

        assert!(caller.post(&path, &json!({})).await.is_err());

        caller.fake.set_now(NOW + 59_999);
        assert!(caller.fake.jobs().is_empty());
        caller.fake.set_now(NOW + 60_000);
        assert_eq!(caller.fake.jobs().len(), jobs);
    }
    Ok(())
}

//! What a launch takes, drops and refuses.

use fake_controller::JobTemplate;
use serde_json::json;

use crate::caller::Caller;

#[tokio::test]
async fn what_is_not_asked_for_is_dropped_and_named() -> anyhow::Result<()> {
    let caller = Caller::with(JobTemplate {
        limit: "web".to_owned(),
        ..JobTemplate::default()
    })
    .await?;
    let path = format!("/job_templates/{}/launch/", caller.template);
    let order = json!({"limit": "web-1", "job_type": "check", "extra_vars": {"a": 1}});

    let launched = caller.post(&path, &order).await?;

    assert_eq!(launched.status, 201);
    let ignored = json!({"limit": "web-1", "job_type": "check"});
    assert_eq!(launched.body["ignored_fields"], ignored);
    assert_eq!(launched.body["limit"], "web");
    assert_eq!(launched.body["job_type"], "run");
    assert_eq!(launched.body["extra_vars"], "{\"a\":1}");

    // What the template has anyway is neither taken nor ignored.
    let same = caller
        .post(&path, &json!({"limit": "web", "job_type": "run"}))
        .await?;
    assert_eq!(same.body["ignored_fields"], json!({}));
    Ok(())
}

#[tokio::test]
async fn nothing_and_null_are_not_the_same() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let path = format!("/job_templates/{}/launch/", caller.template);
    for field in ["limit", "job_type", "extra_vars"] {
        let refused = caller.post(&path, &json!({ field: null })).await?;
        assert_eq!(refused.status, 400, "{field}");
    }
    assert!(caller.fake.jobs().is_empty());
    Ok(())
}

#[tokio::test]
async fn relaunch_copies_the_variables() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let path = format!("/job_templates/{}/launch/", caller.template);
    let launched = caller.post(&path, &json!({"extra_vars": {"a": 1}})).await?;
    let id = &launched.body["id"];

    let again = caller
        .post(&format!("/jobs/{id}/relaunch/"), &json!({}))
        .await?;

    assert_eq!(again.status, 201);
    assert_eq!(again.body["extra_vars"], launched.body["extra_vars"]);
    assert_eq!(again.body["launch_type"], "relaunch");
    Ok(())
}

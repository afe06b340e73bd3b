//! Faults that are nobody's doing: slowness, throttling, lost answers.

use std::time::{Duration, Instant};

use aws_sdk_codepipeline::Client;
use aws_sdk_codepipeline::config::retry::RetryConfig;
use aws_sdk_codepipeline::types::ApprovalStatus;
use fake_aws::Fault;
use fake_aws::pipeline::{ApprovalStatus as Seen, Mode};

use crate::world::{PIPELINE, World};

/// A world whose client takes the first answer.
async fn impatient() -> World {
    let mut world = World::short(Mode::Superseded).await;
    let config = aws_sdk_codepipeline::config::Builder::from(&world.aws.sdk_config())
        .retry_config(RetryConfig::disabled())
        .build();
    world.client = Client::from_conf(config);
    world
}

#[tokio::test]
async fn throttled_request_says_so_and_does_nothing() {
    let world = impatient().await;
    let execution = world.start("rev-1");
    let token = world.approval(&execution).token.unwrap();
    world
        .pipelines()
        .fail("PutApprovalResult", Fault::Throttle, 1);

    let throttled = world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap_err();

    assert_eq!(throttled, "ThrottlingException");
    assert_eq!(world.approval(&execution).status, Seen::Waiting);
    world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap();
}

#[tokio::test]
async fn lost_answer_leaves_the_act_behind() {
    let world = impatient().await;
    let execution = world.start("rev-1");
    let token = world.approval(&execution).token.unwrap();
    world
        .pipelines()
        .fail("PutApprovalResult", Fault::TimeoutAfterActing, 1);

    let lost = world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap_err();

    assert_eq!(lost, "no answer");
    assert_eq!(world.approval(&execution).status, Seen::Approved);
    let again = world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap_err();
    assert_eq!(again, "ApprovalAlreadyCompletedException");
}

#[tokio::test]
async fn dropped_request_leaves_nothing_behind() {
    let world = impatient().await;
    let execution = world.start("rev-1");
    let token = world.approval(&execution).token.unwrap();
    world.pipelines().fail("PutApprovalResult", Fault::Drop, 1);

    let lost = world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap_err();

    assert_eq!(lost, "no answer");
    assert_eq!(world.approval(&execution).status, Seen::Waiting);
}

#[tokio::test]
async fn internal_error_is_overcome_by_the_clients_own_retry() {
    let world = World::short(Mode::Superseded).await;
    world
        .pipelines()
        .fail("GetPipelineState", Fault::InternalError, 1);

    world
        .client
        .get_pipeline_state()
        .name(PIPELINE)
        .send()
        .await
        .unwrap();

    assert_eq!(world.pipelines().calls()["GetPipelineState"], 2);
}

#[tokio::test]
async fn unsigned_request_is_refused() {
    // A second test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let world = World::short(Mode::Superseded).await;
    let post = reqwest::Client::new().post(world.aws.url());
    let post = post.header("X-Amz-Target", "CodePipeline_20150709.GetPipelineState");
    let answer = post
        .body(r#"{"name": "SampleDevOps"}"#)
        .send()
        .await
        .unwrap();

    assert_eq!(answer.status(), 403);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["__type"], "MissingAuthenticationTokenException");

    let object = reqwest::get(format!("{}/bucket/key", world.aws.url()))
        .await
        .unwrap();
    assert_eq!(object.status(), 403);
    assert!(
        object
            .text()
            .await
            .unwrap()
            .contains("<Code>AccessDenied</Code>")
    );
}

#[tokio::test]
async fn latency_is_the_least_an_answer_takes() {
    let world = World::short(Mode::Superseded).await;
    let latency = Duration::from_millis(50);
    world.aws.latency(latency);
    let started = Instant::now();
    world
        .client
        .get_pipeline_state()
        .name(PIPELINE)
        .send()
        .await
        .unwrap();
    assert!(latency <= started.elapsed());
}

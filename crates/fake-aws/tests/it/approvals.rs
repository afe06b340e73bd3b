//! Approvals: who may answer, when, and what everybody sees afterwards.

use aws_sdk_codepipeline::types::{ApprovalResult, ApprovalStatus};
use fake_aws::pipeline::{Answer, ApprovalStatus as Seen, ExecutionStatus, Mode};
use jiff::{SignedDuration, Timestamp};

use crate::world::{PIPELINE, World, code};

#[tokio::test]
async fn token_is_shown_only_while_an_answer_is_awaited() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");

    let waiting = world
        .action_state("Approve", "Approve")
        .await
        .latest_execution
        .unwrap();
    let token = waiting.token.unwrap();
    assert_eq!(Some(&token), world.approval(&execution).token.as_ref());
    world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap();

    let answered = world
        .action_state("Approve", "Approve")
        .await
        .latest_execution
        .unwrap();
    assert_eq!(answered.token, None);
    assert_eq!(answered.status.unwrap().as_str(), "Succeeded");
    assert_eq!(answered.summary.as_deref(), Some("because"));
    assert!(answered.last_updated_by.unwrap().contains("assumed-role"));
    assert_eq!(
        answered.action_execution_id,
        world.approval(&execution).action_execution_id
    );
}

#[tokio::test]
async fn rejection_fails_the_execution() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");
    let token = world.approval(&execution).token.unwrap();

    world
        .answer(&token, ApprovalStatus::Rejected)
        .await
        .unwrap();

    assert_eq!(world.approval(&execution).status, Seen::Rejected);
    let view = world.pipelines().execution(PIPELINE, &execution).unwrap();
    assert_eq!(view.status, ExecutionStatus::Failed);
}

#[tokio::test]
async fn second_answer_is_refused_as_completed() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");
    let token = world.approval(&execution).token.unwrap();
    world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap();

    let again = world
        .answer(&token, ApprovalStatus::Rejected)
        .await
        .unwrap_err();

    assert_eq!(again, "ApprovalAlreadyCompletedException");
    assert_eq!(world.approval(&execution).status, Seen::Approved);
}

#[tokio::test]
async fn unknown_token_is_refused() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");

    let guessed = "11111111-2222-3333-4444-555555555555";
    let refused = world
        .answer(guessed, ApprovalStatus::Approved)
        .await
        .unwrap_err();
    assert_eq!(refused, "InvalidApprovalTokenException");
    let malformed = world
        .answer("guessed", ApprovalStatus::Approved)
        .await
        .unwrap_err();
    assert_eq!(malformed, "ValidationException");
    assert_eq!(world.approval(&execution).status, Seen::Waiting);
}

#[tokio::test]
async fn answer_names_an_existing_approval() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");
    let token = world.approval(&execution).token.unwrap();

    let refused = async |pipeline: &str, stage: &str, action: &str| {
        let result = ApprovalResult::builder()
            .status(ApprovalStatus::Approved)
            .summary("")
            .build()
            .unwrap();
        let put = world
            .client
            .put_approval_result()
            .token(&token)
            .result(result);
        let put = put
            .pipeline_name(pipeline)
            .stage_name(stage)
            .action_name(action);
        code(&put.send().await.unwrap_err())
    };
    assert_eq!(
        refused("Other", "Approve", "Approve").await,
        "PipelineNotFoundException"
    );
    assert_eq!(
        refused(PIPELINE, "Other", "Approve").await,
        "StageNotFoundException"
    );
    assert_eq!(
        refused(PIPELINE, "Approve", "Other").await,
        "ActionNotFoundException"
    );
    assert_eq!(
        refused(PIPELINE, "Staging", "Deploy").await,
        "InvalidApprovalTokenException"
    );
}

#[tokio::test]
async fn summary_of_513_characters_is_too_long() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");
    let token = world.approval(&execution).token.unwrap();

    let put = async |length: usize| {
        let result = ApprovalResult::builder()
            .status(ApprovalStatus::Approved)
            .summary("ä".repeat(length))
            .build()
            .unwrap();
        let put = world
            .client
            .put_approval_result()
            .token(&token)
            .result(result);
        put.pipeline_name(PIPELINE)
            .stage_name("Approve")
            .action_name("Approve")
            .send()
            .await
    };
    assert_eq!(code(&put(513).await.unwrap_err()), "ValidationException");
    assert!(put(512).await.is_ok());
}

#[tokio::test]
async fn persons_answer_shows_who_and_why() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");
    let token = world.approval(&execution).token.unwrap();

    world
        .pipelines()
        .answer_by_person(
            PIPELINE,
            "Approve",
            "Approve",
            &execution,
            Answer::Rejected,
            "not today",
        )
        .unwrap();

    let approval = world.approval(&execution);
    assert_eq!(approval.status, Seen::Rejected);
    assert_eq!(approval.summary.as_deref(), Some("not today"));
    assert!(approval.by.unwrap().ends_with("user/person"));
    let late = world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap_err();
    assert_eq!(late, "ApprovalAlreadyCompletedException");
}

#[tokio::test]
async fn unanswered_approval_fails_after_a_week() {
    let world = World::short(Mode::Superseded).await;
    let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    world.aws.set_now(start);
    let execution = world.start("rev-1");

    world
        .aws
        .set_now(start + SignedDuration::from_hours(7 * 24 - 1));
    assert_eq!(world.approval(&execution).status, Seen::Waiting);
    world
        .aws
        .set_now(start + SignedDuration::from_hours(7 * 24));
    assert_eq!(world.approval(&execution).status, Seen::Rejected);
}

#[tokio::test]
async fn approval_not_yet_reached_has_no_token() {
    let world = World::sample().await;
    let execution = world.start("rev-1");
    let approval = world
        .pipelines()
        .approval(PIPELINE, "ApproveStaging", "ApproveStaging", &execution)
        .unwrap();
    assert_eq!(approval.status, Seen::NotReached);
    assert_eq!(approval.token, None);
}

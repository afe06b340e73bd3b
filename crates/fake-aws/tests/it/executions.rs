//! Executions: started, retried, stopped, rolled back.

use aws_sdk_codepipeline::types::{
    ApprovalStatus, SourceRevisionOverride, SourceRevisionType, StageRetryMode,
};
use fake_aws::pipeline::{
    Answer, Ending, ExecutionStatus, Mode, PipelineSpec, RetryMode, ServiceError, Stage,
    StageStatus, StopMode,
};

use crate::world::{PIPELINE, World, code};

#[tokio::test]
async fn sample_pipeline_goes_from_source_to_the_last_approval() {
    let world = World::sample().await;
    let execution = world.start("rev-1");

    for (registers_in, approval) in [
        ("Staging", "ApproveStaging"),
        ("Production", "ApproveProduction"),
    ] {
        let job = world.job();
        assert_eq!(job.stage, registers_in);
        assert_eq!(job.function, "register-validation");
        world.succeed(&job).await;
        world
            .pipelines()
            .answer_by_person(
                PIPELINE,
                approval,
                approval,
                &execution,
                Answer::Approved,
                "ok",
            )
            .unwrap();
    }

    let view = world.pipelines().execution(PIPELINE, &execution).unwrap();
    assert_eq!(view.status, ExecutionStatus::Succeeded);
    assert_eq!(view.stages.len(), 5);
    assert!(
        view.stages
            .iter()
            .all(|(_, status)| *status == StageStatus::Succeeded)
    );
}

#[tokio::test]
async fn held_deployment_keeps_the_next_run_order_waiting() {
    let world = World::sample().await;
    world
        .pipelines()
        .hold_deploy(PIPELINE, "Staging", "Deploy")
        .unwrap();
    let execution = world.start("rev-1");

    assert!(world.pipelines().next_job().is_none());
    let deploy = world
        .action_state("Staging", "Deploy")
        .await
        .latest_execution
        .unwrap();
    assert_eq!(deploy.status.unwrap().as_str(), "InProgress");
    let id = deploy.external_execution_id.unwrap();
    assert!(id.len() == 11 && id.starts_with("d-"));

    let finish = |ending| {
        world
            .pipelines()
            .finish_deploy(PIPELINE, "Staging", "Deploy", &execution, ending)
    };
    finish(Ending::Succeeded).unwrap();
    assert_eq!(world.job().action, "RegisterValidation");
    assert!(finish(Ending::Succeeded).is_err());
}

#[tokio::test]
async fn actions_of_one_run_order_start_together() {
    let stage = Stage::new("Staging")
        .lambda("First", "function", "", 1, None)
        .lambda("Second", "function", "", 1, None)
        .lambda("Third", "function", "", 2, None);
    let world = World::with(PipelineSpec::new(PIPELINE).stage(stage)).await;
    world.start("rev-1");

    let (first, second) = (world.job(), world.job());
    assert_eq!(
        (first.action.as_str(), second.action.as_str()),
        ("First", "Second")
    );
    world.succeed(&second).await;
    assert!(
        world.pipelines().next_job().is_none(),
        "the first action still runs"
    );
    world.succeed(&first).await;
    assert_eq!(world.job().action, "Third");
}

#[tokio::test]
async fn only_deployments_and_tests_can_be_held() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");
    let pipelines = world.pipelines();

    let refused = Err(ServiceError::ActionNotFound("Approve".into()));
    assert_eq!(
        pipelines.hold_deploy(PIPELINE, "Approve", "Approve"),
        refused
    );
    let finished = pipelines.finish_deploy(
        PIPELINE,
        "Approve",
        "Approve",
        &execution,
        Ending::Succeeded,
    );
    assert_eq!(finished, refused);
}

#[tokio::test]
async fn test_action_finishes_by_itself_unless_held() {
    let stage = Stage::new("Staging").test("LoadTest").approval("Approve");
    let world = World::with(PipelineSpec::new(PIPELINE).stage(stage)).await;
    let status = async || {
        let test = world.action_state("Staging", "LoadTest").await;
        test.latest_execution
            .unwrap()
            .status
            .unwrap()
            .as_str()
            .to_owned()
    };

    let first = world.start("rev-1");
    assert_eq!(status().await, "Succeeded");
    world
        .pipelines()
        .stop(PIPELINE, &first, StopMode::Abandon)
        .unwrap();
    world
        .pipelines()
        .hold_deploy(PIPELINE, "Staging", "LoadTest")
        .unwrap();
    world.start("rev-2");
    assert_eq!(status().await, "InProgress");
}

#[tokio::test]
async fn failed_deployment_fails_its_execution() {
    let world = World::short(Mode::Superseded).await;
    world
        .pipelines()
        .hold_deploy(PIPELINE, "Staging", "Deploy")
        .unwrap();
    let execution = world.start("rev-1");
    let pipelines = world.pipelines();
    pipelines
        .finish_deploy(PIPELINE, "Staging", "Deploy", &execution, Ending::Failed)
        .unwrap();

    let view = pipelines.execution(PIPELINE, &execution).unwrap();
    assert_eq!(
        (view.status, view.stage.as_str()),
        (ExecutionStatus::Failed, "Staging")
    );
    let state = world
        .action_state("Staging", "Deploy")
        .await
        .latest_execution
        .unwrap();
    assert_eq!(state.error_details.unwrap().code.unwrap(), "JobFailed");
}

#[tokio::test]
async fn retry_makes_a_new_action_execution_and_a_new_token() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");
    let first = world.approval(&execution);
    world
        .answer(first.token.as_deref().unwrap(), ApprovalStatus::Rejected)
        .await
        .unwrap();

    retry(&world, "Approve", &execution).await.unwrap();

    let second = world.approval(&execution);
    assert_eq!(second.status, fake_aws::pipeline::ApprovalStatus::Waiting);
    assert_ne!(second.action_execution_id, first.action_execution_id);
    assert_ne!(second.token, first.token);
    let old = world
        .answer(first.token.as_deref().unwrap(), ApprovalStatus::Approved)
        .await;
    assert_eq!(old.unwrap_err(), "InvalidApprovalTokenException");
    world
        .answer(second.token.as_deref().unwrap(), ApprovalStatus::Approved)
        .await
        .unwrap();
    let view = world.pipelines().execution(PIPELINE, &execution).unwrap();
    assert_eq!(view.status, ExecutionStatus::Succeeded);
}

#[tokio::test]
async fn retry_repeats_only_what_failed_unless_all_is_asked_for() {
    let world = World::sample().await;
    let execution = world.start("rev-1");
    let fail = async || {
        let failure = aws_sdk_codepipeline::types::FailureDetails::builder()
            .r#type(aws_sdk_codepipeline::types::FailureType::JobFailed)
            .message("no")
            .build()
            .unwrap();
        let job = world.job();
        let result = world.client.put_job_failure_result().job_id(job.id);
        result.failure_details(failure).send().await.unwrap();
    };
    let deployments = || {
        let view = world.pipelines().execution(PIPELINE, &execution).unwrap();
        view.actions
            .iter()
            .filter(|run| run.action == "Deploy")
            .count()
    };

    fail().await;
    retry(&world, "Staging", &execution).await.unwrap();
    assert_eq!(deployments(), 1);
    fail().await;
    world
        .pipelines()
        .retry_stage(PIPELINE, "Staging", &execution, RetryMode::AllActions)
        .unwrap();
    assert_eq!(deployments(), 2);
}

#[tokio::test]
async fn retry_is_refused_where_nothing_failed() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");

    let refused =
        async |stage: &str, execution: &str| retry(&world, stage, execution).await.unwrap_err();
    assert_eq!(
        refused("Approve", &execution).await,
        "StageNotRetryableException"
    );
    assert_eq!(
        refused("Staging", &execution).await,
        "StageNotRetryableException"
    );
    assert_eq!(
        refused("Nowhere", &execution).await,
        "StageNotFoundException"
    );
    assert_eq!(
        refused("Approve", "unknown").await,
        "NotLatestPipelineExecutionException"
    );
}

#[tokio::test]
async fn retry_is_refused_once_a_later_execution_entered() {
    let world = World::short(Mode::Superseded).await;
    let first = world.start("rev-1");
    let token = world.approval(&first).token.unwrap();
    world
        .answer(&token, ApprovalStatus::Rejected)
        .await
        .unwrap();
    world.start("rev-2");

    let refused = retry(&world, "Approve", &first).await.unwrap_err();
    assert_eq!(refused, "NotLatestPipelineExecutionException");
}

#[tokio::test]
async fn waiting_stop_ends_when_the_running_action_ends() {
    let world = World::short(Mode::Superseded).await;
    world
        .pipelines()
        .hold_deploy(PIPELINE, "Staging", "Deploy")
        .unwrap();
    let execution = world.start("rev-1");
    let status = || {
        world
            .pipelines()
            .execution(PIPELINE, &execution)
            .unwrap()
            .status
    };

    stop(&world, &execution, StopMode::Wait).await.unwrap();
    assert_eq!(status(), ExecutionStatus::Stopping);
    let again = stop(&world, &execution, StopMode::Wait).await.unwrap_err();
    assert_eq!(again, "DuplicatedStopRequestException");

    world
        .pipelines()
        .finish_deploy(PIPELINE, "Staging", "Deploy", &execution, Ending::Succeeded)
        .unwrap();
    assert_eq!(status(), ExecutionStatus::Stopped);
    let late = stop(&world, &execution, StopMode::Wait).await.unwrap_err();
    assert_eq!(late, "PipelineExecutionNotStoppableException");
}

#[tokio::test]
async fn abandoning_stop_leaves_approval_without_a_valid_token() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");
    let token = world.approval(&execution).token.unwrap();

    stop(&world, &execution, StopMode::Abandon).await.unwrap();

    let approval = world.approval(&execution);
    assert_eq!(
        approval.status,
        fake_aws::pipeline::ApprovalStatus::Abandoned
    );
    assert_eq!(approval.token, None);
    let answer = world.answer(&token, ApprovalStatus::Approved).await;
    assert_eq!(answer.unwrap_err(), "InvalidApprovalTokenException");
    retry(&world, "Approve", &execution).await.unwrap();
    assert!(world.approval(&execution).token.is_some());
}

#[tokio::test]
async fn abandoned_job_accepts_no_result() {
    let world = World::sample().await;
    let execution = world.start("rev-1");
    let job = world.job();
    stop(&world, &execution, StopMode::Abandon).await.unwrap();

    let late = world
        .client
        .put_job_success_result()
        .job_id(&job.id)
        .send()
        .await;
    assert_eq!(code(&late.unwrap_err()), "InvalidJobStateException");
}

#[tokio::test]
async fn rollback_runs_its_stage_with_the_targets_revision() {
    let world = World::short(Mode::Superseded).await;
    let good = world.start("rev-1");
    let token = world.approval(&good).token.unwrap();
    world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap();
    world.start("rev-2");

    let rollback = world
        .pipelines()
        .start_rollback(PIPELINE, "Staging", &good)
        .unwrap();

    let view = world.pipelines().execution(PIPELINE, &rollback).unwrap();
    assert_eq!(view.status, ExecutionStatus::Succeeded);
    assert_eq!(view.revision, "rev-1");
    assert_eq!(view.actions.len(), 1);
    let seen = world
        .client
        .get_pipeline_execution()
        .pipeline_name(PIPELINE)
        .pipeline_execution_id(&rollback)
        .send()
        .await
        .unwrap()
        .pipeline_execution
        .unwrap();
    assert_eq!(seen.execution_type.unwrap().as_str(), "ROLLBACK");
    let metadata = seen.rollback_metadata.unwrap();
    assert_eq!(
        metadata.rollback_target_pipeline_execution_id.unwrap(),
        good
    );
    assert_eq!(
        seen.trigger.unwrap().trigger_type.unwrap().as_str(),
        "ManualRollback"
    );
}

#[tokio::test]
async fn rollback_needs_a_standard_success_in_that_stage() {
    let world = World::short(Mode::Superseded).await;
    let execution = world.start("rev-1");
    let refused = |stage: &str, target: &str| {
        world
            .pipelines()
            .start_rollback(PIPELINE, stage, target)
            .unwrap_err()
    };

    let unable = ServiceError::UnableToRollbackStage(execution.clone());
    assert_eq!(refused("Approve", &execution), unable);
    assert_eq!(refused("Source", &execution), unable);
    let rollback = world
        .pipelines()
        .start_rollback(PIPELINE, "Staging", &execution)
        .unwrap();
    assert_eq!(
        refused("Staging", &rollback),
        ServiceError::UnableToRollbackStage(rollback.clone())
    );
}

#[tokio::test]
async fn start_request_repeats_the_newest_revision_once_per_token() {
    let world = World::short(Mode::Superseded).await;
    world.start("rev-1");
    let start = || world.client.start_pipeline_execution().name(PIPELINE);
    let id = |answer: aws_sdk_codepipeline::operation::start_pipeline_execution::StartPipelineExecutionOutput| {
        answer.pipeline_execution_id.unwrap()
    };

    let first = id(start().client_request_token("once").send().await.unwrap());
    let same = id(start().client_request_token("once").send().await.unwrap());
    assert_eq!(first, same);
    assert_eq!(
        world
            .pipelines()
            .execution(PIPELINE, &first)
            .unwrap()
            .revision,
        "rev-1"
    );

    let wanted = SourceRevisionOverride::builder()
        .action_name("Source")
        .revision_type(SourceRevisionType::S3ObjectVersionId)
        .revision_value("rev-0")
        .build()
        .unwrap();
    let other = id(start().source_revisions(wanted).send().await.unwrap());
    assert_eq!(
        world
            .pipelines()
            .execution(PIPELINE, &other)
            .unwrap()
            .revision,
        "rev-0"
    );
}

async fn retry(world: &World, stage: &str, execution: &str) -> Result<(), String> {
    let answer = world
        .client
        .retry_stage_execution()
        .pipeline_name(PIPELINE)
        .stage_name(stage)
        .pipeline_execution_id(execution)
        .retry_mode(StageRetryMode::FailedActions)
        .send()
        .await;
    answer.map(|_| ()).map_err(|error| code(&error))
}

async fn stop(world: &World, execution: &str, mode: StopMode) -> Result<(), String> {
    let answer = world
        .client
        .stop_pipeline_execution()
        .pipeline_name(PIPELINE)
        .pipeline_execution_id(execution)
        .abandon(mode == StopMode::Abandon)
        .reason("a story")
        .send()
        .await;
    answer.map(|_| ()).map_err(|error| code(&error))
}

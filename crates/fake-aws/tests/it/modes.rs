//! How executions of one pipeline get along, mode by mode.

use aws_sdk_codepipeline::types::{ApprovalStatus, StageExecution};
use fake_aws::pipeline::{ApprovalStatus as Seen, ExecutionStatus, Mode, RetryMode};

use crate::world::{PIPELINE, World};

#[tokio::test]
async fn newer_execution_supersedes_the_one_that_waits_between_stages() {
    let world = World::short(Mode::Superseded).await;
    let inside = world.start("rev-1");
    let waiting = world.start("rev-2");
    let newest = world.start("rev-3");
    let status = |id: &str| world.pipelines().execution(PIPELINE, id).unwrap().status;

    assert_eq!(status(&inside), ExecutionStatus::InProgress);
    assert_eq!(status(&waiting), ExecutionStatus::Superseded);
    assert_eq!(status(&newest), ExecutionStatus::InProgress);
    assert_eq!(world.approval(&newest).status, Seen::NotReached);

    let token = world.approval(&inside).token.unwrap();
    world
        .answer(&token, ApprovalStatus::Rejected)
        .await
        .unwrap();
    assert_eq!(world.approval(&newest).status, Seen::Waiting);
    assert_eq!(world.approval(&waiting).status, Seen::NotReached);
}

#[tokio::test]
async fn stage_shows_who_is_inside_and_who_waits() {
    let world = World::short(Mode::Superseded).await;
    let inside = world.start("rev-1");
    let waiting = world.start("rev-2");

    let state = world
        .client
        .get_pipeline_state()
        .name(PIPELINE)
        .send()
        .await
        .unwrap();
    let approve = state.stage_states().last().unwrap();
    assert_eq!(
        approve.latest_execution().unwrap().pipeline_execution_id(),
        inside
    );
    let inbound: Vec<_> = approve
        .inbound_executions()
        .iter()
        .map(StageExecution::pipeline_execution_id)
        .collect();
    assert_eq!(inbound, [waiting.as_str()]);
    let staging = &state.stage_states()[1];
    assert_eq!(
        staging.latest_execution().unwrap().pipeline_execution_id(),
        waiting
    );
}

#[tokio::test]
async fn action_state_still_shows_the_older_execution_until_the_newer_gets_there() {
    let world = World::short(Mode::Superseded).await;
    let older = world.start("rev-1");
    let token = world.approval(&older).token.unwrap();
    world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap();
    world
        .pipelines()
        .hold_deploy(PIPELINE, "Staging", "Deploy")
        .unwrap();
    world.start("rev-2");

    let shown = world
        .action_state("Approve", "Approve")
        .await
        .latest_execution
        .unwrap();
    assert_eq!(
        shown.action_execution_id,
        world.approval(&older).action_execution_id
    );
}

#[tokio::test]
async fn queued_executions_enter_one_after_the_other() {
    let world = World::short(Mode::Queued).await;
    let executions = [
        world.start("rev-1"),
        world.start("rev-2"),
        world.start("rev-3"),
    ];

    for (index, execution) in executions.iter().enumerate() {
        for later in &executions[index + 1..] {
            assert_eq!(world.approval(later).status, Seen::NotReached);
        }
        let token = world.approval(execution).token.unwrap();
        world
            .answer(&token, ApprovalStatus::Approved)
            .await
            .unwrap();
        let view = world.pipelines().execution(PIPELINE, execution).unwrap();
        assert_eq!(view.status, ExecutionStatus::Succeeded);
    }
}

#[tokio::test]
async fn parallel_executions_wait_at_the_same_approval() {
    let world = World::short(Mode::Parallel).await;
    let executions = [world.start("rev-1"), world.start("rev-2")];

    for execution in &executions {
        assert_eq!(world.approval(execution).status, Seen::Waiting);
    }
    let shown = world
        .action_state("Approve", "Approve")
        .await
        .latest_execution
        .unwrap();
    assert_eq!(shown.token, None);
}

#[tokio::test]
async fn parallel_token_is_found_in_the_action_executions() {
    let world = World::short(Mode::Parallel).await;
    let first = world.start("rev-1");
    let second = world.start("rev-2");

    let list = world.action_executions(&first).await;
    let approval = list
        .iter()
        .find(|one| one.action_name() == Some("Approve"))
        .unwrap();
    let result = approval.output().unwrap().execution_result().unwrap();
    let token = result.external_execution_id().unwrap();
    world.answer(token, ApprovalStatus::Approved).await.unwrap();

    assert_eq!(world.approval(&first).status, Seen::Approved);
    assert_eq!(world.approval(&second).status, Seen::Waiting);
}

#[tokio::test]
async fn parallel_execution_can_be_retried_though_a_later_one_entered() {
    let world = World::short(Mode::Parallel).await;
    let first = world.start("rev-1");
    let token = world.approval(&first).token.unwrap();
    world
        .answer(&token, ApprovalStatus::Rejected)
        .await
        .unwrap();
    world.start("rev-2");

    world
        .pipelines()
        .retry_stage(PIPELINE, "Approve", &first, RetryMode::FailedActions)
        .unwrap();
    assert_eq!(world.approval(&first).status, Seen::Waiting);
}

//! Deploy actions that a real group carries out.

use fake_aws::codedeploy::{Creator, DeploymentEnd, DeploymentStatus, GroupOptions, Revision};
use fake_aws::pipeline::{ActionStatus, ActionView, ExecutionStatus, PipelineSpec, Stage};

use crate::world::{PIPELINE, World};

/// The short pipeline, with its group declared and held.
async fn world(stage: Stage) -> World {
    let world = World::with(PipelineSpec::new(PIPELINE).stage(stage)).await;
    world.aws.codedeploy().application("App");
    let options = GroupOptions::default();
    let codedeploy = world.aws.codedeploy();
    codedeploy.group("App", "Staging", options).unwrap();
    codedeploy.hold("App", "Staging").unwrap();
    world
}

fn deploy_stage() -> Stage {
    Stage::new("Staging").deploy("Deploy", "App", "Staging", 1)
}

fn deploy_action(world: &World, execution: &str) -> ActionView {
    let view = world.pipelines().execution(PIPELINE, execution).unwrap();
    let mut actions = view.actions.into_iter();
    actions.find(|action| action.action == "Deploy").unwrap()
}

#[tokio::test]
async fn action_lasts_as_long_as_its_deployment() {
    let world = world(deploy_stage()).await;
    let execution = world.start("rev-1");
    let action = deploy_action(&world, &execution);
    assert_eq!(action.status, ActionStatus::InProgress);
    let codedeploy = world.aws.codedeploy();
    let deployment = codedeploy.active("App", "Staging").unwrap().unwrap();
    assert_eq!(action.external_id.as_ref(), Some(&deployment.id));
    assert_eq!(deployment.creator, Creator::User);
    let shown = world.action_executions(&execution).await;
    let result = shown[0].output().unwrap().execution_result().unwrap();
    assert_eq!(result.external_execution_id(), Some(deployment.id.as_str()));

    codedeploy
        .finish(&deployment.id, DeploymentEnd::Succeeded)
        .unwrap();

    let view = world.pipelines().execution(PIPELINE, &execution).unwrap();
    assert_eq!(view.status, ExecutionStatus::Succeeded);
}

#[tokio::test]
async fn action_fails_with_its_deployment() {
    let world = world(deploy_stage()).await;
    let execution = world.start("rev-1");
    let codedeploy = world.aws.codedeploy();
    let deployment = codedeploy.active("App", "Staging").unwrap().unwrap();
    codedeploy
        .finish(&deployment.id, DeploymentEnd::Failed)
        .unwrap();

    let view = world.pipelines().execution(PIPELINE, &execution).unwrap();
    assert_eq!(view.status, ExecutionStatus::Failed);
    let state = world.action_state("Staging", "Deploy").await;
    let error = state.latest_execution.unwrap().error_details.unwrap();
    assert!(error.message.unwrap().contains(&deployment.id));
}

#[tokio::test]
async fn action_fails_while_its_group_is_busy() {
    let world = world(deploy_stage()).await;
    let codedeploy = world.aws.codedeploy();
    let heal = Revision::github("owner/app", "c0ffee");
    codedeploy.deploy_by_person("App", "Staging", heal).unwrap();

    let execution = world.start("rev-1");

    let action = deploy_action(&world, &execution);
    assert_eq!(action.status, ActionStatus::Failed);
    let state = world.action_state("Staging", "Deploy").await;
    let error = state.latest_execution.unwrap().error_details.unwrap();
    assert_eq!(error.code.unwrap(), "DeploymentLimitExceededException");
}

#[tokio::test]
async fn input_artifact_is_what_is_deployed() {
    let world = world(deploy_stage().input_artifact("Monspec")).await;
    let execution = world.start("rev-1");
    let codedeploy = world.aws.codedeploy();
    let deployment = codedeploy.active("App", "Staging").unwrap().unwrap();
    let Revision::S3(bundle) = deployment.revision else {
        panic!("a pipeline deploys bundles");
    };
    let object = world.aws.s3().get(&bundle.bucket, &bundle.key).unwrap();
    assert_eq!(object.body, "monspec of rev-1");
    assert!(object.etag().contains(&bundle.etag.unwrap()));
    let shown = world.action_executions(&execution).await;
    let inputs = shown[0].input().unwrap().input_artifacts();
    let place = inputs[0].s3_location().unwrap();
    assert_eq!(place.key(), Some(bundle.key.as_str()));
}

#[tokio::test]
async fn same_source_revision_is_the_same_content() {
    let world = world(deploy_stage()).await;
    let codedeploy = world.aws.codedeploy();
    let deploy = |revision: &str| {
        world.start(revision);
        let deployment = codedeploy.active("App", "Staging").unwrap().unwrap();
        codedeploy
            .finish(&deployment.id, DeploymentEnd::Succeeded)
            .unwrap();
        deployment.revision
    };
    let first = deploy("rev-1");
    assert_ne!(first, deploy("rev-2"));
    assert_eq!(first, deploy("rev-1"));
    assert_eq!(codedeploy.history("App", "Staging").unwrap().len(), 3);
}

#[tokio::test]
async fn deployment_outlives_the_execution_that_abandoned_it() {
    let world = world(deploy_stage()).await;
    let execution = world.start("rev-1");
    let stop = fake_aws::pipeline::StopMode::Abandon;
    world.pipelines().stop(PIPELINE, &execution, stop).unwrap();

    let action = deploy_action(&world, &execution);
    assert_eq!(action.status, ActionStatus::Abandoned);
    let active = world.aws.codedeploy().active("App", "Staging").unwrap();
    assert_eq!(active.unwrap().status, DeploymentStatus::InProgress);
}

#[tokio::test]
async fn undeclared_group_is_deployed_to_at_once() {
    let world = world(Stage::new("Staging").deploy("Deploy", "App", "Nowhere", 1)).await;
    let execution = world.start("rev-1");
    let action = deploy_action(&world, &execution);
    assert_eq!(action.status, ActionStatus::Succeeded);
    let id = action.external_id.unwrap();
    assert!(world.aws.codedeploy().deployment(&id).is_err());
}

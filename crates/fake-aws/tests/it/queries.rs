//! What can be asked about pipelines and their history.

use aws_sdk_codepipeline::types::{
    ActionExecutionFilter, ApprovalStatus, LatestInPipelineExecutionFilter,
    PipelineExecutionFilter, StageDeclaration, StartTimeRange, SucceededInStageFilter,
};
use fake_aws::pipeline::{Mode, PipelineSpec, PipelineType, RetryMode, Stage};

use crate::world::{PIPELINE, World, code};

#[tokio::test]
async fn declaration_names_stages_actions_and_their_kinds() {
    let world = World::sample().await;
    let answer = world
        .client
        .get_pipeline()
        .name(PIPELINE)
        .send()
        .await
        .unwrap();

    let pipeline = answer.pipeline.unwrap();
    let stages: Vec<_> = pipeline
        .stages()
        .iter()
        .map(StageDeclaration::name)
        .collect();
    assert_eq!(
        stages,
        [
            "Source",
            "Staging",
            "ApproveStaging",
            "Production",
            "ApproveProduction"
        ]
    );
    assert_eq!(pipeline.execution_mode.unwrap().as_str(), "SUPERSEDED");
    assert_eq!(pipeline.pipeline_type.unwrap().as_str(), "V2");

    let register = &pipeline.stages[1].actions()[1];
    assert_eq!(register.run_order, Some(2));
    assert_eq!(register.input_artifacts()[0].name(), "Monspec");
    let configuration = register.configuration().unwrap();
    assert_eq!(
        configuration["UserParameters"],
        "StagingToProduction,5,ApproveStaging"
    );
    let approval = pipeline.stages[2].actions()[0].action_type_id().unwrap();
    assert_eq!(
        (approval.category().as_str(), approval.provider()),
        ("Approval", "Manual")
    );
    assert!(answer.metadata.unwrap().created.is_some());
}

#[tokio::test]
async fn first_generation_pipelines_say_so() {
    let world = World::with(PipelineSpec::new(PIPELINE).pipeline_type(PipelineType::V1)).await;
    let answer = world
        .client
        .get_pipeline()
        .name(PIPELINE)
        .send()
        .await
        .unwrap();
    assert_eq!(
        answer.pipeline.unwrap().pipeline_type.unwrap().as_str(),
        "V1"
    );
}

#[tokio::test]
async fn stage_that_never_ran_has_no_latest_execution() {
    let world = World::sample().await;
    let state = world
        .client
        .get_pipeline_state()
        .name(PIPELINE)
        .send()
        .await
        .unwrap();
    for stage in state.stage_states() {
        assert!(stage.latest_execution().is_none());
        assert!(
            stage
                .action_states()
                .iter()
                .all(|action| action.latest_execution().is_none())
        );
    }
}

#[tokio::test]
async fn execution_names_its_artifacts_with_their_revision() {
    let world = World::short(Mode::Superseded).await;
    let id = world.start("rev-1");
    let get = world
        .client
        .get_pipeline_execution()
        .pipeline_name(PIPELINE);
    let answer = get.pipeline_execution_id(&id).send().await.unwrap();

    let execution = answer.pipeline_execution.unwrap();
    assert_eq!(
        execution.execution_type.as_ref().unwrap().as_str(),
        "STANDARD"
    );
    let revision = &execution.artifact_revisions()[0];
    assert_eq!(
        (revision.name(), revision.revision_id()),
        (Some("Monspec"), Some("rev-1"))
    );
}

#[tokio::test]
async fn executions_are_listed_newest_first_with_their_sources() {
    let world = World::short(Mode::Parallel).await;
    let ids = [world.start("rev-1"), world.start("rev-2")];
    let list = world
        .client
        .list_pipeline_executions()
        .pipeline_name(PIPELINE);
    let summaries = list
        .send()
        .await
        .unwrap()
        .pipeline_execution_summaries
        .unwrap();

    let listed: Vec<_> = summaries
        .iter()
        .filter_map(|one| one.pipeline_execution_id())
        .collect();
    assert_eq!(listed, [ids[1].as_str(), ids[0].as_str()]);
    let source = &summaries[0].source_revisions()[0];
    assert_eq!(
        (source.action_name(), source.revision_id()),
        ("Source", Some("rev-2"))
    );
}

#[tokio::test]
async fn executions_can_be_filtered_by_success_in_a_stage() {
    let world = World::short(Mode::Parallel).await;
    let passed = world.start("rev-1");
    world.start("rev-2");
    let token = world.approval(&passed).token.unwrap();
    world
        .answer(&token, ApprovalStatus::Approved)
        .await
        .unwrap();

    let stage = SucceededInStageFilter::builder()
        .stage_name("Approve")
        .build();
    let filter = PipelineExecutionFilter::builder()
        .succeeded_in_stage(stage)
        .build();
    let list = world
        .client
        .list_pipeline_executions()
        .pipeline_name(PIPELINE)
        .filter(filter);
    let summaries = list
        .send()
        .await
        .unwrap()
        .pipeline_execution_summaries
        .unwrap();
    let listed: Vec<_> = summaries
        .iter()
        .filter_map(|one| one.pipeline_execution_id())
        .collect();
    assert_eq!(listed, [passed.as_str()]);
}

#[tokio::test]
async fn action_executions_are_listed_newest_first_even_within_one_instant() {
    let world = World::short(Mode::Superseded).await;
    world.aws.set_now("2026-03-01T12:00:00Z".parse().unwrap());
    let id = world.start("rev-1");

    let list = world.action_executions(&id).await;
    let actions: Vec<_> = list.iter().filter_map(|one| one.action_name()).collect();
    assert_eq!(actions, ["Approve", "Deploy", "Source"]);
    let deploy = list[1].output().unwrap().execution_result().unwrap();
    assert!(deploy.external_execution_id().unwrap().starts_with("d-"));
    let input = list[1].input().unwrap().configuration().unwrap();
    assert_eq!(input["DeploymentGroupName"], "Staging");
    assert_eq!(
        list[2].output().unwrap().output_artifacts()[0].name(),
        Some("Monspec")
    );
}

#[tokio::test]
async fn latest_filter_hides_runs_that_were_retried() {
    let world = World::short(Mode::Superseded).await;
    let id = world.start("rev-1");
    let token = world.approval(&id).token.unwrap();
    world
        .answer(&token, ApprovalStatus::Rejected)
        .await
        .unwrap();
    world
        .pipelines()
        .retry_stage(PIPELINE, "Approve", &id, RetryMode::FailedActions)
        .unwrap();
    assert_eq!(world.action_executions(&id).await.len(), 4);

    let latest = LatestInPipelineExecutionFilter::builder()
        .pipeline_execution_id(&id)
        .start_time_range(StartTimeRange::Latest)
        .build()
        .unwrap();
    let filter = ActionExecutionFilter::builder()
        .latest_in_pipeline_execution(latest)
        .build();
    let list = world
        .client
        .list_action_executions()
        .pipeline_name(PIPELINE)
        .filter(filter);
    let details = list.send().await.unwrap().action_execution_details.unwrap();
    assert_eq!(details.len(), 3);
    assert_eq!(
        details[0].action_execution_id,
        world.approval(&id).action_execution_id
    );
}

#[tokio::test]
async fn pages_join_to_the_whole_history() {
    let world = World::short(Mode::Parallel).await;
    for revision in 0..5 {
        world.start(&format!("rev-{revision}"));
    }
    let all = world
        .client
        .list_action_executions()
        .pipeline_name(PIPELINE);
    let all = all.send().await.unwrap().action_execution_details.unwrap();
    assert_eq!(all.len(), 15);

    let mut joined = Vec::new();
    let mut pages = world
        .client
        .list_action_executions()
        .pipeline_name(PIPELINE)
        .max_results(4)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap().action_execution_details.unwrap();
        assert!(page.len() <= 4);
        joined.extend(page);
    }
    assert_eq!(joined, all);
}

#[tokio::test]
async fn paging_refuses_foreign_tokens_and_sizes() {
    let world = World::short(Mode::Superseded).await;
    let list = || {
        world
            .client
            .list_action_executions()
            .pipeline_name(PIPELINE)
    };

    let token = list().next_token("guessed").send().await.unwrap_err();
    assert_eq!(code(&token), "InvalidNextTokenException");
    let size = list().max_results(101).send().await.unwrap_err();
    assert_eq!(code(&size), "ValidationException");
}

#[tokio::test]
async fn questions_about_the_unknown_are_refused_by_name() {
    let world = World::short(Mode::Superseded).await;
    let client = &world.client;

    let pipeline = client
        .get_pipeline_state()
        .name("Other")
        .send()
        .await
        .unwrap_err();
    assert_eq!(code(&pipeline), "PipelineNotFoundException");
    let get = client.get_pipeline_execution().pipeline_name(PIPELINE);
    let execution = get
        .pipeline_execution_id("unknown")
        .send()
        .await
        .unwrap_err();
    assert_eq!(code(&execution), "PipelineExecutionNotFoundException");
    let filter = ActionExecutionFilter::builder()
        .pipeline_execution_id("unknown")
        .build();
    let list = client
        .list_action_executions()
        .pipeline_name(PIPELINE)
        .filter(filter);
    assert_eq!(
        code(&list.send().await.unwrap_err()),
        "PipelineExecutionNotFoundException"
    );
}

#[tokio::test]
async fn operations_that_are_not_played_are_unknown() {
    let world = World::short(Mode::Superseded).await;
    let refused = world.client.list_pipelines().send().await.unwrap_err();
    assert_eq!(code(&refused), "UnknownOperationException");
}

#[tokio::test]
async fn execution_id_is_resolved_where_user_parameters_ask_for_it() {
    let parameters = r##"{"execution": "#{codepipeline.PipelineExecutionId}"}"##;
    let stage =
        Stage::new("Staging").lambda("Register", "register-validation", parameters, 1, None);
    let world = World::with(PipelineSpec::new(PIPELINE).stage(stage)).await;
    let id = world.start("rev-1");
    let resolved = format!(r#"{{"execution": "{id}"}}"#);

    let event = world.job().event;
    let data = &event["CodePipeline.job"]["data"];
    assert_eq!(
        data["actionConfiguration"]["configuration"]["UserParameters"],
        resolved
    );
    let list = world.action_executions(&id).await;
    let input = list[0].input().unwrap();
    assert_eq!(input.configuration().unwrap()["UserParameters"], parameters);
    assert_eq!(
        input.resolved_configuration().unwrap()["UserParameters"],
        resolved
    );
}

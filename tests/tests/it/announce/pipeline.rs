//! A pipeline action announces what its own execution deployed.

use delivery::job::JobEvent;
use fake_aws::codedeploy::GroupOptions;
use fake_aws::pipeline::{JobContext, JobStatus, Mode, PipelineSpec, Stage};
use fake_dynatrace::{Fault, Times, Unstored};
use release::deployment::{Origin, Standing};
use workflows::push_deployment_event::Request;

use super::{APPLICATION, HEALING, failed};
use crate::gate::stories;
use crate::world::{PIPELINE, PRODUCTION, STAGING, World, monspec};

stories![
    deployment_is_announced_with_its_way_back,
    deployment_of_this_execution_is_announced_and_not_the_latest,
    job_that_arrives_twice_announces_once,
    event_that_is_not_visible_yet_is_sent_twice_rather_than_never,
    deployment_enters_the_ledger_though_the_tenant_is_down,
    stage_without_a_deployment_makes_a_remark,
    execution_that_takes_a_stage_back_is_announced_as_a_heal,
    refused_token_is_a_matter_of_permission,
    groups_of_a_stage_that_nothing_tells_apart_are_tied_to_nothing,
];

async fn deployment_is_announced_with_its_way_back(world: World) {
    world.production_group(GroupOptions::default());
    world.announcing_pipeline(
        Mode::Superseded,
        "Production,CodePipeline Deploying in Production",
    );
    let execution = world.start_execution("4f2a9c1", &monspec());
    let job = world.aws.pipelines().next_job().unwrap();

    assert_eq!(world.announce_job(&job).await, JobStatus::Succeeded);

    let event = world.event_on(PRODUCTION);
    let deployment = &world
        .aws
        .codedeploy()
        .history(APPLICATION, "Production")
        .unwrap()[0];
    assert_eq!(event.event_type, "CUSTOM_DEPLOYMENT");
    let link = format!(
        "https://us-east-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/{PIPELINE}/executions/{execution}/timeline?region=us-east-1"
    );
    for (name, value) in [
        ("dt.event.source", "AWS CodePipeline"),
        (
            "dt.event.deployment.name",
            "CodePipeline Deploying in Production",
        ),
        ("dt.event.deployment.version", "4f2a9c1 Change the cart"),
        ("dt.event.deployment.project", PIPELINE),
        ("dt.event.deployment.ci_back_link", &link),
        ("dt.event.deployment.remediation_action_link", HEALING),
        ("PipelineName", PIPELINE),
        ("PipelineStage", "Production"),
        ("PipelineAction", "Push"),
        ("PipelineExecutionId", &execution),
        ("CodeDeploy.Application", APPLICATION),
        ("CodeDeploy.DeploymentGroup", "Production"),
        ("CodeDeploy.DeploymentId", &deployment.id),
        ("Unbreakable.Origin", "release"),
    ] {
        assert_eq!(
            event.properties.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    assert!(event.properties["Revision"].contains("4f2a9c1"));
    assert!(world.events_on(STAGING).is_empty());
    let ledger = world.ledger("Production").await;
    let [entry] = ledger.as_slice() else {
        panic!("{ledger:?}");
    };
    assert_eq!(entry.deployment.id, deployment.id);
    assert_eq!(entry.deployment.at.as_millisecond(), event.start);
    assert_eq!(entry.standing, Standing::Unknown);
}

async fn deployment_of_this_execution_is_announced_and_not_the_latest(world: World) {
    world.aws.pipelines().job_context(JobContext::WithExecution);
    world.production_group(GroupOptions::default());
    world.announcing_pipeline(Mode::Parallel, "Production,Deploying");
    let first = world.announcing_job("1");
    let _second = world.announcing_job("2");
    let history = world
        .aws
        .codedeploy()
        .history(APPLICATION, "Production")
        .unwrap();
    let of_first = history.last().unwrap().id.clone();
    assert_ne!(history[0].id, of_first);

    world.announce_job(&first).await;

    let event = world.event_on(PRODUCTION);
    assert_eq!(event.properties["CodeDeploy.DeploymentId"], of_first);
}

async fn job_that_arrives_twice_announces_once(world: World) {
    world.production_group(GroupOptions::default());
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    let job = world.announcing_job("1");
    world.announce_job(&job).await;

    let again = world.aws.pipelines().redeliver(&job.id).unwrap();
    let event: JobEvent = serde_json::from_value(again.event).unwrap();
    let outcome = world.announce(Request::Job(&event.job)).await.unwrap();

    assert!(format!("{outcome:?}").contains("have_it: 1"), "{outcome:?}");
    world.event_on(PRODUCTION);
    assert_eq!(world.ledger("Production").await.len(), 1);
}

async fn event_that_is_not_visible_yet_is_sent_twice_rather_than_never(world: World) {
    world
        .tenant
        .events_arrive_after(std::time::Duration::from_mins(1));
    world.production_group(GroupOptions::default());
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    let job = world.announcing_job("1");
    world.announce_job(&job).await;

    let event: JobEvent = serde_json::from_value(job.event).unwrap();
    world.announce(Request::Job(&event.job)).await.unwrap();

    let events = world.events_on(PRODUCTION);
    let [one, two] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(
        (one.start, &one.properties),
        (two.start, &two.properties),
        "whoever looks for causes meets one deployment"
    );
}

async fn deployment_enters_the_ledger_though_the_tenant_is_down(world: World) {
    world.production_group(GroupOptions::default());
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    world.tenant.fail(Fault::Empty502, Times::Always, "/api");
    let job = world.announcing_job("1");
    let event: JobEvent = serde_json::from_value(job.event.clone()).unwrap();

    let fault = world.announce(Request::Job(&event.job)).await.unwrap_err();

    assert!(
        format!("{fault:#}").contains("cannot announce the deployment"),
        "{fault:#}"
    );
    assert!(world.events_on(PRODUCTION).is_empty());
    assert_eq!(world.ledger("Production").await.len(), 1);
    world.tenant.clear_faults();
    assert_eq!(world.announce_job(&job).await, JobStatus::Succeeded);
    world.event_on(PRODUCTION);
    assert_eq!(world.ledger("Production").await.len(), 1);
}

async fn stage_without_a_deployment_makes_a_remark(world: World) {
    let announce = |parameters: &str| {
        let tests = Stage::new("Tests").lambda(
            "Push",
            "push-deployment-event",
            parameters,
            1,
            Some("Monspec"),
        );
        let staging = Stage::new("Staging").deploy("Deploy", APPLICATION, "Staging", 1);
        world
            .aws
            .pipelines()
            .create(PipelineSpec::new(PIPELINE).stage(staging).stage(tests));
    };

    announce("Staging,The load test begins");
    world.announce_job(&world.announcing_job("1")).await;

    let remark = world.event_on(STAGING);
    assert_eq!(remark.event_type, "CUSTOM_ANNOTATION");
    assert!(!remark.properties.contains_key("CodeDeploy.DeploymentId"));
    assert!(world.ledger("Staging").await.is_empty());

    announce(r#"{"environment":"Staging","kind":"deployment"}"#);
    world.announce_job(&world.announcing_job("2")).await;

    let told = world.events_on(STAGING).pop().unwrap();
    assert_eq!(told.event_type, "CUSTOM_DEPLOYMENT");
    assert_eq!(told.properties["CodeDeploy.DeploymentGroup"], "Staging");
    assert_eq!(world.ledger("Staging").await.len(), 1);
}

async fn execution_that_takes_a_stage_back_is_announced_as_a_heal(mut world: World) {
    world.production_group(GroupOptions::default());
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    let good = world.start_execution("1", &monspec());
    let job = world.aws.pipelines().next_job().unwrap();
    world.announce_job(&job).await;
    world.advance(jiff::SignedDuration::from_mins(10));
    world.announce_job(&world.announcing_job("2")).await;

    world.advance(jiff::SignedDuration::from_mins(10));
    let pipelines = world.aws.pipelines();
    pipelines
        .start_rollback(PIPELINE, "Production", &good)
        .unwrap();
    let job = pipelines.next_job().unwrap();
    assert_eq!(world.announce_job(&job).await, JobStatus::Succeeded);

    let told: Vec<String> = world
        .events_on(PRODUCTION)
        .iter()
        .map(|event| event.properties["Unbreakable.Origin"].clone())
        .collect();
    assert_eq!(told, ["release", "release", "heal"]);
    let newest = &world.ledger("Production").await[0];
    assert_eq!(newest.deployment.origin, Origin::Heal);
    assert_eq!(newest.standing, Standing::Unknown, "it teaches nothing");
}

async fn refused_token_is_a_matter_of_permission(mut world: World) {
    world.production_group(GroupOptions::default());
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    world.use_token("dt0c01.REVOKED.TOKEN");
    let job = world.announcing_job("1");

    let (failure, message) = failed(world.announce_job(&job).await);

    assert_eq!(failure, "PermissionError");
    assert!(message.contains("refused the API token"), "{message}");
}

#[tokio::test]
async fn status_other_than_ok_is_a_failure() {
    let world = World::start(dynatrace::Api::V2).await;
    world.production_group(GroupOptions::default());
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    world
        .tenant
        .store_no_event(Unstored::InvalidMetadata, Times::N(1));
    let job = world.announcing_job("1");

    let (failure, message) = failed(world.announce_job(&job).await);

    assert_eq!(failure, "ConfigurationError");
    assert!(message.contains("INVALID_METADATA"), "{message}");
}

#[tokio::test]
async fn registration_and_announcement_enter_a_deployment_once() {
    let world = World::start(dynatrace::Api::V2).await;
    let staging = Stage::new("Staging")
        .deploy("Deploy", APPLICATION, "Staging", 1)
        .lambda(
            "Push",
            "push-deployment-event",
            "Staging,Deploying",
            2,
            Some("Monspec"),
        )
        .lambda(
            "Register",
            "register-validation",
            crate::world::GATE,
            3,
            Some("Monspec"),
        );
    let approve = Stage::new("Approve").approval("ApproveStaging");
    let pipeline = PipelineSpec::new(PIPELINE).stage(staging).stage(approve);
    world.aws.pipelines().create(pipeline);

    world.announce_job(&world.announcing_job("1")).await;
    let registered = world.run_jobs().await;

    assert_eq!(registered, [JobStatus::Succeeded]);
    let ledger = world.ledger("Staging").await;
    assert_eq!(ledger.len(), 1, "{ledger:?}");
}

#[tokio::test]
async fn parameters_that_cannot_be_used_fail_the_job_with_what_to_correct() {
    let world = World::start(dynatrace::Api::V2).await;
    for (parameters, told) in [
        ("", "UserParameters is empty"),
        (
            "Nowhere,Deploying",
            "no environment `Nowhere`; it has `Production`, `Staging`",
        ),
        (
            "Production,https://elsewhere.example/m.json",
            "add it to ALLOWED_ORIGINS",
        ),
        (
            r#"{"environment":"Production","executionId":"e-1"}"#,
            "has no execution e-1",
        ),
    ] {
        world.announcing_pipeline(Mode::Superseded, parameters);
        let job = world.announcing_job("1");

        let (failure, message) = failed(world.announce_job(&job).await);

        assert_eq!(failure, "ConfigurationError", "{parameters}");
        assert!(message.contains(told), "{parameters}: {message}");
    }
}

#[tokio::test]
async fn parallel_execution_that_nobody_names_is_asked_for() {
    let world = World::start(dynatrace::Api::V2).await;
    world.announcing_pipeline(Mode::Parallel, "Production,Deploying");
    let job = world.announcing_job("1");

    let (failure, message) = failed(world.announce_job(&job).await);

    assert_eq!(failure, "ConfigurationError");
    assert!(
        message.contains("#{codepipeline.PipelineExecutionId}"),
        "{message}"
    );
}

#[tokio::test]
async fn action_beside_its_deployment_is_told_to_come_after_it() {
    let world = World::start(dynatrace::Api::V2).await;
    let production = Stage::new("Production")
        .lambda(
            "Push",
            "push-deployment-event",
            "Production,Deploying",
            1,
            Some("Monspec"),
        )
        .deploy("Deploy", APPLICATION, "Production", 1);
    world
        .aws
        .pipelines()
        .create(PipelineSpec::new(PIPELINE).stage(production));
    let job = world.announcing_job("1");

    let (failure, message) = failed(world.announce_job(&job).await);

    assert_eq!(failure, "ConfigurationError");
    assert!(message.contains("higher runOrder"), "{message}");
}

async fn groups_of_a_stage_that_nothing_tells_apart_are_tied_to_nothing(world: World) {
    let codedeploy = world.aws.codedeploy();
    codedeploy.application(APPLICATION);
    let production = ["Blue", "Smoke_Tests"].into_iter().zip(1..);
    let production = production.fold(Stage::new("Production"), |stage, (group, order)| {
        let options = GroupOptions::default();
        codedeploy.group(APPLICATION, group, options).unwrap();
        stage.deploy(group, APPLICATION, group, order)
    });
    let parameters = "Production,Deploying";
    let function = "push-deployment-event";
    let production = production.lambda("Push", function, parameters, 3, Some("Monspec"));
    let pipeline = PipelineSpec::new(PIPELINE).stage(production);
    world.aws.pipelines().create(pipeline);
    world.start_execution("4f2a9c1", &monspec());
    let job = world.aws.pipelines().next_job().unwrap();

    assert_eq!(world.announce_job(&job).await, JobStatus::Succeeded);

    let events = world.events_on(PRODUCTION);
    assert_eq!(events.len(), 2);
    for event in events {
        assert_eq!(event.properties["Unbreakable.GroupIsUnsure"], "true");
    }
    let ties = world.ledger.ties(&[PRODUCTION], world.now).await.unwrap();
    assert!(ties.is_empty(), "{ties:?}");
}

//! A window belongs to one build, a baseline to good ones.

use std::time::Duration;

use dynatrace::Api;
use fake_aws::pipeline::{ApprovalStatus, Mode, PipelineSpec, Stage};
use fake_dynatrace::{Fault, Times};
use jiff::{SignedDuration, Timestamp};
use monspec::{Outcome, Verdict};
use release::deployment::{Deployment, Group, Standing};
use release::evidence::{About, Evidence, Unjudged};
use release::validation::{Ending, ValidationId};
use serde_json::json;
use workflows::register_validation::{Outcome as Registered, Request, register_validation};

use crate::gate::stories;
use crate::world::{GATE, PIPELINE, PRODUCTION, STAGING, World, monspec, only};

stories! {
    overtaken_window_is_not_judged,
    pipeline_without_deployments_says_what_may_go_unseen,
    later_execution_in_the_stage_overtakes_where_no_deployments_are_known,
    execution_that_deploys_in_an_earlier_stage_overtakes,
    execution_that_only_builds_does_not_overtake,
    execution_that_deployed_before_the_registration_overtakes,
    sidecar_of_another_execution_overtakes_before_its_deployment,
    healed_build_has_failed,
    baseline_of_a_bad_build_is_not_trusted,
    baseline_of_a_bad_build_is_not_trusted_however_much_came_since,
    fix_that_registered_nothing_ends_the_taint,
    look_ahead_of_a_shift_belongs_to_the_window,
    call_without_an_execution_knows_the_groups_that_are_listed,
    verdict_teaches_the_ledger,
    second_release_is_judged_on_its_own_while_the_first_waits,
}

async fn overtaken_window_is_not_judged(mut world: World) {
    world.gate_in(
        Mode::Parallel,
        "StagingToProduction,5,ApproveStaging,#{codepipeline.PipelineExecutionId}",
    );
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let first = world.release("1", &monspec()).await;
    world.advance(SignedDuration::from_mins(3));
    // It deploys, but has not come to its registering action yet.
    let second = world.start_execution("2", &monspec());
    world.advance(SignedDuration::from_mins(4));

    let ticked = world.tick().await;

    assert_eq!(world.answered(&first), ApprovalStatus::Waiting);
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.verdict, Verdict::Inconclusive);
    measured_but_not_judged(&evidence);
    assert_eq!(evidence.context.unjudged, Some(Unjudged::Overtaken));
    let links = &evidence.context.links;
    assert_eq!(links[0].about, About::Deployment);
    let execution = links.iter().find(|link| link.about == About::Execution);
    let execution = execution.unwrap();
    assert_eq!(execution.name, first);
    let page = execution.address.as_ref().unwrap();
    assert!(
        page.ends_with(&format!("{first}/timeline?region=us-east-1")),
        "{page}"
    );
    let charts = links.iter().find(|link| link.about == About::Charts);
    let charts = charts.unwrap().address.as_ref().unwrap();
    assert!(
        charts.contains(&format!("/ui/entity/{STAGING}")),
        "{charts}"
    );
    let reason = evidence.reason.unwrap();
    assert!(reason.starts_with("overtaken: deployment d-"), "{reason}");
    assert!(reason.contains("2026-01-05T10:03:00Z"), "{reason}");

    world.run_jobs().await;
    world.pass_window().await;
    assert_eq!(world.answered(&second), ApprovalStatus::Approved);
}

/// API v1 asks for the entities before any number, so that there either both
/// entries are measured or neither.
#[tokio::test]
async fn entry_that_cannot_be_measured_hides_no_number_of_an_overtaken_window() {
    let mut world = World::start(Api::V2).await;
    world.gate_in(
        Mode::Parallel,
        "StagingToProduction,5,ApproveStaging,#{codepipeline.PipelineExecutionId}",
    );
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let mut spec = monspec();
    let mut neighbours = spec["SampleJSonService"].clone();
    neighbours["perfsignature"] = json!([{"smartscape": "toRelationships:calls"}]);
    spec["Neighbours"] = neighbours;
    world.release("1", &spec).await;
    world.advance(SignedDuration::from_mins(3));
    world.start_execution("2", &spec);
    world.advance(SignedDuration::from_mins(4));
    let entities = "/api/v2/entities";
    let tenant = &world.tenant;
    tenant.fail(Fault::CloseConnection, Times::Always, entities);

    let ticked = world.tick_within(Duration::from_secs(4)).await.unwrap();

    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.context.unjudged, Some(Unjudged::Overtaken));
    measured_but_not_judged(&evidence);
}

async fn pipeline_without_deployments_says_what_may_go_unseen(mut world: World) {
    without_deployments(&world);
    let execution = world.release("1", &monspec()).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let said = "No deployments are known, so overlapping releases may go undetected.";
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.note.as_deref(), Some(said));
    let summary = world.approval(&execution).summary.unwrap();
    assert!(summary.contains(said), "{summary}");
}

async fn later_execution_in_the_stage_overtakes_where_no_deployments_are_known(mut world: World) {
    without_deployments(&world);
    let first = world.release("1", &monspec()).await;
    world.advance(SignedDuration::from_mins(3));
    let second = world.release("2", &monspec()).await;
    world.advance(SignedDuration::from_mins(4));

    let ticked = world.tick().await;

    assert_eq!(world.answered(&first), ApprovalStatus::Waiting);
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.verdict, Verdict::Inconclusive);
    let reason = evidence.reason.unwrap();
    let overtaken = format!("overtaken: execution {second} reached stage `Staging`");
    assert!(reason.starts_with(&overtaken), "{reason}");
    world.pass_window().await;
    assert_eq!(world.answered(&second), ApprovalStatus::Approved);
}

const NAMED: &str = "StagingToProduction,5,ApproveStaging,#{codepipeline.PipelineExecutionId}";

fn register(stage: Stage, run_order: u16) -> Stage {
    let monspec = Some("Monspec");
    stage.lambda("Register", "register-validation", NAMED, run_order, monspec)
}

/// A pipeline of these stages, and a build that is as good as production.
fn declare(world: &World, mode: Mode, stages: impl IntoIterator<Item = Stage>) {
    let pipeline = PipelineSpec::new(PIPELINE).mode(mode);
    let pipeline = stages.into_iter().fold(pipeline, PipelineSpec::stage);
    world.aws.pipelines().create(pipeline);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
}

/// Stages of their own build, deploy and ask for the verdict.
fn in_three_stages(deploy: Stage) -> [Stage; 3] {
    let build = Stage::new("Build")
        .elsewhere("Build", "Build", "CodeBuild", 1)
        .output_artifact("Bundle");
    let gate = register(Stage::new("Approve"), 1).approval("ApproveStaging");
    [build, deploy, gate]
}

fn ways_to_deploy() -> [Stage; 3] {
    let stage = || Stage::new("Deploy");
    [
        stage().elsewhere("Roll", "Deploy", "ECS", 1),
        stage().elsewhere("Roll", "Build", "CodeBuild", 1),
        stage()
            .elsewhere("Roll", "Deploy", "ECS", 1)
            .elsewhere("Load", "Test", "CodeBuild", 2),
    ]
}

/// The gate is still taken by the first, while the next one deploys.
async fn execution_that_deploys_in_an_earlier_stage_overtakes(first: World) {
    for deploy in ways_to_deploy() {
        let mut world = World::start(first.api).await;
        declare(&world, Mode::Superseded, in_three_stages(deploy));
        let one = world.release("1", &monspec()).await;
        world.advance(SignedDuration::from_mins(2));
        let two = world.release("2", &monspec()).await;
        world.advance(SignedDuration::from_mins(6));

        let ticked = world.tick().await;

        assert_eq!(world.answered(&one), ApprovalStatus::Waiting);
        let evidence = world.evidence(only(&ticked)).await;
        assert_eq!(evidence.context.unjudged, Some(Unjudged::Overtaken));
        let reason = evidence.reason.unwrap();
        let said = format!("overtaken: execution {two} reached stage `Deploy` at 2026-01-05T10:02");
        assert!(reason.starts_with(&said), "{reason}");
    }
}

async fn execution_that_only_builds_does_not_overtake(first: World) {
    for deploy in ways_to_deploy() {
        let mut world = World::start(first.api).await;
        declare(&world, Mode::Superseded, in_three_stages(deploy));
        let one = world.release("1", &monspec()).await;
        world.advance(SignedDuration::from_mins(2));
        let pipelines = world.aws.pipelines();
        pipelines.hold_deploy(PIPELINE, "Build", "Build").unwrap();
        world.release("2", &monspec()).await;

        world.pass_window().await;

        assert_eq!(world.answered(&one), ApprovalStatus::Approved);
    }
}

/// Both deploy, one after the other, and are tested for long before they ask for
/// a verdict. The environment is the second one's.
async fn execution_that_deployed_before_the_registration_overtakes(mut world: World) {
    let staging = Stage::new("Staging")
        .elsewhere("Roll", "Deploy", "ECS", 1)
        .test("Load");
    let approve = Stage::new("Approve").approval("ApproveStaging");
    declare(&world, Mode::Parallel, [register(staging, 3), approve]);
    let pipelines = world.aws.pipelines().clone();
    pipelines.hold_deploy(PIPELINE, "Staging", "Load").unwrap();
    let one = world.start_execution("1", &monspec());
    world.advance(SignedDuration::from_mins(5));
    let two = world.start_execution("2", &monspec());
    world.advance(SignedDuration::from_mins(5));

    for (execution, told) in [
        (one, ApprovalStatus::Waiting),
        (two, ApprovalStatus::Approved),
    ] {
        let done = fake_aws::pipeline::Ending::Succeeded;
        pipelines
            .finish_deploy(PIPELINE, "Staging", "Load", &execution, done)
            .unwrap();
        world.run_jobs().await;
        world.pass_window().await;
        assert_eq!(world.answered(&execution), told);
    }
}

/// What CodeDeploy deploys comes after the end of the window.
async fn sidecar_of_another_execution_overtakes_before_its_deployment(mut world: World) {
    let staging = Stage::new("Staging")
        .elsewhere("Sidecar", "Deploy", "ECS", 1)
        .deploy("Deploy", "SampleDevOpsApp", "Staging", 2);
    let approve = Stage::new("Approve").approval("ApproveStaging");
    declare(&world, Mode::Parallel, [register(staging, 3), approve]);
    let one = world.release("1", &monspec()).await;
    world.advance(SignedDuration::from_mins(3));
    let pipelines = world.aws.pipelines();
    pipelines
        .hold_deploy(PIPELINE, "Staging", "Sidecar")
        .unwrap();
    let two = world.start_execution("2", &monspec());
    world.advance(SignedDuration::from_mins(5));

    let ticked = world.tick().await;

    assert_eq!(world.answered(&one), ApprovalStatus::Waiting);
    let reason = world.evidence(only(&ticked)).await.reason.unwrap();
    let said = format!("overtaken: execution {two} reached stage `Staging`");
    assert!(reason.starts_with(&said), "{reason}");
}

/// A pipeline that releases by other means than CodeDeploy.
fn without_deployments(world: &World) {
    let staging = register(Stage::new("Staging").test("Rollout"), 2);
    let approve = Stage::new("Approve").approval("ApproveStaging");
    declare(world, Mode::Parallel, [staging, approve]);
}

async fn healed_build_has_failed(mut world: World) {
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    world.advance(SignedDuration::from_mins(2));
    let group = Group {
        application: "SampleDevOpsApp".to_owned(),
        name: "Staging".to_owned(),
    };
    let known = world.ledger.deployments(&group, world.now).await.unwrap();
    let healing = world.heal("Staging", &known[0].deployment.id).await;
    let problem = world.tenant.problem("Failure rate increase");
    let problem = problem.impacts(STAGING).open();
    world.hold_against("Staging", problem.id()).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.verdict, Verdict::Failed);
    measured_but_not_judged(&evidence);
    assert_eq!(evidence.context.unjudged, Some(Unjudged::Healed));
    let [blamed, heal, ..] = evidence.context.links.as_slice() else {
        panic!("{:?}", evidence.context);
    };
    assert_eq!(
        (blamed.about, heal.about),
        (About::Problem, About::Deployment)
    );
    assert_eq!(heal.name, healing);
    assert!(blamed.name.starts_with(&problem.display_id()), "{blamed:?}");
    let page = blamed.address.as_ref().unwrap();
    assert!(page.ends_with(&format!("pid={}", problem.id())), "{page}");
    assert!(
        evidence
            .reason
            .unwrap()
            .contains(&format!("{healing} healed SampleDevOpsApp/Staging"))
    );
}

async fn baseline_of_a_bad_build_is_not_trusted(mut world: World) {
    bad_build_in_production(&mut world).await;

    let second = world.release("2", &monspec()).await;
    let ticked = world.pass_window().await;

    let approval = world
        .aws
        .pipelines()
        .approval(PIPELINE, "ApproveStaging", "ApproveStaging", &second)
        .unwrap();
    assert_eq!(approval.status, ApprovalStatus::Waiting);
    let judged = ticked
        .looks
        .iter()
        .find(|look| look.about.judged.is_some())
        .unwrap();
    let evidence = world.evidence(judged.about.registration.id).await;
    assert_eq!(evidence.verdict, Verdict::Inconclusive);
    assert_eq!(evidence.context.unjudged, Some(Unjudged::Tainted));
    assert_eq!(evidence.context.links[0].about, About::Deployment);
    for found in &evidence.findings {
        assert_eq!(found.finding.outcome, Outcome::Inconclusive);
        assert!(found.finding.observation.is_some());
        assert!(found.finding.baseline.is_some(), "shown, and not used");
        assert!(
            found.finding.reason.contains("ran in it and is bad"),
            "{}",
            found.finding.reason
        );
    }
}

/// The build of a week ago was bad, and eight a day came after it.
async fn baseline_of_a_bad_build_is_not_trusted_however_much_came_since(mut world: World) {
    const WEEK: i64 = 7 * 24 * 3_600_000;
    let spec = crate::world::monspec_with("shiftcomparetimeframe", serde_json::json!(WEEK / 1_000));
    world.gate_in(
        Mode::Parallel,
        "StagingToStagingLastHour,5,ApproveStaging,#{codepipeline.PipelineExecutionId}",
    );
    let first = world.now.as_millisecond();
    for (begin, milliseconds) in [(first - WEEK, 100.0), (first, 300.0), (first + WEEK, 300.0)] {
        world.traffic_between(STAGING, begin, begin + 900_000, milliseconds, 0.0);
    }
    let bad = world.release("1", &spec).await;
    world.pass_window().await;
    assert_eq!(world.answered(&bad), ApprovalStatus::Rejected);
    let staging = Group {
        application: "SampleDevOpsApp".to_owned(),
        name: "Staging".to_owned(),
    };
    let known = world.ledger.deployments(&staging, world.now).await.unwrap();
    let judged = known[0].deployment.clone();
    for number in 0..56 {
        world.advance(SignedDuration::from_mins(178));
        let bundle = number.to_string();
        world
            .aws
            .s3()
            .put("bundles", &bundle, bundle.as_bytes().to_vec());
        let revision = fake_aws::codedeploy::Revision::s3("bundles", &bundle);
        let id = world
            .aws
            .codedeploy()
            .deploy_by_person("SampleDevOpsApp", "Staging", revision)
            .unwrap();
        // As the notice of CodeDeploy tells it.
        let deployment = Deployment {
            id,
            at: world.now,
            identity: format!("location:{bundle}"),
            execution: None,
            ..judged.clone()
        };
        world.ledger.record_deployment(&deployment).await.unwrap();
    }
    world.at(Timestamp::from_millisecond(first + WEEK).unwrap());
    let again = world.release("2", &spec).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&again), ApprovalStatus::Waiting);
    let judged = ticked.looks.iter().find(|look| look.about.judged.is_some());
    let evidence = world.evidence(judged.unwrap().about.registration.id).await;
    assert_eq!(evidence.context.unjudged, Some(Unjudged::Tainted));
}

async fn fix_that_registered_nothing_ends_the_taint(mut world: World) {
    bad_build_in_production(&mut world).await;
    world.advance(SignedDuration::from_hours(2));
    // From here on production has no gate of its own.
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let first = world.release("2", &monspec()).await;
    world.pass_window().await;
    assert_eq!(
        world.answered(&first),
        ApprovalStatus::Waiting,
        "the baseline is tainted"
    );
    // A person lets it pass; its production stage registers nothing.
    let pipelines = world.aws.pipelines();
    let approve = fake_aws::pipeline::Answer::Approved;
    pipelines
        .answer_by_person(
            PIPELINE,
            "Approve",
            "ApproveStaging",
            &first,
            approve,
            "fixed",
        )
        .unwrap();
    world.advance(SignedDuration::from_mins(10));
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let second = world.release("3", &monspec()).await;

    world.pass_window().await;

    assert_eq!(world.answered(&second), ApprovalStatus::Approved);
}

async fn look_ahead_of_a_shift_belongs_to_the_window(mut world: World) {
    world.gate_in(
        Mode::Parallel,
        "StagingToProduction,5,ApproveStaging,#{codepipeline.PipelineExecutionId}",
    );
    let spec = crate::world::monspec_with("shiftsourcetimeframe", serde_json::json!(-600));
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let first = world.release("1", &spec).await;
    // After the window, before the end of what is looked at.
    world.advance(SignedDuration::from_mins(9));
    world.start_execution("2", &spec);
    world.advance(SignedDuration::from_mins(9));

    let ticked = world.tick().await;

    assert_eq!(world.answered(&first), ApprovalStatus::Waiting);
    let evidence = world.evidence(only(&ticked)).await;
    assert!(evidence.reason.unwrap().starts_with("overtaken"));
}

/// A nightly look at both environments.
async fn called(world: &mut World, spec: &serde_json::Value) -> ValidationId {
    world.behind = String::from(
        "DeploymentGroup:Staging=SampleDevOpsApp/Staging,\
         DeploymentGroup:Production=SampleDevOpsApp/Production",
    );
    let call = serde_json::json!(
        {"pipeline": "Nightly", "comparison": "StagingToProduction", "monspec": spec}
    );
    let call = call.to_string();
    let services = world.registering();
    let outcome = register_validation(&services, Request::Direct(&call), world.now).await;
    let Ok(Registered::Waiting { id, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    id
}

async fn call_without_an_execution_knows_the_groups_that_are_listed(first: World) {
    let spec = crate::world::monspec_with("missingBaseline", serde_json::json!("firstRelease"));
    for (deployed, verdict, unjudged) in [
        (None, Verdict::Passed, None),
        (Some("Production"), Verdict::Inconclusive, None),
        (
            Some("Staging"),
            Verdict::Inconclusive,
            Some(Unjudged::Overtaken),
        ),
    ] {
        let mut world = World::start(first.api).await;
        world.traffic(STAGING, 100.0, 0.0);
        let id = called(&mut world, &spec).await;
        world.advance(SignedDuration::from_mins(2));
        if let Some(group) = deployed {
            world.aws.s3().put("bundles", "1", b"1".to_vec());
            let revision = fake_aws::codedeploy::Revision::s3("bundles", "1");
            let codedeploy = world.aws.codedeploy();
            codedeploy
                .deploy_by_person("SampleDevOpsApp", group, revision)
                .unwrap();
        }
        world.pass_window().await;
        world.advance(SignedDuration::from_mins(6));
        world.tick().await;

        let evidence = world.evidence(id).await;
        assert_eq!(evidence.verdict, verdict, "{deployed:?}: {evidence:?}");
        assert_eq!(evidence.context.unjudged, unjudged, "{deployed:?}");
    }

    let mut world = World::start(first.api).await;
    bad_build_in_production(&mut world).await;
    let id = called(&mut world, &monspec()).await;
    world.pass_window().await;
    let evidence = world.evidence(id).await;
    assert_eq!(evidence.context.unjudged, Some(Unjudged::Tainted));
}

async fn verdict_teaches_the_ledger(first: World) {
    for (milliseconds, failed, standing) in
        [(100.0, 0.0, Standing::Good), (300.0, 0.5, Standing::Bad)]
    {
        let mut world = World::start(first.api).await;
        world.gate(GATE);
        world.traffic(STAGING, milliseconds, failed);
        world.traffic(PRODUCTION, 100.0, 0.0);
        world.release("1", &monspec()).await;
        let staging = Group {
            application: "SampleDevOpsApp".to_owned(),
            name: "Staging".to_owned(),
        };
        let known = world.ledger.deployments(&staging, world.now).await.unwrap();
        assert_eq!(known[0].standing, Standing::Unknown);

        let ticked = world.pass_window().await;

        let known = world.ledger.deployments(&staging, world.now).await.unwrap();
        assert_eq!(known[0].standing, standing);
        assert!(known[0].taught_by.contains(&only(&ticked).to_string()));
    }
}

async fn second_release_is_judged_on_its_own_while_the_first_waits(mut world: World) {
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let first = world.release("1", &monspec()).await;
    world.advance(SignedDuration::from_mins(6));
    world.traffic_between(
        STAGING,
        world.now.as_millisecond(),
        world.now.as_millisecond() + 1_000_000,
        100.0,
        0.0,
    );
    let second = world.release("2", &monspec()).await;

    world.advance(SignedDuration::from_mins(2));
    world.tick().await;
    assert_eq!(world.answered(&first), ApprovalStatus::Approved);
    assert_eq!(world.answered(&second), ApprovalStatus::Waiting);

    let ticked = world.pass_window().await;
    assert_eq!(world.answered(&second), ApprovalStatus::Approved);
    let validation = world.validation(only(&ticked)).await;
    assert_eq!(
        validation.registration.execution.as_deref(),
        Some(second.as_str())
    );
    assert!(matches!(validation.ending(), Some(Ending::Answered { .. })));
}

/// Passes its staging gate, then production shows that it is bad.
async fn bad_build_in_production(world: &mut World) {
    world.pipeline(
        Mode::Superseded,
        GATE,
        "ProductionToStaging,5,ApproveProduction",
    );
    world.traffic(STAGING, 200.0, 0.0);
    world.traffic(PRODUCTION, 200.0, 0.0);
    world.release("1", &monspec()).await;
    world.advance(SignedDuration::from_mins(8));
    world.tick().await;
    world.traffic_between(
        PRODUCTION,
        world.now.as_millisecond(),
        world.now.as_millisecond() + 3_600_000,
        900.0,
        0.0,
    );
    world.run_jobs().await;
    world.advance(SignedDuration::from_mins(8));
    world.tick().await;
    let production = Group {
        application: "SampleDevOpsApp".to_owned(),
        name: "Production".to_owned(),
    };
    let history = world
        .ledger
        .deployments(&production, world.now)
        .await
        .unwrap();
    assert_eq!(history[0].standing, Standing::Bad);
}

/// The numbers are there, and none of them says anything.
fn measured_but_not_judged(evidence: &Evidence) {
    assert_eq!(evidence.findings.len(), 4);
    for found in &evidence.findings {
        let finding = &found.finding;
        assert_eq!(finding.outcome, Outcome::Inconclusive);
        assert!(finding.observation.is_some(), "{finding:?}");
        assert_eq!((finding.upper_limit, finding.margin), (None, None));
    }
}

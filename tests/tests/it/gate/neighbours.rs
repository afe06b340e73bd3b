//! Two services that one stage deploys, each of a source of its own: what is said
//! of the one says nothing of the other.

use fake_aws::codedeploy::{DeploymentEnd, GroupOptions, Revision};
use fake_aws::pipeline::{Answer, ApprovalStatus, Mode, PipelineSpec, SourceRevision, Stage};
use jiff::SignedDuration;
use release::deployment::{Deployment, Group, Origin, Standing};
use release::evidence::Unjudged;
use release::validation::ValidationId;
use workflows::validate_builds::Ticked;

use crate::gate::stories;
use crate::world::{PIPELINE, PRODUCTION, STAGING, World, monspec};

stories! {
    good_neighbour_makes_no_build_its_own_baseline,
    neighbour_that_stays_as_it_was_holds_up_nothing,
    neighbour_that_stays_as_it_was_is_taught_nothing_by_its_own_minutes,
    neighbour_of_another_pipeline_must_stay_as_it_is,
    neighbour_that_a_later_stage_deploys_must_stay_as_it_is,
    healed_build_has_failed_although_its_neighbour_was_overtaken,
    stage_of_one_group_is_told_apart_from_a_later_one,
}

const LISTED: &str = "DeploymentGroup:Staging=Web/Staging,DeploymentGroup:Staging=Api/Staging";
const WITH_ITSELF: &str =
    "StagingToStagingLastHour,5,ApproveStaging,#{codepipeline.PipelineExecutionId}";
const WITH_PRODUCTION: &str =
    "StagingToProduction,5,ApproveStaging,#{codepipeline.PipelineExecutionId}";

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// Both services in both environments, and one gate.
fn two_services(world: &World, parameters: &str) {
    let deploys = |stage: &str| {
        let stage_of = |declared: Stage, service: &str| {
            world.group(service, stage, GroupOptions::default());
            declared
                .deploy(service, service, stage, 1)
                .input_artifact(service)
        };
        stage_of(stage_of(Stage::new(stage), "Web"), "Api")
    };
    let staging = deploys("Staging").lambda(
        "Register",
        "register-validation",
        parameters,
        2,
        Some("Monspec"),
    );
    let pipeline = PipelineSpec::new(PIPELINE)
        .mode(Mode::Parallel)
        .stage(staging)
        .stage(Stage::new("Approve").approval("ApproveStaging"))
        .stage(deploys("Production"));
    world.aws.pipelines().create(pipeline);
}

/// Releases these versions of the two services.
async fn release(world: &World, web: &str, api: &str) -> String {
    let source = SourceRevision::new("m", "A change")
        .artifact("Monspec", monspec().to_string())
        .artifact_at("Web", web, format!("web {web}"))
        .artifact_at("Api", api, format!("api {api}"));
    let execution = world.aws.pipelines().start(PIPELINE, source).unwrap();
    world.run_jobs().await;
    execution
}

/// Even traffic on both sides, from so many minutes ago until in so many.
fn traffic(world: &World, ago: i64, ahead: i64) {
    let now = world.now.as_millisecond();
    for service in [STAGING, PRODUCTION] {
        let (from, to) = (now - ago * 60_000, now + ahead * 60_000);
        world.traffic_between(service, from, to, 100.0, 0.0);
    }
}

/// Waits out the window and the patience for what is missing.
async fn judged(world: &mut World) -> ValidationId {
    judged_after(world, 8).await
}

async fn judged_after(world: &mut World, left: i64) -> ValidationId {
    world.advance(minutes(left));
    let at_once = world.tick().await;
    world.advance(minutes(6));
    let late = world.tick().await;
    let judged = |ticked: &Ticked| {
        let mut looks = ticked.looks.iter();
        let look = looks.find(|look| look.about.judged.is_some());
        look.map(|look| look.about.registration.id)
    };
    judged(&at_once).or(judged(&late)).unwrap()
}

/// What is known of the deployments of a service to staging, the newest first.
async fn standings(world: &World, service: &str) -> Vec<Standing> {
    let group = Group {
        application: service.to_owned(),
        name: "Staging".to_owned(),
    };
    let known = world.ledger.deployments(&group, world.now).await.unwrap();
    known.iter().map(|entry| entry.standing).collect()
}

/// The pipeline tells what it brought to production.
async fn announced(world: &World, web: &str, api: &str) {
    for (service, version) in [("Web", web), ("Api", api)] {
        let group = Group {
            application: service.to_owned(),
            name: "Production".to_owned(),
        };
        let made = world.aws.codedeploy().history(service, "Production");
        let deployment = Deployment {
            id: made.unwrap()[0].id.clone(),
            group,
            at: world.now,
            execution: None,
            identity: format!("sources:{service}={version}"),
            location: None,
            digest: None,
            version: version.to_owned(),
            origin: Origin::Release,
        };
        world.ledger.record_deployment(&deployment).await.unwrap();
    }
}

/// Nobody measured it, and a person lets it pass all the same.
async fn let_through(world: &mut World, web: &str, api: &str) {
    let unmeasured = release(world, web, api).await;
    judged(world).await;
    assert_eq!(world.answered(&unmeasured), ApprovalStatus::Waiting);
    let (stage, action) = ("Approve", "ApproveStaging");
    let pipelines = world.aws.pipelines();
    pipelines
        .answer_by_person(
            PIPELINE,
            stage,
            action,
            &unmeasured,
            Answer::Approved,
            "it is fine",
        )
        .unwrap();
    world.tick().await;
    announced(world, web, api).await;
}

/// The one service is known to be good; the other is released again an hour after
/// it was first, when nobody measured it.
async fn good_neighbour_makes_no_build_its_own_baseline(mut world: World) {
    world.behind = String::from(LISTED);
    two_services(&world, WITH_ITSELF);
    traffic(&world, 120, 10);
    release(&world, "1", "7").await;
    judged(&mut world).await;
    assert_eq!(standings(&world, "Api").await, [Standing::Good]);
    world.advance(minutes(76));
    release(&world, "2", "7").await;
    judged(&mut world).await;
    assert_eq!(standings(&world, "Web").await[0], Standing::Unknown);
    world.advance(minutes(46));
    traffic(&world, 65, 50);

    let again = release(&world, "2", "7").await;
    let id = judged(&mut world).await;

    assert_eq!(world.answered(&again), ApprovalStatus::Waiting);
    let evidence = world.evidence(id).await;
    assert_eq!(evidence.context.unjudged, Some(Unjudged::OwnBaseline));
    let reason = &evidence.findings[0].finding.reason;
    assert!(reason.contains("of Web/Staging"), "{reason}");
    assert_eq!(standings(&world, "Web").await[0], Standing::Unknown);

    // Nor does a neighbour that is new: nobody let this one through.
    world.advance(minutes(46));
    traffic(&world, 10, 60);
    let beside_another = release(&world, "2", "8").await;
    judged(&mut world).await;
    assert_eq!(world.answered(&beside_another), ApprovalStatus::Waiting);
    assert_eq!(standings(&world, "Web").await[0], Standing::Unknown);
}

/// Services that cannot be told apart are taught nothing, so that no content of
/// theirs is ever known to be good.
async fn neighbour_that_stays_as_it_was_holds_up_nothing(mut world: World) {
    two_services(&world, WITH_PRODUCTION);
    traffic(&world, 1, 600);
    for (web, api, told) in [
        ("1", "7", ApprovalStatus::Approved),
        ("2", "7", ApprovalStatus::Approved),
        // Production runs the same: there is nothing that could be judged.
        ("2", "7", ApprovalStatus::Waiting),
        ("2", "8", ApprovalStatus::Approved),
    ] {
        let execution = release(&world, web, api).await;
        let id = judged(&mut world).await;

        let evidence = world.evidence(id).await;
        assert_eq!(
            world.answered(&execution),
            told,
            "{web}, {api}: {evidence:?}"
        );
        if told == ApprovalStatus::Waiting {
            assert_eq!(evidence.context.unjudged, Some(Unjudged::OwnBaseline));
        } else {
            announced(&world, web, api).await;
        }
        let standing = standings(&world, "Api").await[0];
        assert_eq!(standing, Standing::Unknown, "{web}, {api}");
        world.advance(minutes(46));
    }
}

async fn neighbour_that_stays_as_it_was_is_taught_nothing_by_its_own_minutes(mut world: World) {
    world.behind = String::from(LISTED);
    two_services(&world, WITH_PRODUCTION);
    let_through(&mut world, "1", "7").await;
    world.advance(minutes(46));
    traffic(&world, 1, 60);

    let next = release(&world, "2", "7").await;
    judged(&mut world).await;

    assert_eq!(world.answered(&next), ApprovalStatus::Approved);
    assert_eq!(
        standings(&world, "Web").await,
        [Standing::Good, Standing::Unknown]
    );
    assert_eq!(standings(&world, "Api").await, [Standing::Unknown; 2]);
}

/// Web is released; Api, which is behind the same environment, has a pipeline of
/// its own.
fn web_alone(world: &World) {
    for service in ["Web", "Api"] {
        world.group(service, "Staging", GroupOptions::default());
    }
    let staging = Stage::new("Staging")
        .deploy("Web", "Web", "Staging", 1)
        .input_artifact("Web")
        .lambda(
            "Register",
            "register-validation",
            WITH_PRODUCTION,
            2,
            Some("Monspec"),
        );
    let pipeline = PipelineSpec::new(PIPELINE).mode(Mode::Parallel);
    let approve = Stage::new("Approve").approval("ApproveStaging");
    let pipelines = world.aws.pipelines();
    pipelines.create(pipeline.stage(staging).stage(approve));
}

/// Somebody deploys the other service.
fn by_person(world: &World, options: GroupOptions) -> String {
    world.group("Api", "Staging", options);
    world.aws.s3().put("bundles", "api", b"api".to_vec());
    let codedeploy = world.aws.codedeploy();
    codedeploy
        .deploy_by_person("Api", "Staging", Revision::s3("bundles", "api"))
        .unwrap()
}

fn slow(duration: i64) -> GroupOptions {
    GroupOptions {
        duration: minutes(duration),
        instances: ["i-1", "i-2", "i-3"].map(str::to_owned).to_vec(),
        ..GroupOptions::default()
    }
}

async fn neighbour_of_another_pipeline_must_stay_as_it_is(first: World) {
    let failed = GroupOptions {
        outcome: DeploymentEnd::Failed,
        reaches: Some(0),
        ..slow(1)
    };
    for (case, minute, options, disturbs) in [
        ("in the window", 2, slow(1), true),
        ("it goes on in the window", -1, slow(3), true),
        ("it ended before the window", -6, slow(3), false),
        ("it touched nothing", 2, failed, false),
        ("after the window", 6, slow(1), false),
    ] {
        let mut world = World::start(first.api).await;
        world.behind = String::from(LISTED);
        web_alone(&world);
        traffic(&world, 60, 60);
        let mut other = String::new();
        if minute < 0 {
            other = by_person(&world, options.clone());
            world.advance(minutes(-minute));
        }
        let execution = release(&world, "2", "7").await;
        if 0 < minute {
            world.advance(minutes(minute));
            other = by_person(&world, options);
        }

        let id = judged_after(&mut world, 8 - minute.max(0)).await;

        let evidence = world.evidence(id).await;
        let (told, known) = if disturbs {
            let reason = evidence.reason.unwrap();
            let said = format!("overtaken: deployment {other} reached Api/Staging");
            assert!(reason.starts_with(&said), "{case}: {reason}");
            (ApprovalStatus::Waiting, Standing::Unknown)
        } else {
            (ApprovalStatus::Approved, Standing::Good)
        };
        assert_eq!(world.answered(&execution), told, "{case}");
        assert_eq!(standings(&world, "Web").await, [known], "{case}");
    }
}

/// The two cannot be told apart, and the gate between them deploys nothing.
async fn neighbour_that_a_later_stage_deploys_must_stay_as_it_is(mut world: World) {
    for service in ["Web", "Api"] {
        world.group(service, "Staging", GroupOptions::default());
    }
    let deploy = |service: &str| {
        Stage::new(service)
            .deploy(service, service, "Staging", 1)
            .input_artifact(service)
    };
    let gate = Stage::new("Approve")
        .lambda(
            "Register",
            "register-validation",
            WITH_PRODUCTION,
            1,
            Some("Monspec"),
        )
        .approval("ApproveStaging");
    let pipeline = PipelineSpec::new(PIPELINE).mode(Mode::Parallel);
    let pipeline = pipeline.stage(deploy("Web")).stage(gate);
    world.aws.pipelines().create(pipeline.stage(deploy("Api")));
    traffic(&world, 1, 60);
    let execution = release(&world, "2", "7").await;
    world.advance(minutes(2));
    let other = by_person(&world, GroupOptions::default());

    let id = judged(&mut world).await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let reason = world.evidence(id).await.reason.unwrap();
    let said = format!("overtaken: deployment {other} reached Api/Staging");
    assert!(reason.starts_with(&said), "{reason}");
}

/// What the heal does not name is not condemned by it.
async fn healed_build_has_failed_although_its_neighbour_was_overtaken(mut world: World) {
    world.behind = String::from(LISTED);
    two_services(&world, WITH_PRODUCTION);
    traffic(&world, 1, 60);
    let execution = release(&world, "2", "7").await;
    world.advance(minutes(2));
    by_person(&world, GroupOptions::default());
    let made = world.aws.codedeploy().history("Web", "Staging").unwrap();
    world.heal_of("Web", "Staging", &made[0].id).await;

    let id = judged_after(&mut world, 6).await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
    let evidence = world.evidence(id).await;
    assert_eq!(evidence.context.unjudged, Some(Unjudged::Healed));
    assert_eq!(standings(&world, "Web").await, [Standing::Bad]);
    assert_eq!(standings(&world, "Api").await, [Standing::Unknown]);
}

/// The later stage deploys to a group of the same name, within the window.
async fn stage_of_one_group_is_told_apart_from_a_later_one(mut world: World) {
    for service in ["Web", "Api"] {
        world.group(service, "Staging", GroupOptions::default());
    }
    let deploy = |service: &str| {
        Stage::new(service)
            .deploy(service, service, "Staging", 1)
            .input_artifact(service)
    };
    let first = deploy("Web").lambda(
        "Register",
        "register-validation",
        WITH_PRODUCTION,
        2,
        Some("Monspec"),
    );
    let pipeline = PipelineSpec::new(PIPELINE).mode(Mode::Parallel);
    let approve = Stage::new("Approve").approval("ApproveStaging");
    let pipeline = pipeline.stage(first).stage(deploy("Api")).stage(approve);
    world.aws.pipelines().create(pipeline);
    traffic(&world, 1, 60);

    let execution = release(&world, "2", "7").await;
    let id = judged(&mut world).await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    assert_eq!(world.evidence(id).await.note, None);
    assert_eq!(standings(&world, "Web").await, [Standing::Good]);
    assert!(standings(&world, "Api").await.is_empty());
}

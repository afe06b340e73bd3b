//! What a build may be held against: never itself, and nothing at all only
//! where nothing ever was.

use fake_aws::Fault;
use fake_aws::codedeploy::{Creator, DeploymentEnd, GroupOptions, Revision};
use fake_aws::pipeline::{ApprovalStatus, Ending, Mode, PipelineSpec, SourceRevision, Stage};
use jiff::SignedDuration;
use monspec::Verdict;
use release::deployment::{Group, Standing};
use release::evidence::{About, Evidence, Unjudged};
use release::validation::ValidationId;
use serde_json::{Value, json};
use workflows::validate_builds::Ticked;
use workflows::work::Progress;

use crate::gate::stories;
use crate::world::{GATE, PIPELINE, PRODUCTION, STAGING, World, monspec, monspec_with, only};

stories! {
    content_of_an_hour_ago_is_no_baseline_for_itself_unless_it_was_good,
    load_test_before_the_registration_is_no_baseline,
    slow_rollout_is_no_baseline_unless_the_shift_looks_past_it,
    same_build_in_production_is_no_baseline_unless_it_was_good,
    first_release_is_none_where_codedeploy_knows_an_earlier_one,
    group_that_cannot_be_asked_is_waited_for,
    group_that_takes_too_long_to_be_asked_is_waited_for,
}

const APP: &str = "SampleDevOpsApp";
const WITH_ITSELF: &str =
    "StagingToStagingLastHour,5,ApproveStaging,#{codepipeline.PipelineExecutionId}";

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// Even traffic on both sides, since so many minutes ago.
fn traffic_since(world: &World, ago: i64) {
    let now = world.now.as_millisecond();
    for service in [STAGING, PRODUCTION] {
        let (from, to) = (now - ago * 60_000, now + 4 * 3_600_000);
        world.traffic_between(service, from, to, 100.0, 0.0);
    }
}

/// The validation that was judged in this tick; others may still wait.
fn judged(ticked: &Ticked) -> ValidationId {
    let mut judged = ticked
        .looks
        .iter()
        .filter(|look| look.about.judged.is_some());
    let one = judged.next().unwrap_or_else(|| panic!("{ticked:?}"));
    assert!(judged.next().is_none(), "{ticked:?}");
    one.about.registration.id
}

/// What is known of the deployments to staging.
async fn standings(world: &World) -> Vec<Standing> {
    let group = Group {
        application: APP.to_owned(),
        name: "Staging".to_owned(),
    };
    let known = world.ledger.deployments(&group, world.now).await.unwrap();
    known.iter().map(|entry| entry.standing).collect()
}

fn by_person(world: &World, group: &str, bundle: &str) -> String {
    let (aws, bucket) = (&world.aws, "bundles");
    aws.s3().put(bucket, bundle, bundle.as_bytes().to_vec());
    let revision = Revision::s3(bucket, bundle);
    aws.codedeploy()
        .deploy_by_person(APP, group, revision)
        .unwrap()
}

/// Everything was measured, and nothing held against it.
fn is_its_own_baseline(evidence: &Evidence, shift: i64) {
    assert_eq!(evidence.verdict, Verdict::Inconclusive);
    assert_eq!(evidence.context.unjudged, Some(Unjudged::OwnBaseline));
    assert_eq!(evidence.context.links[0].about, About::Deployment);
    let looks_past = format!("a shiftcomparetimeframe of {shift} avoids it");
    for found in &evidence.findings {
        let finding = &found.finding;
        assert!(finding.observation.is_some() && finding.baseline.is_some());
        let reason = &finding.reason;
        let said = "no baseline: the build would be compared with itself: ";
        assert!(reason.starts_with(said), "{reason}");
        assert!(reason.contains(&looks_past), "{reason}");
    }
}

/// The same revision is released again an hour after it was first, and looks at
/// its own first minutes.
async fn content_of_an_hour_ago_is_no_baseline_for_itself_unless_it_was_good(first: World) {
    for (measured_since, was_good) in [(120, true), (1, false)] {
        let mut world = World::start(first.api).await;
        world.gate_in(Mode::Parallel, WITH_ITSELF);
        traffic_since(&world, measured_since);
        world.release("1", &monspec()).await;
        world.pass_window().await;
        world.advance(minutes(6));
        world.tick().await;
        let known = if was_good {
            Standing::Good
        } else {
            Standing::Unknown
        };
        assert_eq!(standings(&world).await, [known]);

        world.advance(minutes(46));
        let again = world.release("1", &monspec()).await;
        let ticked = world.pass_window().await;

        let id = judged(&ticked);
        if was_good {
            assert_eq!(world.answered(&again), ApprovalStatus::Approved);
            continue;
        }
        assert_eq!(world.answered(&again), ApprovalStatus::Waiting);
        is_its_own_baseline(&world.evidence(id).await, 3_900);
        assert_eq!(standings(&world).await, [Standing::Unknown; 2]);
        let validation = world.validation(id).await;
        let summary = &validation.judgement().unwrap().summary;
        assert!(
            summary.contains("the build would be compared with itself"),
            "{summary}"
        );
    }
}

async fn load_test_before_the_registration_is_no_baseline(mut world: World) {
    let staging = Stage::new("Staging")
        .deploy("Deploy", APP, "Staging", 1)
        .test("Load")
        .lambda(
            "Register",
            "register-validation",
            WITH_ITSELF,
            3,
            Some("Monspec"),
        );
    let approve = Stage::new("Approve").approval("ApproveStaging");
    let pipeline = PipelineSpec::new(PIPELINE).mode(Mode::Parallel);
    let pipelines = world.aws.pipelines();
    pipelines.create(pipeline.stage(staging).stage(approve));
    pipelines.hold_deploy(PIPELINE, "Staging", "Load").unwrap();
    traffic_since(&world, 120);
    let execution = world.start_execution("1", &monspec());
    world.advance(minutes(60));
    let pipelines = world.aws.pipelines();
    let done = Ending::Succeeded;
    pipelines
        .finish_deploy(PIPELINE, "Staging", "Load", &execution, done)
        .unwrap();
    world.run_jobs().await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    is_its_own_baseline(&world.evidence(only(&ticked)).await, 3_900);
    assert_eq!(standings(&world).await, [Standing::Unknown]);
}

async fn slow_rollout_is_no_baseline_unless_the_shift_looks_past_it(first: World) {
    for (shift, told) in [
        (600, ApprovalStatus::Waiting),
        (2_100, ApprovalStatus::Approved),
    ] {
        let mut world = World::start(first.api).await;
        let instances = ["i-1", "i-2", "i-3"].map(str::to_owned).to_vec();
        let slow = GroupOptions {
            duration: minutes(30),
            instances,
            ..GroupOptions::default()
        };
        world.group(APP, "Staging", slow);
        world.gate_in(Mode::Parallel, WITH_ITSELF);
        traffic_since(&world, 120);
        let spec = monspec_with("shiftcomparetimeframe", json!(shift));
        let execution = world.start_execution("1", &spec);
        world.advance(minutes(30));
        world.run_jobs().await;

        let ticked = world.pass_window().await;

        assert_eq!(world.answered(&execution), told, "{shift}");
        if told == ApprovalStatus::Waiting {
            is_its_own_baseline(&world.evidence(only(&ticked)).await, 2_100);
        }
    }
}

/// A build that was let through by a person is released once more: staging and
/// production run the same.
async fn same_build_in_production_is_no_baseline_unless_it_was_good(first: World) {
    for (measured, was_good) in [(true, true), (false, false)] {
        let mut world = World::start(first.api).await;
        let parameters = GATE.to_owned() + ",#{codepipeline.PipelineExecutionId}";
        world.gate_in(Mode::Parallel, &parameters);
        if measured {
            traffic_since(&world, 1);
        }
        let one = world.release("1", &monspec()).await;
        world.pass_window().await;
        world.advance(minutes(6));
        world.tick().await;
        if !was_good {
            let pipelines = world.aws.pipelines();
            let (stage, action) = ("Approve", "ApproveStaging");
            let approved = fake_aws::pipeline::Answer::Approved;
            pipelines
                .answer_by_person(PIPELINE, stage, action, &one, approved, "it is fine")
                .unwrap();
            world.tick().await;
        }
        world.advance(minutes(30));
        traffic_since(&world, 1);
        let again = world.release("1", &monspec()).await;

        let ticked = world.pass_window().await;

        let evidence = world.evidence(judged(&ticked)).await;
        if was_good {
            assert_eq!(world.answered(&again), ApprovalStatus::Approved);
        } else {
            assert_eq!(evidence.context.unjudged, Some(Unjudged::OwnBaseline));
            assert_eq!(world.answered(&again), ApprovalStatus::Waiting);
        }
    }
}

async fn first_release_is_none_where_codedeploy_knows_an_earlier_one(first: World) {
    let failing = GroupOptions {
        outcome: DeploymentEnd::Failed,
        ..GroupOptions::default()
    };
    for (earlier, told) in [
        (None, ApprovalStatus::Approved),
        (Some(GroupOptions::default()), ApprovalStatus::Waiting),
        (Some(failing), ApprovalStatus::Approved),
    ] {
        let mut world = World::start(first.api).await;
        if let Some(options) = &earlier {
            world.group(APP, "Production", options.clone());
            by_person(&world, "Production", "by hand");
            world.advance(SignedDuration::from_hours(40 * 24));
        }
        world.gate(GATE);
        let spec = monspec_with("missingBaseline", json!("firstRelease"));
        world.traffic(STAGING, 100.0, 0.0);
        let execution = world.release("1", &spec).await;
        world.pass_window().await;
        world.advance(minutes(6));
        world.tick().await;

        assert_eq!(world.answered(&execution), told, "{earlier:?}");
    }
}

fn waits(ticked: &Ticked) -> bool {
    let faulted = |progress: &Progress| matches!(progress, Progress::Faulted { .. });
    matches!(ticked.looks.as_slice(), [look] if faulted(&look.progress))
}

async fn group_that_cannot_be_asked_is_waited_for(first: World) {
    let firsts = json!("firstRelease");
    for policy in [json!("inconclusive"), firsts] {
        let spec = monspec_with("missingBaseline", policy.clone());
        let silent = policy == json!("firstRelease");
        denied_for_a_moment(World::start(first.api).await, &spec, silent).await;
        throttled(World::start(first.api).await, &spec).await;
        deleted(World::start(first.api).await, &spec).await;
    }
}

async fn denied_for_a_moment(mut world: World, spec: &Value, silent: bool) {
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    if !silent {
        world.traffic(PRODUCTION, 100.0, 0.0);
    }
    let execution = world.release("1", spec).await;
    world.aws.fail("ListDeployments", Fault::Deny, 1);

    let ticked = world.pass_window().await;

    assert!(waits(&ticked), "{ticked:?}");
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    world.advance(minutes(2));
    world.tick().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn throttled(mut world: World, spec: &Value) {
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", spec).await;
    world
        .aws
        .fail("BatchGetDeployments", Fault::Throttle, 1_000);

    let ticked = world.pass_window().await;

    assert!(waits(&ticked), "{ticked:?}");
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
}

async fn deleted(mut world: World, spec: &Value) {
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", spec).await;
    let codedeploy = world.aws.codedeploy();
    codedeploy.delete_group(APP, "Production").unwrap();
    let ticked = world.pass_window().await;
    assert!(waits(&ticked), "{ticked:?}");

    world.advance(SignedDuration::from_hours(25));
    let ticked = world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.verdict, Verdict::Inconclusive);
    let reason = evidence.reason.unwrap();
    let said = "cannot learn what was deployed to SampleDevOpsApp/Production";
    assert!(reason.contains(said), "{reason}");
}

/// A release of production, and three hundred instances a day that join since.
async fn joined_all_day(world: &mut World, days: i64) -> String {
    by_person(world, "Production", "by hand");
    for instance in 0..days * 300 {
        world.advance(SignedDuration::from_secs(288));
        let codedeploy = world.aws.codedeploy();
        let (name, creator) = (format!("i-{instance}"), Creator::Autoscaling);
        codedeploy.join(APP, "Production", &name, creator).unwrap();
    }
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    world.release("1", &monspec()).await
}

async fn group_that_takes_too_long_to_be_asked_is_waited_for(mut world: World) {
    let execution = joined_all_day(&mut world, 5).await;
    let second = std::time::Duration::from_secs(1);
    world.aws.slow_down("ListDeployments", second);
    world.advance(minutes(8));

    let ticked = world.tick_within(2 * second).await.unwrap();

    assert!(waits(&ticked), "it is written down: {ticked:?}");
    world.advance(SignedDuration::from_hours(25));
    let ticked = world.tick_within(2 * second).await.unwrap();
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let reason = world.evidence(only(&ticked)).await.reason.unwrap();
    let said = "cannot learn what was deployed to SampleDevOpsApp/Production: CodeDeploy takes \
                too long";
    assert!(reason.contains(said), "{reason}");
}

#[tokio::test]
async fn group_that_instances_join_all_day_is_looked_back_in_few_parts() {
    let mut world = World::start(dynatrace::Api::V2).await;
    let execution = joined_all_day(&mut world, 20).await;
    let before = world.aws.calls("ListDeployments");

    world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let pages = world.aws.calls("ListDeployments") - before;
    assert!(pages < 150, "{pages} pages");
}

#[tokio::test]
async fn history_that_is_too_long_ends_in_a_reason() {
    let mut world = World::start(dynatrace::Api::V2).await;
    let execution = joined_all_day(&mut world, 5).await;
    world.aws.codedeploy().page_size(2);

    let ticked = world.pass_window().await;

    assert!(waits(&ticked), "{ticked:?}");
    world.advance(SignedDuration::from_hours(25));
    let ticked = world.tick().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let reason = world.evidence(only(&ticked)).await.reason.unwrap();
    assert!(reason.contains("there are too many"), "{reason}");
}

/// Whether it is the first release is decided by the newest that is found, and
/// never by the length of a history.
#[tokio::test]
async fn first_release_is_decided_however_much_was_done() {
    let mut world = World::start(dynatrace::Api::V2).await;
    let tests = (1..=30).fold(Stage::new("Test"), |stage, test| {
        stage.test(&format!("Test{test}"))
    });
    let staging = Stage::new("Staging")
        .deploy("Deploy", APP, "Staging", 1)
        .lambda("Register", "register-validation", GATE, 2, Some("Monspec"));
    let production = Stage::new("Production").deploy("Deploy", APP, "Production", 1);
    let approve = Stage::new("Approve").approval("ApproveStaging");
    let pipeline = PipelineSpec::new(PIPELINE).mode(Mode::Superseded);
    let pipeline = pipeline.stage(tests).stage(staging).stage(approve);
    world.aws.pipelines().create(pipeline.stage(production));
    let spec = monspec_with("missingBaseline", json!("firstRelease"));
    for number in 0..75 {
        let source = SourceRevision::new(&number.to_string(), "An attempt")
            .artifact("Monspec", "no monspec at all");
        world.aws.pipelines().start(PIPELINE, source).unwrap();
        world.run_jobs().await;
    }
    for _ in 0..1_200 {
        by_person(&world, "Production", "by hand");
        world.advance(SignedDuration::from_mins(20));
    }
    world.traffic(STAGING, 100.0, 0.0);
    let execution = world.release("1", &spec).await;
    let before = world.aws.calls("ListDeployments");

    world.pass_window().await;
    let asked = world.aws.calls("ListDeployments") - before;
    world.advance(minutes(6));
    let ticked = world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.verdict, Verdict::Inconclusive);
    assert!(evidence.reason.is_none(), "{:?}", evidence.reason);
    assert!(asked < 10, "{asked} pages");
}

//! Which deployments a verdict is about: those of the groups behind its source
//! environment, and of no neighbour.

use fake_aws::codedeploy::GroupOptions;
use fake_aws::pipeline::{JobStatus, Mode, PipelineSpec, Stage};
use jiff::SignedDuration;
use monspec::Verdict;
use release::deployment::{Deployment, Group, LedgerEntry, Origin, Standing};
use release::evidence::Evidence;
use release::validation::Registration;

use crate::gate::stories;
use crate::world::{PIPELINE, PRODUCTION, STAGING, World, monspec, only};

stories! {
    stage_that_deploys_otherwise_adopts_no_neighbours_deployment,
    stage_that_deploys_otherwise_judges_no_tests_that_are_deployed_beside,
    stage_that_deploys_otherwise_judges_nothing_that_an_earlier_one_deployed,
    stage_that_deploys_otherwise_too_teaches_nothing,
    later_stage_judges_what_an_earlier_one_deployed_to_its_source,
    neighbours_of_one_stage_are_not_taught_unless_told_apart,
    neighbours_that_cannot_be_told_apart_must_all_be_undisturbed,
    stage_with_one_group_has_nothing_to_tell_apart,
    tests_that_are_deployed_beside_the_registration_change_nothing,
    registration_that_runs_before_its_deployment_is_refused,
    stage_of_more_deployments_than_a_record_holds_is_refused,
}

const APP: &str = "SampleDevOpsApp";

fn register(stage: Stage, parameters: &str, run_order: u16) -> Stage {
    let monspec = Some("Monspec");
    stage.lambda(
        "Register",
        "register-validation",
        parameters,
        run_order,
        monspec,
    )
}

fn declare(world: &World, mode: Mode, stages: impl IntoIterator<Item = Stage>) {
    let pipeline = PipelineSpec::new(PIPELINE).mode(mode);
    let pipeline = stages.into_iter().fold(pipeline, PipelineSpec::stage);
    world.aws.pipelines().create(pipeline);
}

/// Releases a build into staging that is slow and fails.
async fn judged(world: &mut World) -> (Registration, Evidence) {
    world.traffic(STAGING, 300.0, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.0);
    world.release("1", &monspec()).await;
    let ticked = world.pass_window().await;
    let id = only(&ticked);
    let registration = world.validation(id).await.registration;
    (registration, world.evidence(id).await)
}

async fn known(world: &World, application: &str, name: &str) -> Vec<LedgerEntry> {
    let group = Group {
        application: application.to_owned(),
        name: name.to_owned(),
    };
    world.ledger.deployments(&group, world.now).await.unwrap()
}

fn groups(registration: &Registration) -> Vec<String> {
    let deployments = registration.deployments.iter();
    deployments.map(|each| each.group.to_string()).collect()
}

/// A stage that begins with a roll-out by something else than CodeDeploy.
fn rolled(name: &str) -> impl Iterator<Item = Stage> {
    let stage = || Stage::new(name);
    let ways = [
        stage().elsewhere("Roll", "Deploy", "ECS", 1),
        stage().elsewhere("Roll", "Deploy", "CloudFormation", 1),
        stage().elsewhere("Roll", "Build", "CodeBuild", 1),
        stage().elsewhere("Roll", "Compute", "Commands", 1),
        stage().lambda("Roll", "roll", "", 1, None),
    ];
    ways.into_iter()
}

/// Production is judged, and deployed to by something else than CodeDeploy.
async fn stage_that_deploys_otherwise_adopts_no_neighbours_deployment(mut world: World) {
    for production in rolled("Production") {
        let staging = Stage::new("Staging").deploy("Deploy", APP, "Staging", 1);
        let production = register(production, "ProductionToStaging,5", 2);
        declare(&world, Mode::Superseded, [staging, production]);

        let (registration, evidence) = judged(&mut world).await;

        assert_eq!(groups(&registration), [""; 0]);
        assert_eq!(evidence.verdict, Verdict::Passed);
        let note = evidence.note.unwrap();
        assert!(note.contains("No deployments are known"), "{note}");
        assert!(known(&world, APP, "Staging").await.is_empty());
        world.advance(SignedDuration::from_hours(3));
    }
}

/// The tutorial's own structure, with the tests beside the registration or before
/// it. Their group is named like no environment.
async fn stage_that_deploys_otherwise_judges_no_tests_that_are_deployed_beside(mut world: World) {
    world.group(APP, "Staging_Tests", GroupOptions::default());
    for run_order in [2, 3] {
        for staging in rolled("Staging") {
            let staging = staging.deploy("DeployTests", APP, "Staging_Tests", 2);
            let staging = register(staging, "StagingToStagingLastHour,5", run_order);
            declare(&world, Mode::Superseded, [staging]);

            let (registration, evidence) = judged(&mut world).await;

            assert_eq!(groups(&registration), [""; 0]);
            assert_eq!(evidence.verdict, Verdict::Passed, "{evidence:?}");
            let note = evidence.note.unwrap();
            assert!(note.contains("No deployments are known"), "{note}");
            assert!(known(&world, APP, "Staging_Tests").await.is_empty());
            world.advance(SignedDuration::from_hours(3));
        }
    }
}

/// The environment was deployed to by CodeDeploy before, and then by other means.
async fn stage_that_deploys_otherwise_judges_nothing_that_an_earlier_one_deployed(
    mut world: World,
) {
    for provider in ["ECS", "CloudFormation"] {
        let base = Stage::new("Base").deploy("Deploy", APP, "Staging", 1);
        let staging = Stage::new("Staging").elsewhere("Roll", "Deploy", provider, 1);
        let staging = register(staging, "StagingToProduction,5", 2);
        declare(&world, Mode::Superseded, [base, staging]);

        let (registration, evidence) = judged(&mut world).await;

        assert_eq!(groups(&registration), [""; 0]);
        assert_eq!(evidence.verdict, Verdict::Failed);
        let note = evidence.note.unwrap();
        let said = format!("`Roll` deploys by {provider}");
        assert!(note.contains(&said), "{note}");
        assert!(known(&world, APP, "Staging").await.is_empty());
        world.advance(SignedDuration::from_hours(3));
    }
}

async fn stage_that_deploys_otherwise_too_teaches_nothing(mut world: World) {
    let staging = Stage::new("Staging")
        .deploy("Deploy", APP, "Staging", 1)
        .elsewhere("Sidecar", "Deploy", "ECS", 1);
    let staging = register(staging, "StagingToProduction,5", 2);
    declare(&world, Mode::Superseded, [staging]);

    let (registration, evidence) = judged(&mut world).await;

    assert_eq!(groups(&registration), ["SampleDevOpsApp/Staging"]);
    assert_eq!(evidence.verdict, Verdict::Failed);
    let note = evidence.note.unwrap();
    assert!(note.contains("`Sidecar` deploys by ECS"), "{note}");
    assert_eq!(
        known(&world, APP, "Staging").await[0].standing,
        Standing::Unknown
    );
}

async fn later_stage_judges_what_an_earlier_one_deployed_to_its_source(mut world: World) {
    for mode in [Mode::Superseded, Mode::Queued, Mode::Parallel] {
        let staging = Stage::new("Staging").deploy("Deploy", APP, "Staging", 1);
        world.group(APP, "Canary", GroupOptions::default());
        let canary = Stage::new("Canary").deploy("Deploy", APP, "Canary", 1);
        let parameters = "StagingToProduction,5,,#{codepipeline.PipelineExecutionId}";
        let verify = register(Stage::new("Verify").test("Load"), parameters, 2);
        declare(&world, mode, [staging, canary, verify]);

        let (registration, evidence) = judged(&mut world).await;

        assert_eq!(groups(&registration), ["SampleDevOpsApp/Staging"]);
        assert_eq!(evidence.note, None);
        assert_eq!(
            known(&world, APP, "Staging").await[0].standing,
            Standing::Bad
        );
        assert!(known(&world, APP, "Canary").await.is_empty());
        world.advance(SignedDuration::from_hours(3));
    }
}

/// One stage deploys two services, to groups of one name.
fn two_services(world: &World) {
    for application in ["Shop", "Pay"] {
        world.group(application, "Staging", GroupOptions::default());
    }
    let staging = Stage::new("Staging")
        .deploy("DeployShop", "Shop", "Staging", 1)
        .deploy("DeployPay", "Pay", "Staging", 1);
    let staging = register(staging, "StagingToProduction,5", 2);
    declare(world, Mode::Superseded, [staging]);
}

async fn neighbours_of_one_stage_are_not_taught_unless_told_apart(mut world: World) {
    two_services(&world);

    let (registration, evidence) = judged(&mut world).await;

    assert_eq!(groups(&registration), ["Pay/Staging", "Shop/Staging"]);
    assert_eq!(evidence.verdict, Verdict::Failed);
    let note = evidence.note.unwrap();
    let said =
        "Pay/Staging and Shop/Staging may be behind `Staging`; set DEPLOYMENT_GROUPS to name one.";
    assert!(note.contains(said), "{note}");
    for application in ["Shop", "Pay"] {
        let known = known(&world, application, "Staging").await;
        assert_eq!(known[0].standing, Standing::Unknown, "{application}");
    }

    world.advance(SignedDuration::from_hours(3));
    world.behind = String::from("DeploymentGroup:Staging=Shop/Staging");
    let (registration, evidence) = judged(&mut world).await;

    assert_eq!(groups(&registration), ["Shop/Staging"]);
    assert_eq!(evidence.note, None);
    assert_eq!(
        known(&world, "Shop", "Staging").await[0].standing,
        Standing::Bad
    );
    let pay = known(&world, "Pay", "Staging").await;
    assert!(pay.iter().all(|each| each.standing == Standing::Unknown));
}

async fn neighbours_that_cannot_be_told_apart_must_all_be_undisturbed(mut world: World) {
    for (behind, verdict) in [
        ("", Verdict::Inconclusive),
        ("DeploymentGroup:Staging=Shop/Staging", Verdict::Failed),
    ] {
        behind.clone_into(&mut world.behind);
        two_services(&world);
        world.traffic(STAGING, 300.0, 0.5);
        world.traffic(PRODUCTION, 100.0, 0.0);
        world.release("1", &monspec()).await;
        world.advance(SignedDuration::from_mins(2));
        let of_neighbour = Deployment {
            id: format!("d-{}", behind.len()),
            group: Group {
                application: "Pay".to_owned(),
                name: "Staging".to_owned(),
            },
            at: world.now,
            execution: None,
            identity: "sources:Pay=2".to_owned(),
            location: None,
            digest: None,
            version: "2".to_owned(),
            origin: Origin::Release,
        };
        world.ledger.record_deployment(&of_neighbour).await.unwrap();

        let ticked = world.pass_window().await;

        let evidence = world.evidence(only(&ticked)).await;
        assert_eq!(evidence.verdict, verdict, "{behind}: {:?}", evidence.reason);
        let note = evidence.note.unwrap_or_default();
        let untaught =
            note.contains("The ledger does not learn its verdict: Pay/Staging and Shop/Staging");
        assert_eq!(untaught, behind.is_empty(), "{note}");
        world.advance(SignedDuration::from_hours(3));
    }
}

async fn stage_with_one_group_has_nothing_to_tell_apart(mut world: World) {
    for group in ["blue", "green"] {
        world.group(APP, group, GroupOptions::default());
    }
    let staging = Stage::new("First").deploy("Deploy", APP, "blue", 1);
    let staging = register(staging, "StagingToProduction,5", 2);
    let production = Stage::new("Second").deploy("Deploy", APP, "green", 1);
    declare(&world, Mode::Superseded, [staging, production]);

    let (registration, evidence) = judged(&mut world).await;

    assert_eq!(groups(&registration), ["SampleDevOpsApp/blue"]);
    assert_eq!(evidence.note, None);
    assert_eq!(known(&world, APP, "blue").await[0].standing, Standing::Bad);
}

/// The tutorial's own structure.
async fn tests_that_are_deployed_beside_the_registration_change_nothing(mut world: World) {
    for mode in [Mode::Superseded, Mode::Queued, Mode::Parallel] {
        let parameters = "StagingToProduction,5,,#{codepipeline.PipelineExecutionId}";
        world.group(APP, "Staging_Tests", GroupOptions::default());
        let staging = Stage::new("Staging")
            .deploy("Deploy", APP, "Staging", 1)
            .deploy("DeployTests", APP, "Staging_Tests", 2);
        declare(&world, mode, [register(staging, parameters, 2)]);

        let (registration, evidence) = judged(&mut world).await;

        assert_eq!(groups(&registration), ["SampleDevOpsApp/Staging"]);
        assert_eq!(evidence.note, None);
        assert_eq!(
            known(&world, APP, "Staging").await[0].standing,
            Standing::Bad
        );
        assert!(known(&world, APP, "Staging_Tests").await.is_empty());
        world.advance(SignedDuration::from_hours(3));
    }
}

async fn registration_that_runs_before_its_deployment_is_refused(world: World) {
    for (deploying, registering, refused) in [(2, 1, true), (1, 1, true), (1, 2, false)] {
        let staging = Stage::new("Staging").deploy("Deploy", APP, "Staging", deploying);
        let staging = register(staging, "StagingToProduction,5", registering);
        declare(&world, Mode::Superseded, [staging]);
        world.start_execution("1", &monspec());

        let ends = world.run_jobs().await;

        let told = match ends.as_slice() {
            [JobStatus::Failed { r#type, message }] => format!("{type}: {message}"),
            _ => String::new(),
        };
        assert_eq!(!told.is_empty(), refused, "{ends:?}");
        if refused {
            let fix = format!("give `Register` a runOrder above {deploying}");
            assert!(told.starts_with("ConfigurationError: "), "{told}");
            assert!(told.contains(&fix), "{told}");
        }
    }
    // What comes later in the stage is another environment's.
    let staging = Stage::new("Staging").deploy("Deploy", APP, "Staging", 1);
    let next = register(Stage::new("Next"), "StagingToProduction,5", 1);
    let next = next.deploy("Deploy", APP, "Production", 2);
    declare(&world, Mode::Superseded, [staging, next]);
    world.start_execution("2", &monspec());
    assert_eq!(world.run_jobs().await, [JobStatus::Succeeded]);
}

async fn stage_of_more_deployments_than_a_record_holds_is_refused(world: World) {
    let many = (0..45).fold(Stage::new("Staging"), |stage, number| {
        stage.deploy(
            &format!("Deploy{number}"),
            APP,
            &format!("Staging{number}"),
            1,
        )
    });
    let staging = register(many, "StagingToProduction,5", 2);
    declare(&world, Mode::Superseded, [staging]);
    world.start_execution("1", &monspec());

    let ends = world.run_jobs().await;

    let [JobStatus::Failed { message, .. }] = ends.as_slice() else {
        panic!("{ends:?}");
    };
    assert!(message.contains("45 deployments"), "{message}");
    assert!(message.contains("DEPLOYMENT_GROUPS"), "{message}");
}

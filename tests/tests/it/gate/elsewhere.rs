//! What is deployed past the pipeline: it counts from the first instance that it
//! changes, and what takes something back speaks against that alone.

use fake_aws::codedeploy::{
    AutoRollback, Creator, DeploymentEnd, GroupOptions, Revision, RollbackEvent,
};
use fake_aws::pipeline::ApprovalStatus;
use jiff::SignedDuration;
use monspec::Verdict;
use release::deployment::{Deployment, Group, LedgerEntry, Origin, Standing};
use release::evidence::{Evidence, Unjudged};

use crate::gate::stories;
use crate::world::{GATE, PRODUCTION, STAGING, World, monspec, only};

stories! {
    deployment_from_elsewhere_counts_from_the_first_instance,
    instance_that_joins_is_no_deployment,
    redeployment_by_hand_overtakes_and_condemns_nothing,
    rollback_of_a_later_deployment_speaks_against_that_alone,
    heal_of_a_later_deployment_speaks_against_that_alone,
}

const APP: &str = "SampleDevOpsApp";

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn three_instances() -> GroupOptions {
    GroupOptions {
        instances: ["i-1", "i-2", "i-3"].map(str::to_owned).to_vec(),
        ..GroupOptions::default()
    }
}

/// A build that runs on three instances and is as good as production.
async fn released(world: &World) -> String {
    world.group(APP, "Staging", three_instances());
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    world.release("1", &monspec()).await
}

fn by_person(world: &World, bundle: &str) -> String {
    let (aws, bucket) = (&world.aws, "bundles");
    aws.s3().put(bucket, bundle, bundle.as_bytes().to_vec());
    let revision = Revision::s3(bucket, bundle);
    aws.codedeploy()
        .deploy_by_person(APP, "Staging", revision)
        .unwrap()
}

/// What the ledger knows of staging, the judged deployment first.
async fn known(world: &World) -> Vec<LedgerEntry> {
    let group = Group {
        application: APP.to_owned(),
        name: "Staging".to_owned(),
    };
    let mut known = world.ledger.deployments(&group, world.now).await.unwrap();
    known.sort_by_key(|entry| entry.deployment.at);
    known
}

/// Nothing was judged, and nothing is held against anything.
async fn was_overtaken(world: &World, evidence: &Evidence, by: &str) {
    assert_eq!(evidence.verdict, Verdict::Inconclusive);
    assert_eq!(evidence.context.unjudged, Some(Unjudged::Overtaken));
    let reason = evidence.reason.as_ref().unwrap();
    let said = format!("overtaken: deployment {by}");
    assert!(reason.starts_with(&said), "{reason}");
    let known = known(world).await;
    assert_eq!(known[0].standing, Standing::Unknown);
    let contents = known[0].deployment.contents();
    let bad = world.ledger.bad_contents(&contents).await.unwrap();
    assert!(bad.is_empty(), "{bad:?}");
}

async fn deployment_from_elsewhere_counts_from_the_first_instance(first: World) {
    let under_way = GroupOptions {
        duration: minutes(30),
        ..three_instances()
    };
    let failed = |reaches| GroupOptions {
        duration: minutes(1),
        outcome: DeploymentEnd::Failed,
        reaches: Some(reaches),
        ..three_instances()
    };
    let later = |lead| GroupOptions {
        lead: minutes(lead),
        ..under_way.clone()
    };
    for (case, options, counts) in [
        ("it has reached one of three", under_way.clone(), true),
        ("it begins with the end of the window", later(1), false),
        ("it has reached none", later(60), false),
        ("it failed on one of three", failed(1), true),
        ("it failed before it reached any", failed(0), false),
        ("it has succeeded", three_instances(), true),
    ] {
        let mut world = World::start(first.api).await;
        let execution = released(&world).await;
        world.advance(minutes(3));
        world.group(APP, "Staging", options);
        let other = by_person(&world, "from the console");
        world.advance(minutes(5));

        let ticked = world.tick().await;

        let evidence = world.evidence(only(&ticked)).await;
        if counts {
            was_overtaken(&world, &evidence, &other).await;
            let reason = evidence.reason.unwrap();
            assert!(reason.contains("at 2026-01-05T10:03:00Z"), "{reason}");
            assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
        } else {
            let told = world.answered(&execution);
            assert_eq!(told, ApprovalStatus::Approved, "{case}");
        }
    }
}

async fn instance_that_joins_is_no_deployment(mut world: World) {
    let execution = released(&world).await;
    let codedeploy = world.aws.codedeploy().clone();
    for (minute, creator) in [
        Creator::Autoscaling,
        Creator::AutoscalingTermination,
        Creator::AutoUpdate,
    ]
    .into_iter()
    .enumerate()
    {
        world.advance(minutes(1));
        let instance = format!("i-{minute}");
        codedeploy.join(APP, "Staging", &instance, creator).unwrap();
    }

    world.advance(minutes(5));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn redeployment_by_hand_overtakes_and_condemns_nothing(mut world: World) {
    world.group(APP, "Staging", three_instances());
    by_person(&world, "before");
    world.advance(minutes(60));
    released(&world).await;
    world.advance(minutes(2));
    let back = by_person(&world, "before");

    let ticked = world.pass_window().await;

    let evidence = world.evidence(only(&ticked)).await;
    was_overtaken(&world, &evidence, &back).await;
}

/// CodeDeploy rolls a later deployment back to the build that is judged, whether
/// that later one had reached an instance or not.
async fn rollback_of_a_later_deployment_speaks_against_that_alone(first: World) {
    for reaches in [0, 1] {
        let mut world = World::start(first.api).await;
        released(&world).await;
        world.advance(minutes(1));
        let rolls_back = GroupOptions {
            auto_rollback: AutoRollback::On(vec![RollbackEvent::Failure]),
            ..three_instances()
        };
        let fails = GroupOptions {
            duration: minutes(2),
            outcome: DeploymentEnd::Failed,
            reaches: Some(reaches),
            ..rolls_back.clone()
        };
        world.group(APP, "Staging", fails);
        let bad = by_person(&world, "bad");
        world.group(APP, "Staging", rolls_back);
        world.advance(minutes(3));
        let history = world.aws.codedeploy().history(APP, "Staging").unwrap();
        let rollback = &history[0];
        assert_eq!(rollback.creator, Creator::Rollback);
        // As the notice of CodeDeploy tells it.
        record_heal(&world, &rollback.id).await;

        let ticked = world.pass_window().await;

        let evidence = world.evidence(only(&ticked)).await;
        let first = if reaches == 0 { &rollback.id } else { &bad };
        was_overtaken(&world, &evidence, first).await;
        let says_why = format!(", a rollback of {bad},");
        let reason = evidence.reason.unwrap();
        assert_eq!(reason.contains(&says_why), reaches == 0, "{reason}");
    }
}

async fn heal_of_a_later_deployment_speaks_against_that_alone(first: World) {
    for reaches in [0, 3] {
        let mut world = World::start(first.api).await;
        released(&world).await;
        world.advance(minutes(1));
        let options = GroupOptions {
            outcome: if reaches == 0 {
                DeploymentEnd::Failed
            } else {
                DeploymentEnd::Succeeded
            },
            reaches: Some(reaches),
            ..three_instances()
        };
        world.group(APP, "Staging", options);
        let bad = by_person(&world, "bad");
        world.group(APP, "Staging", three_instances());
        world.advance(minutes(1));
        let heal = world.heal("Staging", &bad).await;
        record_heal(&world, &heal).await;

        let ticked = world.pass_window().await;

        let evidence = world.evidence(only(&ticked)).await;
        let first = if reaches == 0 { &heal } else { &bad };
        was_overtaken(&world, &evidence, first).await;
    }
}

/// The ledger heard of a deployment that took another one back.
async fn record_heal(world: &World, id: &str) {
    let heal = Deployment {
        id: id.to_owned(),
        at: world.now,
        origin: Origin::Heal,
        identity: "sources:SourceArtifact=0".to_owned(),
        execution: None,
        ..known(world).await.remove(0).deployment
    };
    world.ledger.record_deployment(&heal).await.unwrap();
}

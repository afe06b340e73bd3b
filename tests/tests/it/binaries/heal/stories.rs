//! What a problem may meet, through the real binary. What takes hours is told
//! in process, where a story has its own time.

use std::time::Duration;

use dynatrace::Api;
use fake_aws::Fault;
use fake_aws::codedeploy::{DeploymentEnd, GroupOptions};
use fake_dynatrace::{Problem, Times};
use jiff::SignedDuration;
use lab::world::{HANDLE_PROBLEM, PRODUCTION, Settings, World};
use lambda_host::runtime::Function;
use release::remediation::{HealRefusal, Needless, State};

use super::{
    APPLICATION, GROUP, announce, bad_release, body, deploy, free, group, heals, now, posted,
    problem, quick, state, until,
};

/// The function with everything around it.
pub(super) async fn set(settings: Settings) -> (World, Function) {
    let world = World::start(settings).await.unwrap();
    let function = world.another(HANDLE_PROBLEM).await.unwrap();
    (world, function)
}

/// The names of the bundles that answered problems, the oldest first.
pub(super) fn healed_to(world: &World) -> Vec<String> {
    let mut heals = heals(world);
    heals.reverse();
    let bundle = |heal: &fake_aws::codedeploy::Deployment| match &heal.revision {
        fake_aws::codedeploy::Revision::S3(bundle) => bundle.key.clone(),
        other => panic!("not a bundle: {other:?}"),
    };
    heals.iter().map(bundle).collect()
}

fn comments(world: &World, problem: &Problem) -> Vec<String> {
    let comments = world.tenant.comments(problem.id());
    comments.into_iter().map(|comment| comment.text).collect()
}

pub(super) async fn healed(world: &World, function: &Function, problem: &Problem) {
    let is_healed = |state: &State| matches!(state, State::Healed { .. });
    until(world, function, problem, is_healed).await;
}

#[tokio::test]
async fn four_entities_of_one_deployment_are_one_heal() {
    let (world, function) = set(Settings::default()).await;
    let others = ["B2", "B3", "B4"].map(|end| format!("SERVICE-00000000000000{end}"));
    for id in &others {
        let service = world.tenant.service(id, "Another");
        service.tag("DeploymentGroup", GROUP).add();
    }
    group(&world, quick());
    deploy(&world, "good").await;
    let bad = deploy(&world, "bad").await;
    let entities: Vec<&str> = others.iter().map(String::as_str).collect();
    announce(
        &world,
        Api::V2,
        &bad,
        &[&entities[..], &[PRODUCTION]].concat(),
    )
    .await;
    let problem = entities
        .iter()
        .fold(world.tenant.problem("Failure rate increase"), |all, id| {
            all.impacts(id)
        })
        .impacts(PRODUCTION)
        .open();

    let answer = posted(&world, &function, &problem, "OPEN").await;
    healed(&world, &function, &problem).await;

    let remediations = body(&answer)["remediations"].as_array().map(Vec::len);
    assert_eq!(remediations, Some(1), "{answer}");
    assert_eq!(healed_to(&world), ["good"]);
}

#[tokio::test]
async fn two_problems_with_one_culprit_are_one_heal() {
    let (world, function) = set(Settings::default()).await;
    let first = bad_release(&world, Api::V2).await;
    let second = problem(&world);

    for problem in [&first, &second] {
        posted(&world, &function, problem, "OPEN").await;
    }
    healed(&world, &function, &first).await;

    assert_eq!(healed_to(&world), ["good"]);
    let joined = state(&world, &second).await;
    assert!(matches!(joined, State::Joined { .. }), "{joined:?}");
    for problem in [&first, &second] {
        problem.resolve(now());
        posted(&world, &function, problem, "RESOLVED").await;
        until(&world, &function, problem, State::is_final).await;
    }
    assert_eq!(heals(&world).len(), 1);
}

#[tokio::test]
async fn shadow_mode_says_what_it_would_do_and_changes_nothing() {
    let (world, function) = set(Settings::default().with("HEAL_MODE", "shadow")).await;
    let problem = bad_release(&world, Api::V2).await;

    posted(&world, &function, &problem, "OPEN").await;

    let state = state(&world, &problem).await;
    assert!(matches!(state, State::Shadowed(_)), "{state:?}");
    for operation in ["CreateDeployment", "StopDeployment"] {
        assert_eq!(world.aws.calls(operation), 0, "{operation}");
    }
    let comments = comments(&world, &problem);
    assert!(comments[0].contains("Version good"), "{comments:?}");
}

#[tokio::test]
async fn comments_that_are_refused_stop_nothing_and_are_said_later() {
    let (world, function) = set(Settings::default()).await;
    let problem = bad_release(&world, Api::V2).await;
    world.tenant.refuse_comments(Times::Always);

    posted(&world, &function, &problem, "OPEN").await;
    healed(&world, &function, &problem).await;
    assert_eq!(comments(&world, &problem), [] as [&str; 0]);

    world.tenant.refuse_comments(Times::N(0));
    let said = async || {
        function.invoke(lab::world::scheduled()).await.unwrap();
        comments(&world, &problem).len() == 2
    };
    lab::world::until("everything to be said", super::PATIENCE, said)
        .await
        .unwrap();
}

#[tokio::test]
async fn bundle_that_is_gone_gives_way_to_an_older_one() {
    let (world, function) = set(Settings::default()).await;
    group(&world, quick());
    deploy(&world, "older").await;
    let problem = bad_release(&world, Api::V2).await;
    world.aws.s3().delete("bundles", "good");

    posted(&world, &function, &problem, "OPEN").await;

    assert_eq!(healed_to(&world), ["older"]);
}

#[tokio::test]
async fn without_a_good_revision_a_person_is_told() {
    let (world, function) = set(Settings::default()).await;
    group(&world, quick());
    let bad = deploy(&world, "bad").await;
    announce(&world, Api::V2, &bad, &[PRODUCTION]).await;
    let problem = problem(&world);

    posted(&world, &function, &problem, "OPEN").await;

    let state = state(&world, &problem).await;
    assert!(
        matches!(state, State::Refused(HealRefusal::NoTarget { .. })),
        "{state:?}"
    );
    let comments = comments(&world, &problem);
    assert!(comments[0].contains("by hand"), "{comments:?}");
}

#[tokio::test]
async fn heal_that_fails_is_told_and_not_tried_again() {
    let (world, function) = set(Settings::default()).await;
    let problem = bad_release(&world, Api::V2).await;
    group(
        &world,
        GroupOptions {
            outcome: DeploymentEnd::Failed,
            ..quick()
        },
    );

    posted(&world, &function, &problem, "OPEN").await;
    let failed = |state: &State| matches!(state, State::HealFailed { .. });
    until(&world, &function, &problem, failed).await;
    free(&world).await;
    function.invoke(lab::world::scheduled()).await.unwrap();

    assert_eq!(heals(&world).len(), 1);
    let comments = comments(&world, &problem);
    assert!(comments[1].contains("a person has to look"), "{comments:?}");
}

#[tokio::test]
async fn forward_fix_under_way_is_waited_for_and_wins() {
    let (world, function) = set(Settings::default()).await;
    let problem = bad_release(&world, Api::V2).await;
    // The tenant tells moments by the millisecond.
    let opened = now();
    while now() == opened {
        std::hint::spin_loop();
    }
    group(
        &world,
        GroupOptions {
            duration: SignedDuration::from_secs(5),
            ..quick()
        },
    );
    world.aws.s3().put("bundles", "fix", "fix");
    let fix = world
        .aws
        .codedeploy()
        .deploy_by_person(
            APPLICATION,
            GROUP,
            fake_aws::codedeploy::Revision::s3("bundles", "fix"),
        )
        .unwrap();

    posted(&world, &function, &problem, "OPEN").await;
    assert_eq!(state(&world, &problem).await, State::Attributed);
    until(&world, &function, &problem, State::is_final).await;

    let ended = state(&world, &problem).await;
    assert!(
        matches!(&ended, State::NotNeeded(Needless::Replaced { running, .. }) if *running == fix),
        "{ended:?}"
    );
    assert!(heals(&world).is_empty());
}

#[tokio::test]
async fn throttled_codedeploy_is_asked_again() {
    let (world, function) = set(Settings::default()).await;
    let problem = bad_release(&world, Api::V2).await;
    world.aws.fail("CreateDeployment", Fault::Throttle, 2);

    posted(&world, &function, &problem, "OPEN").await;
    healed(&world, &function, &problem).await;

    assert_eq!(healed_to(&world), ["good"]);
}

#[tokio::test]
async fn problem_after_a_heal_is_left_to_a_person() {
    let (world, function) = set(Settings::default()).await;
    let first = bad_release(&world, Api::V2).await;
    posted(&world, &function, &first, "OPEN").await;
    healed(&world, &function, &first).await;
    let [heal] = heals(&world).try_into().unwrap();
    announce(&world, Api::V2, &heal.id, &[PRODUCTION]).await;
    first.resolve(now());
    posted(&world, &function, &first, "RESOLVED").await;
    until(&world, &function, &first, State::is_final).await;
    // The heal is what was deployed last before it.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let second = problem(&world);

    posted(&world, &function, &second, "OPEN").await;
    function.invoke(lab::world::scheduled()).await.unwrap();

    assert_eq!(heals(&world).len(), 1);
    let comments = comments(&world, &second);
    assert!(!comments.is_empty(), "a person is told");
}

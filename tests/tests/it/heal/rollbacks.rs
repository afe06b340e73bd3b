//! What CodeDeploy does by itself about a release that fails half-way, and what
//! is left to be done.

use std::task::Poll;

use fake_aws::codedeploy::{AutoRollback, Creator, DeploymentEnd, GroupOptions, RollbackEvent};
use fake_dynatrace::Problem;
use futures_util::FutureExt as _;
use jiff::SignedDuration;
use release::deployment::{Deployment, Origin, Standing};
use release::ledger::Ruling;
use release::problem::{Cause, Phase};
use release::remediation::{Actor, HealRefusal, Needless, State};
use workflows::handle_problem::Mode;

use super::scene::{APPLICATION, GROUP, Scene, group};
use super::stories;

stories! {
    rollback_under_way_is_watched_and_verified_whatever_it_brings,
    rollback_that_was_over_before_anybody_looked_is_the_heal,
    rollback_that_fails_is_followed_by_ours,
    rollback_that_had_failed_is_followed_by_ours,
    rollback_to_bad_content_is_followed_by_ours,
    rollback_to_suspect_content_is_followed_by_ours,
    rollback_to_what_is_bad_by_its_sources_is_followed_by_ours,
    rollback_that_a_fix_replaced_is_no_heal,
    rollback_to_a_fix_is_no_heal,
    rollback_of_a_fix_to_the_culprit_is_no_heal,
    rollback_of_a_fix_that_replaces_the_culprit_is_the_heal,
    rollback_that_had_ended_before_the_problem_is_no_heal,
    rollback_that_failed_before_the_problem_hides_no_culprit,
    rollback_that_brought_bad_content_before_the_problem_hides_no_culprit,
    rollback_that_nobody_announced_is_the_heal,
    rollback_that_begins_between_intent_and_call_is_the_heal,
    problem_that_ends_before_the_rollback_condemns_nothing,
    problem_that_ended_while_nobody_looked_condemns_what_was_taken_back,
    problem_that_outlives_a_rollback_leaves_the_culprit_suspect,
    rollback_counts_as_a_heal,
    rollback_that_fails_too_late_is_left_to_a_person,
    rollback_is_verified_in_shadow_mode_too,
    failed_release_that_nobody_took_back_is_answered,
    stopped_release_that_nobody_took_back_is_answered,
    failed_release_that_changed_nothing_is_not_answered,
    joining_instance_replaces_nothing_and_is_not_waited_for,
    whatever_dies_when_a_rollback_is_met_is_finished_by_the_schedule,
}

/// Three instances, one after the other.
fn three() -> GroupOptions {
    GroupOptions {
        duration: SignedDuration::from_mins(3),
        instances: ["i-1", "i-2", "i-3"].map(str::to_owned).to_vec(),
        ..GroupOptions::default()
    }
}

/// The same, and what fails is taken back.
fn taken_back() -> GroupOptions {
    GroupOptions {
        auto_rollback: AutoRollback::On(vec![RollbackEvent::Failure]),
        ..three()
    }
}

/// What fails once it has changed so many of them.
fn failing(reaches: usize, options: GroupOptions) -> GroupOptions {
    GroupOptions {
        outcome: DeploymentEnd::Failed,
        reaches: Some(reaches),
        ..options
    }
}

/// A release that is announced when it begins and fails three minutes later,
/// and a problem that began while it was under way. Whatever CodeDeploy makes
/// of it goes as `then` says.
async fn failed(scene: &mut Scene, reaches: usize, then: GroupOptions) -> (String, Problem) {
    scene.group(failing(reaches, then.clone()));
    let bad = scene.release("bad").await;
    scene.minutes(1);
    let problem = scene.problem().open();
    scene.group(then);
    scene.minutes(2);
    scene.group(three());
    (bad, problem)
}

/// A release of long ago that people trust, and a later one of which nothing is
/// known.
async fn proven_and_unknown(scene: &mut Scene) -> (String, String) {
    let proven = scene.release("proven").await;
    confirm(scene, &proven).await;
    scene.minutes(60);
    let unknown = scene.release("unknown").await;
    scene.minutes(60);
    (proven, unknown)
}

/// A person's word that a deployment is good.
async fn confirm(scene: &Scene, deployment: &str) {
    ruled(scene, deployment, Ruling::Confirm).await;
    assert_eq!(scene.standing(deployment).await, Standing::Good);
}

async fn ruled(scene: &Scene, deployment: &str, ruling: Ruling) {
    let ledger = &scene.world.ledger;
    let known = ledger.entry(&group(), deployment).await.unwrap();
    if known.is_none() {
        let name = format!("sources:{deployment}");
        entered(scene, deployment, &name).await;
    }
    let (who, reason) = ("a person", "it is known");
    let ruled = ledger.rule(&group(), deployment, ruling, who, reason).await;
    assert!(ruled.unwrap().is_some());
}

/// A deployment enters the ledger as its pipeline knows it.
async fn entered(scene: &Scene, deployment: &str, identity: &str) {
    let made = scene.world.aws.codedeploy().deployment(deployment);
    let deployment = Deployment {
        id: deployment.to_owned(),
        group: group(),
        at: made.unwrap().created,
        execution: None,
        identity: identity.to_owned(),
        location: None,
        digest: None,
        version: deployment.to_owned(),
        origin: Origin::Release,
    };
    let ledger = &scene.world.ledger;
    ledger.record_deployment(&deployment).await.unwrap();
}

fn only_rollback(scene: &Scene) -> fake_aws::codedeploy::Deployment {
    let [rollback] = scene.rollbacks().try_into().unwrap();
    rollback
}

async fn resolved(scene: &Scene, problem: &Problem) {
    problem.resolve(scene.world.now.as_millisecond());
    scene.notify(problem, "RESOLVED").await;
}

/// The rollback is the heal, nothing was called, and with the problem's end the
/// culprit is bad.
async fn is_healed_by_the_rollback(scene: &Scene, problem: &Problem, bad: &str) {
    let State::Healed { deployment, .. } = scene.state(problem).await else {
        panic!("it is healed: {:?}", scene.state(problem).await);
    };
    assert_eq!(deployment, only_rollback(scene).id);
    resolved(scene, problem).await;
    assert_eq!(scene.standing(bad).await, Standing::Bad);
    assert_eq!(calls(scene), 0);
}

fn calls(scene: &Scene) -> usize {
    let aws = &scene.world.aws;
    aws.calls("CreateDeployment") + aws.calls("StopDeployment")
}

/// A notification, taken until its remediation is stored as wanted and no
/// further. What remains of it can go on, or die.
async fn up_to<'s>(
    scene: &'s Scene,
    problem: &'s Problem,
    wanted: impl Fn(&State) -> bool,
) -> impl Future<Output = workflows::handle_problem::Notified> + 's {
    let mut notified = Box::pin(scene.notify(problem, "OPEN"));
    loop {
        let ready =
            std::future::poll_fn(|context| Poll::Ready(notified.poll_unpin(context).is_ready()))
                .await;
        assert!(!ready, "it never came to that");
        let stored = scene
            .world
            .remediations
            .problem(problem.id())
            .await
            .unwrap();
        let states = stored.into_iter().flat_map(|stored| stored.remediations);
        if states
            .map(|remediation| remediation.state)
            .any(|state| wanted(&state))
        {
            return notified;
        }
        tokio::task::yield_now().await;
    }
}

async fn rollback_under_way_is_watched_and_verified_whatever_it_brings(mut scene: Scene) {
    let (_, unknown) = proven_and_unknown(&mut scene).await;
    let (bad, problem) = failed(&mut scene, 2, taken_back()).await;
    let rollback = only_rollback(&scene);
    assert_eq!(
        scene.told(&problem).await,
        format!(
            "{bad} is to blame, and CodeDeploy itself rolls it back by {}",
            rollback.id
        )
    );

    scene.notify(&problem, "OPEN").await;

    let State::UnderWay { heal, deployment } = scene.state(&problem).await else {
        panic!("it is watched: {:?}", scene.state(&problem).await);
    };
    assert_eq!((heal.by, &deployment), (Actor::Platform, &rollback.id));
    assert_eq!(heal.remedy.id(), unknown);
    let guard = scene.guard().await;
    assert_eq!(guard.active.as_deref(), Some(problem.id()));

    scene.ticks(4).await;
    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Healed { .. }), "{state:?}");
    scene.minutes(2);
    resolved(&scene, &problem).await;

    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Confirmed { .. }), "{state:?}");
    assert_eq!(scene.standing(&bad).await, Standing::Bad);
    assert_eq!(scene.stored(&problem).await.phase, Phase::Settled);
    assert_eq!(calls(&scene), 0);
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 3, "{comments:?}");
    assert!(comments[0].contains("CodeDeploy itself"), "{comments:?}");
    assert!(comments[0].contains(&rollback.id), "{comments:?}");
    assert!(comments[1].contains("running again"), "{comments:?}");
}

async fn rollback_that_was_over_before_anybody_looked_is_the_heal(mut scene: Scene) {
    let (_, unknown) = proven_and_unknown(&mut scene).await;
    let (bad, problem) = failed(&mut scene, 1, taken_back()).await;
    let rollback = only_rollback(&scene);
    scene.minutes(10);

    scene.notify(&problem, "OPEN").await;

    let State::Healed {
        heal,
        deployment,
        at,
    } = scene.state(&problem).await
    else {
        panic!("it is healed: {:?}", scene.state(&problem).await);
    };
    assert_eq!((heal.by, &deployment), (Actor::Platform, &rollback.id));
    assert_eq!(heal.remedy.id(), unknown);
    let ended = scene.world.aws.codedeploy().deployment(&rollback.id);
    assert_eq!(Some(at), ended.unwrap().completed);
    resolved(&scene, &problem).await;
    assert_eq!(scene.standing(&bad).await, Standing::Bad);
    assert_eq!(calls(&scene), 0);
}

async fn rollback_that_fails_is_followed_by_ours(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (bad, problem) = failed(&mut scene, 2, failing(1, taken_back())).await;
    let rollback = only_rollback(&scene);
    scene.notify(&problem, "OPEN").await;
    let state = scene.state(&problem).await;
    assert!(matches!(state, State::UnderWay { .. }), "{state:?}");

    scene.ticks(3).await;

    assert_eq!(scene.healed_to(), ["good"]);
    let State::UnderWay { heal, .. } = scene.state(&problem).await else {
        panic!("ours follows: {:?}", scene.state(&problem).await);
    };
    assert_eq!(heal.by, Actor::Ours);
    scene.ticks(4).await;
    resolved(&scene, &problem).await;
    assert_eq!(scene.standing(&bad).await, Standing::Bad);
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 5, "{comments:?}");
    assert!(comments[1].contains("failed: "), "{comments:?}");
    assert!(comments[1].contains(&rollback.id), "{comments:?}");
    assert!(comments[2].contains("Unbreakable deploys"), "{comments:?}");
    let guard = scene.guard().await;
    assert_eq!(guard.heals.len(), 1, "what failed is not counted");
}

async fn rollback_that_had_failed_is_followed_by_ours(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (_, problem) = failed(&mut scene, 2, failing(0, taken_back())).await;
    let rollback = only_rollback(&scene);
    scene.minutes(4);

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
    let comments = scene.comments(&problem);
    let told = format!("(deployment {}) failed", rollback.id);
    assert!(comments[0].contains(&told), "{comments:?}");
}

async fn rollback_to_bad_content_is_followed_by_ours(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(60);
    let worse = scene.deploy("worse");
    ruled(&scene, &worse, Ruling::Condemn).await;
    scene.minutes(30);
    let (bad, problem) = failed(&mut scene, 1, taken_back()).await;
    assert_eq!(Scene::bundle(&only_rollback(&scene)), "worse");
    assert_eq!(
        scene.told(&problem).await,
        format!("{bad} is to blame, and what is done waits for another deployment to end")
    );

    scene.notify(&problem, "OPEN").await;
    let state = scene.state(&problem).await;
    assert_eq!(state, State::Attributed, "its end is awaited");
    scene.ticks(4).await;

    assert_eq!(scene.healed_to(), ["good"]);
    let comments = scene.comments(&problem);
    assert!(comments[0].contains("suspect or bad"), "{comments:?}");
    scene.ticks(4).await;
    resolved(&scene, &problem).await;
    assert_eq!(scene.standing(&bad).await, Standing::Bad);
}

async fn rollback_to_suspect_content_is_followed_by_ours(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(60);
    scene.release("suspect").await;
    scene.minutes(10);
    scene.healing.mode = Mode::Shadow;
    let first = scene.problem().open();
    scene.notify(&first, "OPEN").await;
    scene.healing.mode = Mode::Auto;
    scene.minutes(60);
    let (_, second) = failed(&mut scene, 1, taken_back()).await;
    scene.minutes(4);

    scene.notify(&second, "OPEN").await;

    assert_eq!(Scene::bundle(&only_rollback(&scene)), "suspect");
    assert_eq!(scene.healed_to(), ["good"]);
}

/// The rollback names a place, and what is bad was built from the same sources.
async fn rollback_to_what_is_bad_by_its_sources_is_followed_by_ours(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(60);
    let again = scene.release("built again").await;
    let other = scene.release("built once").await;
    for deployment in [&again, &other] {
        entered(&scene, deployment, "sources:App=broken").await;
    }
    ruled(&scene, &other, Ruling::Condemn).await;
    scene.minutes(1);
    scene.deploy("built again");
    scene.minutes(30);
    let (_, problem) = failed(&mut scene, 1, taken_back()).await;
    scene.minutes(4);

    scene.notify(&problem, "OPEN").await;

    assert_eq!(Scene::bundle(&only_rollback(&scene)), "built again");
    assert_eq!(scene.healed_to(), ["good"]);
}

async fn rollback_that_a_fix_replaced_is_no_heal(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (bad, problem) = failed(&mut scene, 1, taken_back()).await;
    scene.minutes(4);
    assert_eq!(scene.rollbacks().len(), 1);
    let fix = scene.deploy("fix");
    scene.minutes(4);

    scene.notify(&problem, "OPEN").await;
    scene.ticks(2).await;

    is_replaced_by(&scene, &problem, &fix).await;
    resolved(&scene, &problem).await;
    assert_eq!(scene.standing(&bad).await, Standing::Unknown);
}

/// The rollback of something later restores the fix, which had replaced the
/// culprit before.
async fn rollback_to_a_fix_is_no_heal(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.deploy("fix");
    scene.minutes(1);
    scene.group(failing(1, taken_back()));
    scene.deploy("too much");
    scene.minutes(1);
    scene.group(taken_back());
    scene.minutes(5);

    scene.notify(&problem, "OPEN").await;
    scene.ticks(2).await;

    is_replaced_by(&scene, &problem, &only_rollback(&scene).id).await;
}

async fn is_replaced_by(scene: &Scene, problem: &Problem, by: &str) {
    let state = scene.state(problem).await;
    assert!(
        matches!(&state, State::NotNeeded(Needless::Replaced { running, .. }) if running == by),
        "{state:?}"
    );
    assert_eq!(calls(scene), 0);
}

async fn rollback_of_a_fix_to_the_culprit_is_no_heal(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.group(failing(1, taken_back()));
    scene.deploy("fix");
    scene.minutes(1);
    scene.group(taken_back());
    scene.minutes(3);
    assert_eq!(Scene::bundle(&only_rollback(&scene)), "bad");

    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.state(&problem).await, State::Attributed);
    scene.ticks(4).await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn rollback_of_a_fix_that_replaces_the_culprit_is_the_heal(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (bad, problem) = failed(&mut scene, 1, three()).await;
    scene.group(failing(1, taken_back()));
    scene.deploy("fix");
    scene.group(taken_back());
    scene.notify(&problem, "OPEN").await;
    let state = scene.state(&problem).await;
    assert_eq!(state, State::Attributed, "a fix may win");

    scene.ticks(8).await;

    is_healed_by_the_rollback(&scene, &problem, &bad).await;
}

/// What it took back ran no longer, and what it brought is never healed.
async fn rollback_that_had_ended_before_the_problem_is_no_heal(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (bad, early) = failed(&mut scene, 1, taken_back()).await;
    early.forget();
    scene.minutes(15);
    let problem = scene.problem().open();
    scene.minutes(1);

    scene.notify(&problem, "OPEN").await;
    scene.ticks(1).await;

    let deployment = only_rollback(&scene).id;
    let refusal = HealRefusal::HealOfHeal { deployment };
    assert_eq!(scene.state(&problem).await, State::Refused(refusal));
    let entry = scene.world.ledger.entry(&group(), &bad).await;
    assert!(entry.unwrap().is_none());
    assert_eq!(calls(&scene), 0);
}

async fn rollback_that_failed_before_the_problem_hides_no_culprit(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);

    Box::pin(is_culprit_behind_rollback(
        scene,
        2,
        failing(1, taken_back()),
    ))
    .await;
}

async fn rollback_that_brought_bad_content_before_the_problem_hides_no_culprit(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(60);
    let worse = scene.deploy("worse");
    ruled(&scene, &worse, Ruling::Condemn).await;
    scene.minutes(30);

    Box::pin(is_culprit_behind_rollback(scene, 1, taken_back())).await;
}

/// However the rollback of the failed release goes, that release is what a later
/// problem is blamed on.
async fn is_culprit_behind_rollback(mut scene: Scene, reaches: usize, then: GroupOptions) {
    let (bad, early) = failed(&mut scene, reaches, then).await;
    early.forget();
    scene.minutes(15);
    let problem = scene.problem().open();
    scene.minutes(1);

    scene.notify(&problem, "OPEN").await;
    scene.ticks(1).await;

    assert_eq!(scene.healed_to(), ["good"]);
    let stored = scene.stored(&problem).await;
    assert_eq!(stored.remediations[0].culprit.id(), bad);
}

async fn rollback_that_nobody_announced_is_the_heal(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    scene.group(failing(2, taken_back()));
    let bad = scene.deploy("bad");
    scene.minutes(1);
    let problem = scene.problem().open();
    scene.group(taken_back());
    scene.minutes(2);

    scene.notify(&problem, "OPEN").await;
    scene.ticks(4).await;

    is_healed_by_the_rollback(&scene, &problem, &bad).await;
}

async fn rollback_that_begins_between_intent_and_call_is_the_heal(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (_, problem) = failed(&mut scene, 1, three()).await;
    let notified = up_to(&scene, &problem, |state| {
        matches!(state, State::Intended(_))
    })
    .await;
    let fix = scene.deploy("fix");
    scene.group(taken_back());
    let codedeploy = scene.world.aws.codedeploy();
    codedeploy.finish(&fix, DeploymentEnd::Failed).unwrap();

    notified.await;
    assert_eq!(scene.state(&problem).await, State::Attributed);
    scene.ticks(6).await;

    assert!(scene.heals().is_empty());
    let State::Healed {
        heal, deployment, ..
    } = scene.state(&problem).await
    else {
        panic!("it is healed: {:?}", scene.state(&problem).await);
    };
    assert_eq!(heal.by, Actor::Platform);
    assert_eq!(deployment, only_rollback(&scene).id);
    let guard = scene.guard().await;
    assert_eq!((guard.active, guard.heals.len()), (None, 1));
}

async fn problem_that_ends_before_the_rollback_condemns_nothing(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (bad, problem) = failed(&mut scene, 1, taken_back()).await;
    scene.notify(&problem, "OPEN").await;
    scene.minutes(1);
    resolved(&scene, &problem).await;

    scene.ticks(5).await;

    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Unconfirmed { .. }), "{state:?}");
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);
    assert_eq!(scene.stored(&problem).await.phase, Phase::Settled);
}

async fn problem_that_ended_while_nobody_looked_condemns_what_was_taken_back(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (bad, problem) = failed(&mut scene, 1, taken_back()).await;
    let dies = up_to(&scene, &problem, |state| *state == State::Attributed);
    drop(dies.await);
    scene.minutes(5);
    problem.resolve(scene.world.now.as_millisecond());

    scene.ticks(2).await;

    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Confirmed { .. }), "{state:?}");
    assert_eq!(scene.standing(&bad).await, Standing::Bad);
}

async fn problem_that_outlives_a_rollback_leaves_the_culprit_suspect(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (bad, problem) = failed(&mut scene, 1, taken_back()).await;
    scene.notify(&problem, "OPEN").await;
    scene.ticks(5).await;
    scene.minutes(24 * 60);

    scene.tick().await;

    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Unconfirmed { .. }), "{state:?}");
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);
    assert_eq!(calls(&scene), 0);
}

async fn rollback_counts_as_a_heal(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    scene.healing.limits.most = 1;
    let (_, first) = failed(&mut scene, 1, taken_back()).await;
    scene.notify(&first, "OPEN").await;
    scene.ticks(5).await;
    resolved(&scene, &first).await;
    scene.group(GroupOptions::default());

    for minutes in [3, 60] {
        scene.release("worse").await;
        scene.minutes(minutes);
        let next = scene.problem().open();
        scene.notify(&next, "OPEN").await;
        let state = scene.state(&next).await;
        let expected = match &state {
            State::Refused(HealRefusal::Cooldown { .. }) => 3,
            State::Refused(HealRefusal::TooOften { count: 1, .. }) => 60,
            _ => 0,
        };
        assert_eq!(expected, minutes, "{state:?}");
        resolved(&scene, &next).await;
    }
    assert_eq!(calls(&scene), 0);
}

async fn rollback_that_fails_too_late_is_left_to_a_person(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let slow = GroupOptions {
        duration: SignedDuration::from_mins(40),
        ..failing(1, taken_back())
    };
    scene.group(failing(1, three()));
    scene.release("bad").await;
    scene.minutes(1);
    let problem = scene.problem().open();
    scene.group(slow);
    scene.minutes(2);
    scene.notify(&problem, "OPEN").await;

    scene.ticks(45).await;

    let state = scene.state(&problem).await;
    assert!(
        matches!(state, State::NotNeeded(Needless::Stale { .. })),
        "{state:?}"
    );
    assert_eq!(calls(&scene), 0);
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 3, "{comments:?}");
    assert!(comments[1].contains("failed: "), "{comments:?}");
    assert!(comments[2].contains("too old"), "{comments:?}");
}

async fn rollback_is_verified_in_shadow_mode_too(mut scene: Scene) {
    scene.healing.mode = Mode::Shadow;
    scene.release("good").await;
    scene.minutes(30);
    let (bad, first) = failed(&mut scene, 1, taken_back()).await;
    scene.notify(&first, "OPEN").await;
    scene.ticks(5).await;
    resolved(&scene, &first).await;
    let state = scene.state(&first).await;
    assert!(matches!(state, State::Confirmed { .. }), "{state:?}");
    assert_eq!(scene.standing(&bad).await, Standing::Bad);
    scene.minutes(60);

    scene.world.aws.s3().put("bundles", "bad", "another");
    let (_, second) = failed(&mut scene, 1, failing(1, taken_back())).await;
    scene.notify(&second, "OPEN").await;
    scene.ticks(5).await;

    let state = scene.state(&second).await;
    assert!(matches!(state, State::Shadowed(_)), "{state:?}");
    assert_eq!(calls(&scene), 0);
}

async fn failed_release_that_nobody_took_back_is_answered(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (bad, problem) = failed(&mut scene, 1, three()).await;

    scene.notify(&problem, "OPEN").await;
    scene.ticks(4).await;

    assert_eq!(scene.healed_to(), ["good"]);
    resolved(&scene, &problem).await;
    assert_eq!(scene.standing(&bad).await, Standing::Bad);
}

async fn stopped_release_that_nobody_took_back_is_answered(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    scene.group(three());
    let bad = scene.release("bad").await;
    scene.minutes(1);
    let problem = scene.problem().open();
    scene
        .services()
        .clients
        .codedeploy
        .stop(&bad)
        .await
        .unwrap();
    scene.minutes(1);

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn failed_release_that_changed_nothing_is_not_answered(mut scene: Scene) {
    scene.release("good").await;
    for then in [three(), taken_back()] {
        scene.minutes(70);
        let (bad, problem) = failed(&mut scene, 0, then).await;
        scene.minutes(4);

        scene.notify(&problem, "OPEN").await;
        scene.minutes(31);
        scene.tick().await;

        let stored = scene.stored(&problem).await;
        assert_eq!(stored.cause, Cause::NothingChanged);
        assert_eq!(calls(&scene), 0);
        let entry = scene.world.ledger.entry(&group(), &bad).await;
        assert!(entry.unwrap().is_none());
    }
}

async fn joining_instance_replaces_nothing_and_is_not_waited_for(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    let (_, problem) = failed(&mut scene, 1, three()).await;
    let codedeploy = scene.world.aws.codedeploy().clone();
    let join = |instance, creator| codedeploy.join(APPLICATION, GROUP, instance, creator);
    join("i-4", Creator::AutoUpdate).unwrap();
    scene.minutes(4);
    join("i-5", Creator::Autoscaling).unwrap();
    scene.minutes(1);

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

/// A world that a worker dies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    /// CodeDeploy has taken the release back.
    TakenBack,
    /// It tried to, and that fails while somebody watches.
    InVain,
    /// Nobody took it back.
    LeftAlone,
}

async fn whatever_dies_when_a_rollback_is_met_is_finished_by_the_schedule(mut scene: Scene) {
    scene.healing.limits.most = u32::MAX;
    scene.group(three());
    scene.release("good").await;
    for world in [World::TakenBack, World::InVain, World::LeftAlone] {
        let mut killed = 0;
        for polls in (1..400).step_by(5) {
            scene.minutes(80);
            let finished = Box::pin(dies_after(&mut scene, world, polls)).await;
            if finished {
                break;
            }
            killed += 1;
        }
        assert!(3 < killed, "{world:?}: only {killed} were killed");
    }
    assert!(scene.healed_to().iter().all(|bundle| bundle == "good"));
}

/// Whether the worker was done before it was to die.
async fn dies_after(scene: &mut Scene, world: World, polls: usize) -> bool {
    let then = match world {
        World::TakenBack => taken_back(),
        World::InVain => failing(1, taken_back()),
        World::LeftAlone => three(),
    };
    scene.group(failing(2, then.clone()));
    let bad = scene.release(&format!("bad-{world:?}-{polls}")).await;
    scene.minutes(1);
    let problem = scene.problem().open();
    scene.group(then);
    scene.minutes(2);
    scene.group(three());
    let finished = match world {
        World::TakenBack | World::LeftAlone => {
            scene.minutes(3);
            killed(polls, scene.notify(&problem, "OPEN")).await
        }
        World::InVain => {
            scene.notify(&problem, "OPEN").await;
            scene.minutes(6);
            killed(polls, scene.tick()).await
        }
    };
    scene.ticks(8).await;
    resolved(scene, &problem).await;
    scene.ticks(2).await;

    let told = format!("{world:?} after {polls} polls");
    let stored = scene.stored(&problem).await;
    assert_eq!(stored.phase, Phase::Settled, "{told}: {stored:?}");
    let state = &stored.remediations[0].state;
    assert!(
        matches!(state, State::Confirmed { .. }),
        "{told}: {state:?}"
    );
    assert_eq!(scene.standing(&bad).await, Standing::Bad, "{told}");
    let heals = scene.heals().into_iter().filter(|heal| {
        let description = heal.description.as_deref();
        description.is_some_and(|text| text.contains(problem.id()))
    });
    let (expected, comments) = match world {
        World::TakenBack => (0, 3),
        World::InVain => (1, 5),
        World::LeftAlone => (1, 3),
    };
    assert_eq!(heals.count(), expected, "{told}");
    assert_eq!(scene.comments(&problem).len(), comments, "{told}");
    let guard = scene.guard().await;
    assert_eq!(guard.active, None, "{told}");
    finished
}

/// Takes so many steps and dies; whether it was done by then.
async fn killed<T>(polls: usize, work: impl Future<Output = T>) -> bool {
    let mut work = Box::pin(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        work.poll_unpin(context).map(|_| true)
    })
    .await
}

//! The way of one problem, from its notification to its end.

use fake_aws::codedeploy::{DeploymentEnd, GroupOptions};
use jiff::SignedDuration;
use release::deployment::{Origin, Standing};
use release::problem::Phase;
use release::remediation::{HealRefusal, State};
use workflows::handle_problem::Mode;

use super::scene::{Scene, group, worked};
use super::stories;

stories! {
    bad_release_is_replaced_once_and_told_to_the_end,
    shadow_chooses_the_same_and_calls_nothing,
    switched_off_is_recorded_and_told_once,
    heal_that_fails_is_told_and_not_tried_again,
    problem_that_ends_without_a_heal_clears_the_culprit,
    problem_that_never_ends_leaves_the_culprit_suspect,
    problem_that_ends_while_the_heal_is_under_way_condemns_nothing,
    problem_that_never_ends_and_was_refused_lets_the_culprit_go,
}

async fn bad_release_is_replaced_once_and_told_to_the_end(mut scene: Scene) {
    scene.group(GroupOptions {
        duration: SignedDuration::from_secs(90),
        ..GroupOptions::default()
    });
    let good = scene.release("good").await;
    scene.minutes(45);
    let bad = scene.release("bad").await;
    scene.minutes(10);
    let problem = scene.problem().open();
    scene.minutes(2);

    let look = worked(scene.notify(&problem, "OPEN").await);

    assert_eq!(look.about.problem.remediations[0].state.word(), "deploying");
    assert_eq!(scene.healed_to(), ["good"]);
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);
    let [heal] = scene.heals().try_into().unwrap();
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 1, "{comments:?}");
    for said in [&bad, &good, &heal.id] {
        assert!(comments[0].contains(said.as_str()), "{comments:?}");
    }

    scene.ticks(3).await;
    assert!(matches!(scene.state(&problem).await, State::Healed { .. }));
    let entry = scene.world.ledger.entry(&group(), &heal.id).await;
    assert_eq!(entry.unwrap().unwrap().deployment.origin, Origin::Heal);
    assert_eq!(scene.comments(&problem).len(), 2);

    scene.minutes(4);
    problem.resolve(scene.world.now.as_millisecond());
    scene.notify(&problem, "RESOLVED").await;

    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Confirmed { .. }), "{state:?}");
    assert_eq!(scene.standing(&bad).await, Standing::Bad);
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 3, "{comments:?}");
    assert!(
        comments[2].contains("9 min 0 s after it began"),
        "{comments:?}"
    );
    assert_eq!(scene.stored(&problem).await.phase, Phase::Settled);
    assert_eq!(scene.healed_to(), ["good"]);
}

async fn shadow_chooses_the_same_and_calls_nothing(mut scene: Scene) {
    scene.healing.mode = Mode::Shadow;
    let (good, bad, problem) = scene.bad_release().await;

    scene.notify(&problem, "OPEN").await;

    let State::Shadowed(heal) = scene.state(&problem).await else {
        panic!("it is decided");
    };
    assert_eq!(heal.remedy.id(), good);
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);
    let comments = scene.comments(&problem);
    assert!(comments[0].contains("shadow mode"), "{comments:?}");
    assert!(comments[0].contains(&good), "{comments:?}");
    assert_eq!(scene.world.aws.calls("CreateDeployment"), 0);
    assert_eq!(scene.world.aws.calls("StopDeployment"), 0);
    let guard = scene.guard().await;
    assert_eq!(guard.heals.len(), 1);
    assert!(guard.active.is_none());

    problem.resolve(scene.world.now.as_millisecond());
    scene.notify(&problem, "RESOLVED").await;
    assert_eq!(scene.standing(&bad).await, Standing::Unknown);
    assert_eq!(scene.stored(&problem).await.phase, Phase::Settled);
}

async fn switched_off_is_recorded_and_told_once(mut scene: Scene) {
    scene.healing.mode = Mode::Off;
    let (_, _, problem) = scene.bad_release().await;

    scene.notify(&problem, "OPEN").await;
    scene.notify(&problem, "OPEN").await;
    scene.ticks(3).await;

    let state = scene.state(&problem).await;
    assert_eq!(state, State::Refused(HealRefusal::SwitchedOff));
    assert_eq!(scene.comments(&problem).len(), 1);
    assert!(scene.heals().is_empty());
}

async fn heal_that_fails_is_told_and_not_tried_again(mut scene: Scene) {
    let (_, bad, problem) = scene.bad_release().await;
    scene.group(GroupOptions {
        outcome: DeploymentEnd::Failed,
        ..GroupOptions::default()
    });

    scene.notify(&problem, "OPEN").await;
    scene.ticks(2).await;

    let State::HealFailed { reason, .. } = scene.state(&problem).await else {
        panic!("the heal failed");
    };
    assert!(!reason.is_empty());
    scene.minutes(20);
    let again = scene.problem().open();
    scene.notify(&again, "OPEN").await;
    scene.ticks(3).await;
    assert_eq!(scene.heals().len(), 1, "a culprit is answered once");
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);
    let comments = scene.comments(&problem);
    assert!(
        comments[1].contains("could not be deployed again"),
        "{comments:?}"
    );
}

async fn problem_that_ends_without_a_heal_clears_the_culprit(mut scene: Scene) {
    let (_, bad, problem) = scene.bad_release().await;
    scene.healing.mode = Mode::Off;
    scene.notify(&problem, "OPEN").await;
    scene.ticks(1).await;
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);

    problem.resolve(scene.world.now.as_millisecond());
    scene.notify(&problem, "RESOLVED").await;

    assert_eq!(scene.standing(&bad).await, Standing::Unknown);
    assert_eq!(scene.stored(&problem).await.phase, Phase::Settled);
}

async fn problem_that_never_ends_leaves_the_culprit_suspect(mut scene: Scene) {
    let (good, bad, problem) = scene.bad_release().await;
    scene.notify(&problem, "OPEN").await;
    scene.ticks(1).await;
    assert!(matches!(scene.state(&problem).await, State::Healed { .. }));

    scene.minutes(24 * 60);
    scene.tick().await;

    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Unconfirmed { .. }), "{state:?}");
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);
    assert_eq!(scene.stored(&problem).await.phase, Phase::Settled);
    let comments = scene.comments(&problem);
    assert!(comments[2].contains("is still open"), "{comments:?}");
    let next = format!("The next older change is deployment {good}");
    assert!(comments[2].contains(&next), "{comments:?}");
    assert!(comments[3].contains("stays suspect"), "{comments:?}");
}

async fn problem_that_never_ends_and_was_refused_lets_the_culprit_go(mut scene: Scene) {
    scene.healing.mode = Mode::Off;
    let (_, bad, problem) = scene.bad_release().await;
    scene.notify(&problem, "OPEN").await;
    scene.healing.mode = Mode::Auto;
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);

    scene.minutes(24 * 60);
    scene.tick().await;

    assert_eq!(scene.stored(&problem).await.phase, Phase::Settled);
    let entry = scene.world.ledger.entry(&group(), &bad).await;
    let entry = entry.unwrap().unwrap();
    assert_eq!(entry.standing, Standing::Unknown);
    assert_eq!(entry.bound_to, None);
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 2, "{comments:?}");
    assert!(comments[1].contains("no longer suspect"), "{comments:?}");
}

async fn problem_that_ends_while_the_heal_is_under_way_condemns_nothing(mut scene: Scene) {
    let (_, bad, problem) = scene.bad_release().await;
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(5),
        ..GroupOptions::default()
    });
    scene.notify(&problem, "OPEN").await;
    scene.minutes(2);
    problem.resolve(scene.world.now.as_millisecond());
    scene.notify(&problem, "RESOLVED").await;

    scene.ticks(10).await;

    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Unconfirmed { .. }), "{state:?}");
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);
    assert_eq!(scene.stored(&problem).await.phase, Phase::Settled);
}

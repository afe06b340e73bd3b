//! What keeps a heal from being made twice, in a circle, or blindly.

use fake_aws::codedeploy::{DeploymentEnd, DeploymentStatus, GroupOptions};
use fake_dynatrace::Problem;
use jiff::SignedDuration;
use release::deployment::Standing;
use release::problem::Phase;
use release::remediation::{HealRefusal, Needless, State};

use super::scene::{APPLICATION, GROUP, Scene, group};
use super::stories;
use crate::world::PRODUCTION;

stories! {
    two_problems_with_one_culprit_are_one_heal,
    joined_problem_takes_over_when_the_first_one_ends_unanswered,
    stale_notification_changes_nothing,
    closed_problem_changes_nothing,
    forward_fix_under_way_is_waited_for_and_wins,
    forward_fix_that_fails_leaves_the_culprit_to_be_healed,
    culprit_under_way_is_stopped_and_then_healed,
    culprit_under_way_that_cannot_be_healed_is_not_stopped,
    culprit_that_was_stopped_is_replaced_though_the_problem_is_over,
    culprit_that_was_stopped_is_replaced_though_it_took_long,
    heal_is_never_healed,
    group_is_left_alone_after_a_heal,
    third_heal_of_a_day_is_refused,
    same_content_under_another_id_is_no_replacement,
}

async fn two_problems_with_one_culprit_are_one_heal(mut scene: Scene) {
    let (_, bad, first) = scene.bad_release().await;
    let second = scene.problem().open();

    scene.notify(&first, "OPEN").await;
    scene.notify(&second, "OPEN").await;
    scene.ticks(3).await;

    assert_eq!(scene.heals().len(), 1);
    let state = scene.state(&second).await;
    assert!(
        matches!(&state, State::Joined { problem } if problem == first.id()),
        "{state:?}"
    );
    let comments = scene.comments(&second);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(comments[0].contains(&bad), "{comments:?}");
}

async fn joined_problem_takes_over_when_the_first_one_ends_unanswered(mut scene: Scene) {
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(4),
        ..GroupOptions::default()
    });
    scene.release("good").await;
    scene.minutes(20);
    let bad = scene.release("bad").await;
    scene.minutes(6);
    let first = scene.problem().open();
    let second = scene.problem().open();
    scene.minutes(1);
    scene.deploy("unrelated-config");
    scene.notify(&first, "OPEN").await;
    scene.notify(&second, "OPEN").await;
    assert_eq!(scene.state(&first).await, State::Attributed);

    // What runs is no replacement: it fails, and by then the first is over.
    let running = scene.world.aws.codedeploy().active(APPLICATION, GROUP);
    scene
        .world
        .aws
        .codedeploy()
        .finish(&running.unwrap().unwrap().id, DeploymentEnd::Failed)
        .unwrap();
    first.resolve(scene.world.now.as_millisecond());
    scene.notify(&first, "RESOLVED").await;
    scene.ticks(6).await;

    assert_eq!(scene.healed_to(), ["good"]);
    let state = scene.state(&second).await;
    assert!(
        matches!(state, State::UnderWay { .. } | State::Healed { .. }),
        "{state:?}"
    );
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);
}

async fn stale_notification_changes_nothing(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    // The group is busy until the notification is old.
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(40),
        ..GroupOptions::default()
    });
    scene.deploy("unrelated");
    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.state(&problem).await, State::Attributed);

    scene.ticks(36).await;

    assert!(matches!(
        scene.state(&problem).await,
        State::NotNeeded(Needless::Stale { .. })
    ));
    assert!(scene.heals().is_empty());
    let comments = scene.comments(&problem);
    assert!(comments[0].contains("too old"), "{comments:?}");
}

async fn closed_problem_changes_nothing(mut scene: Scene) {
    let (_, bad, problem) = scene.bad_release().await;
    problem.resolve(scene.world.now.as_millisecond());

    scene.notify(&problem, "OPEN").await;
    scene.ticks(2).await;

    assert!(scene.heals().is_empty());
    assert!(
        scene
            .world
            .ledger
            .entry(&group(), &bad)
            .await
            .unwrap()
            .is_none()
    );
}

async fn forward_fix_under_way_is_waited_for_and_wins(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(3),
        ..GroupOptions::default()
    });
    let fix = scene.deploy("fix");
    let told = scene.told(&problem).await;
    assert!(
        told.ends_with("what is done waits for another deployment to end"),
        "{told}"
    );

    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.state(&problem).await, State::Attributed);
    scene.ticks(8).await;
    let told = scene.told(&problem).await;
    let expected = format!("is not rolled back: deployment {fix} runs now");
    assert!(told.contains(&expected), "{told}");

    assert!(scene.heals().is_empty());
    let state = scene.state(&problem).await;
    assert!(
        matches!(&state, State::NotNeeded(Needless::Replaced { running, .. }) if *running == fix),
        "{state:?}"
    );
}

async fn forward_fix_that_fails_leaves_the_culprit_to_be_healed(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(3),
        outcome: DeploymentEnd::Failed,
        ..GroupOptions::default()
    });
    scene.deploy("fix");
    scene.notify(&problem, "OPEN").await;
    scene.group(GroupOptions::default());

    scene.ticks(8).await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn culprit_under_way_is_stopped_and_then_healed(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(60),
        stopping: SignedDuration::from_secs(30),
        ..GroupOptions::default()
    });
    let bad = scene.release("bad").await;
    scene.minutes(10);
    let problem = scene.problem().open();
    let told = scene.told(&problem).await;
    assert!(
        told.starts_with(&format!("{bad} is to blame, and is stopped, and then d-")),
        "{told}"
    );

    scene.notify(&problem, "OPEN").await;
    assert!(scene.heals().is_empty(), "its end is awaited");
    scene.ticks(3).await;

    let stopped = scene.world.aws.codedeploy().deployment(&bad).unwrap();
    assert_eq!(stopped.status, DeploymentStatus::Stopped);
    assert!(scene.rollbacks().is_empty());
    assert_eq!(scene.healed_to(), ["good"]);
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 2, "{comments:?}");
    assert!(comments[0].contains("is stopped"), "{comments:?}");
}

async fn culprit_under_way_that_cannot_be_healed_is_not_stopped(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.notify(&problem, "OPEN").await;
    scene.ticks(1).await;
    assert_eq!(scene.heals().len(), 1);
    // A forward fix rolls out while the group is left alone.
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(60),
        ..GroupOptions::default()
    });
    let fix = scene.release("fix").await;
    scene.minutes(3);
    let next = scene.problem().open();

    scene.notify(&next, "OPEN").await;
    scene.ticks(2).await;

    assert!(matches!(
        scene.state(&next).await,
        State::Refused(HealRefusal::Cooldown { .. })
    ));
    let fix = scene.world.aws.codedeploy().deployment(&fix).unwrap();
    assert_eq!(fix.status, DeploymentStatus::InProgress);
    assert_eq!(scene.world.aws.calls("StopDeployment"), 0);
}

async fn culprit_that_was_stopped_is_replaced_though_the_problem_is_over(mut scene: Scene) {
    let problem = stopped_for(&mut scene, SignedDuration::from_mins(2)).await;

    problem.resolve(scene.world.now.as_millisecond());
    scene.notify(&problem, "RESOLVED").await;
    scene.ticks(10).await;

    assert_eq!(scene.healed_to(), ["good"]);
    assert_eq!(scene.stored(&problem).await.phase, Phase::Settled);
}

async fn culprit_that_was_stopped_is_replaced_though_it_took_long(mut scene: Scene) {
    let problem = stopped_for(&mut scene, SignedDuration::from_mins(40)).await;

    scene.ticks(50).await;

    assert_eq!(scene.healed_to(), ["good"]);
    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Healed { .. }), "{state:?}");
}

/// A culprit under way that a problem was the reason to stop, which takes so
/// long.
async fn stopped_for(scene: &mut Scene, stopping: SignedDuration) -> Problem {
    scene.release("good").await;
    scene.minutes(30);
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(120),
        stopping,
        ..GroupOptions::default()
    });
    scene.release("bad").await;
    scene.group(GroupOptions::default());
    scene.minutes(10);
    let problem = scene.problem().open();
    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.world.aws.calls("StopDeployment"), 1);
    assert!(scene.heals().is_empty(), "its end is awaited");
    problem
}

async fn heal_is_never_healed(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.notify(&problem, "OPEN").await;
    scene.ticks(1).await;
    let [heal] = scene.heals().try_into().unwrap();
    scene.announce(&heal.id, &[PRODUCTION]).await;
    scene.minutes(30);
    let after = scene.problem().open();

    scene.notify(&after, "OPEN").await;

    assert!(matches!(
        scene.state(&after).await,
        State::Refused(HealRefusal::HealOfHeal { .. })
    ));
    assert_eq!(scene.heals().len(), 1);
    assert_eq!(
        scene.standing(&heal.id).await,
        Standing::Unknown,
        "what it deployed again was good before"
    );
}

async fn group_is_left_alone_after_a_heal(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.notify(&problem, "OPEN").await;
    scene.ticks(1).await;
    scene.minutes(3);
    scene.release("worse").await;
    scene.minutes(3);
    let next = scene.problem().open();

    scene.notify(&next, "OPEN").await;

    assert!(matches!(
        scene.state(&next).await,
        State::Refused(HealRefusal::Cooldown { .. })
    ));
    assert_eq!(scene.heals().len(), 1);
    let comments = scene.comments(&next);
    assert!(comments[0].contains("in cooldown until"), "{comments:?}");
}

async fn third_heal_of_a_day_is_refused(mut scene: Scene) {
    scene.release("good").await;
    for (round, bad) in ["one", "two", "three"].into_iter().enumerate() {
        scene.minutes(60);
        scene.release(bad).await;
        scene.minutes(5);
        let problem = scene.problem().open();
        scene.notify(&problem, "OPEN").await;
        scene.ticks(2).await;
        problem.resolve(scene.world.now.as_millisecond());
        scene.notify(&problem, "RESOLVED").await;
        let state = scene.state(&problem).await;
        if round < 2 {
            assert!(matches!(state, State::Confirmed { .. }), "{state:?}");
        } else {
            assert!(
                matches!(
                    state,
                    State::Refused(HealRefusal::TooOften { count: 2, .. })
                ),
                "{state:?}"
            );
        }
    }
    assert_eq!(scene.healed_to(), ["good", "good"]);
}

async fn same_content_under_another_id_is_no_replacement(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.deploy("bad");

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

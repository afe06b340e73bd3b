//! Nothing is deployed again while changes are paused, and nothing is left half
//! done.

use aws_sdk_dynamodb::types::AttributeValue;
use fake_aws::codedeploy::GroupOptions;
use jiff::SignedDuration;
use release::pause::{Freeze, Pause, Target};
use release::remediation::{Needless, State};

use super::scene::{Scene, group};
use super::stories;

stories! {
    heal_waits_until_the_pause_ends_and_says_so,
    heal_that_waited_too_long_changes_nothing,
    pause_of_another_group_holds_nothing,
    culprit_that_was_stopped_is_replaced_though_everything_is_paused,
    culprit_under_way_is_not_stopped_while_its_group_is_paused,
    heal_under_way_is_watched_to_its_end_and_comments_say_what_is_paused,
    nothing_is_begun_while_nobody_knows_what_is_paused,
    calendar_pauses_like_a_person,
    calendar_that_cannot_be_read_begins_nothing_and_leaves_nothing_half_done,
}

async fn heal_waits_until_the_pause_ends_and_says_so(mut scene: Scene) {
    let (_, bad, problem) = scene.bad_release().await;
    pause(&scene, Target::All, 10).await;

    scene.notify(&problem, "OPEN").await;
    scene.ticks(5).await;

    assert!(scene.heals().is_empty());
    assert_eq!(scene.state(&problem).await, State::Attributed);
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(comments[0].contains(&bad), "{comments:?}");
    assert!(
        comments[0].contains("by ada: the network is being moved"),
        "{comments:?}"
    );

    scene.ticks(12).await;
    assert_eq!(scene.healed_to(), ["good"]);
}

async fn heal_that_waited_too_long_changes_nothing(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    pause(&scene, Target::Group(group()), 60).await;

    scene.notify(&problem, "OPEN").await;
    scene.ticks(70).await;

    assert!(scene.heals().is_empty());
    let state = scene.state(&problem).await;
    assert!(
        matches!(state, State::NotNeeded(Needless::Stale { .. })),
        "{state:?}"
    );
}

async fn pause_of_another_group_holds_nothing(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    let other = "group:SampleDevOpsApp/Staging".parse().unwrap();
    pause(&scene, other, 60).await;

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn culprit_that_was_stopped_is_replaced_though_everything_is_paused(mut scene: Scene) {
    let problem = under_way(&mut scene).await;
    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.world.aws.calls("StopDeployment"), 1);

    pause(&scene, Target::All, 600).await;
    scene.ticks(10).await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn culprit_under_way_is_not_stopped_while_its_group_is_paused(mut scene: Scene) {
    let problem = under_way(&mut scene).await;
    pause(&scene, Target::Group(group()), 600).await;

    scene.notify(&problem, "OPEN").await;
    scene.ticks(3).await;

    assert_eq!(scene.world.aws.calls("StopDeployment"), 0);
    assert!(scene.heals().is_empty());
}

async fn heal_under_way_is_watched_to_its_end_and_comments_say_what_is_paused(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(2),
        ..GroupOptions::default()
    });
    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.heals().len(), 1);

    pause(&scene, Target::All, 600).await;
    scene.ticks(3).await;
    problem.resolve(scene.world.now.as_millisecond());
    scene.ticks(3).await;

    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Confirmed { .. }), "{state:?}");
    let comments = scene.comments(&problem);
    let (before, later) = comments.split_first().unwrap();
    assert!(!before.contains("paused"), "{before}");
    for comment in later {
        assert!(comment.contains("Changes are paused until"), "{comment}");
    }
}

async fn nothing_is_begun_while_nobody_knows_what_is_paused(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    let unreadable = ["pk", "sk", "who", "why"].map(|name| {
        let value = if name == "pk" { "pauses" } else { "all" };
        (name.to_owned(), AttributeValue::S(value.to_owned()))
    });
    let put = scene.world.tables().put_item().table_name("ledger");
    let put = put.set_item(Some(unreadable.into_iter().collect()));
    put.send().await.unwrap();

    scene.notify(&problem, "OPEN").await;
    assert!(scene.heals().is_empty());

    pause(&scene, Target::All, 0).await;
    scene.ticks(1).await;
    assert_eq!(scene.healed_to(), ["good"]);
}

async fn calendar_pauses_like_a_person(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.healing.freeze = "Mon 00:00/Tue 00:00".parse().unwrap();

    scene.notify(&problem, "OPEN").await;

    assert!(scene.heals().is_empty());
    let comments = scene.comments(&problem);
    assert!(
        comments[0].contains("Changes are frozen until"),
        "{comments:?}"
    );
}

async fn calendar_that_cannot_be_read_begins_nothing_and_leaves_nothing_half_done(
    mut scene: Scene,
) {
    let problem = under_way(&mut scene).await;
    scene.healing.freeze = Freeze::unreadable();
    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.world.aws.calls("StopDeployment"), 0);

    scene.healing.freeze = Freeze::default();
    scene.ticks(1).await;
    assert_eq!(scene.world.aws.calls("StopDeployment"), 1);
    scene.healing.freeze = Freeze::unreadable();
    scene.ticks(10).await;

    assert_eq!(scene.healed_to(), ["good"]);
}

/// A culprit that is still being deployed when the problem begins.
async fn under_way(scene: &mut Scene) -> fake_dynatrace::Problem {
    scene.release("good").await;
    scene.minutes(20);
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(30),
        ..GroupOptions::default()
    });
    scene.release("bad").await;
    scene.minutes(6);
    scene.problem().open()
}

pub(crate) async fn pause(scene: &Scene, target: Target, minutes: i64) {
    let until = scene.world.now + SignedDuration::from_mins(minutes);
    let pause = Pause {
        target,
        until,
        who: "ada".to_owned(),
        why: "the network is being moved".to_owned(),
    };
    scene.world.ledger.pause(&pause).await.unwrap();
}

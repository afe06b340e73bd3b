//! What breaks, dies or overlaps on the way.

use std::task::Poll;
use std::time::Duration;

use fake_aws::Fault;
use fake_aws::codedeploy::GroupOptions;
use fake_dynatrace::{Fault as TenantFault, Times};
use futures_util::FutureExt as _;
use jiff::SignedDuration;
use release::problem::Phase;
use release::remediation::State;
use store::{Advanced, Due};
use workflows::handle_problem::Notified;

use super::scene::Scene;
use super::stories;

stories! {
    writes_that_meet_the_transactions_of_others_are_repeated,
    throttled_codedeploy_delays_the_heal,
    deployment_that_codedeploy_does_not_show_yet_is_no_failed_heal,
    answer_of_codedeploy_that_was_lost_is_found_by_its_marker,
    comments_that_are_refused_stop_nothing_and_are_said_later,
    comments_that_are_never_taken_are_given_up_with_their_problem,
    comment_whose_answer_was_lost_is_said_once,
    tenant_that_is_down_delays_the_answer,
    what_is_begun_goes_on_while_the_tenant_is_down,
    first_look_that_is_cut_off_keeps_the_schedule_away_for_seconds_only,
    two_notifications_at_once_are_one_heal,
    notification_that_dies_anywhere_is_finished_by_the_schedule,
}

async fn writes_that_meet_the_transactions_of_others_are_repeated(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    let contended = scene.world.contend().await;

    let notified = scene.notify(&problem, "OPEN").await;
    assert!(
        matches!(notified, Notified::Worked(_) | Notified::Stored(_)),
        "{notified:?}"
    );
    scene.ticks(1).await;

    assert_eq!(scene.healed_to(), ["good"]);
    assert_eq!(scene.stored(&problem).await.faults, 0);
    assert!(20 < contended.met(), "{} meetings", contended.met());
}

async fn throttled_codedeploy_delays_the_heal(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.world.aws.fail("CreateDeployment", Fault::Throttle, 1);

    scene.notify(&problem, "OPEN").await;
    assert!(scene.heals().is_empty());
    scene.ticks(2).await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn deployment_that_codedeploy_does_not_show_yet_is_no_failed_heal(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(60),
        ..GroupOptions::default()
    });
    scene.notify(&problem, "OPEN").await;
    scene.minutes(2);
    let ledger = &scene.world.ledger;
    let remediations = &scene.world.remediations;
    let now = scene.world.now;
    let lease = now.saturating_add(SignedDuration::from_secs(30)).unwrap();
    let due = Due::problem(problem.id(), now);
    let claimed = remediations.queue().claim(&due, "the story", now, lease);
    let mut claimed = claimed.await.unwrap();
    let State::UnderWay { deployment, .. } = &mut claimed.problem.remediations[0].state else {
        panic!("it is being deployed");
    };
    "d-NOTSHOWN1".clone_into(deployment);
    let written = remediations
        .advance(ledger, &mut claimed, &[])
        .await
        .unwrap();
    assert_eq!(written, Advanced::Written);
    remediations.queue().defer(claimed, now).await.unwrap();

    scene.tick().await;
    let state = scene.state(&problem).await;
    assert!(matches!(state, State::UnderWay { .. }), "{state:?}");
    scene.ticks(8).await;

    let state = scene.state(&problem).await;
    assert!(matches!(state, State::HealFailed { .. }), "{state:?}");
}

async fn answer_of_codedeploy_that_was_lost_is_found_by_its_marker(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene
        .world
        .aws
        .fail("CreateDeployment", Fault::TimeoutAfterActing, 1);

    scene.notify(&problem, "OPEN").await;
    scene.ticks(2).await;

    assert_eq!(scene.healed_to(), ["good"]);
    assert!(matches!(scene.state(&problem).await, State::Healed { .. }));
}

async fn comments_that_are_refused_stop_nothing_and_are_said_later(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.world.tenant.refuse_comments(Times::Always);

    scene.notify(&problem, "OPEN").await;
    scene.ticks(3).await;
    assert_eq!(scene.healed_to(), ["good"]);
    assert!(scene.comments(&problem).is_empty());

    scene.world.tenant.refuse_comments(Times::N(0));
    scene.ticks(6).await;
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 2, "{comments:?}");
    assert!(comments[0].contains("is to blame"), "{comments:?}");
    assert!(comments[1].contains("running again"), "{comments:?}");
}

async fn comments_that_are_never_taken_are_given_up_with_their_problem(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.world.tenant.refuse_comments(Times::Always);
    scene.notify(&problem, "OPEN").await;
    scene.ticks(3).await;
    scene.minutes(25 * 60);

    scene.ticks(1).await;

    let stored = scene.stored(&problem).await;
    assert_eq!(stored.phase, Phase::Settled, "{stored:?}");
    assert!(1 < stored.comments.len(), "{stored:?}");
    for comment in &stored.comments {
        assert_eq!(comment.posted, None, "{comment:?}");
        assert!(comment.given_up.is_some(), "{comment:?}");
    }
    assert!(scene.comments(&problem).is_empty());
    assert_eq!(scene.healed_to(), ["good"]);
}

async fn comment_whose_answer_was_lost_is_said_once(mut scene: Scene) {
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(10),
        ..GroupOptions::default()
    });
    scene.release("good").await;
    scene.minutes(20);
    scene.release("bad").await;
    scene.minutes(11);
    let problem = scene.problem().open();
    // The process dies between saying it and noting that it was said: what it
    // noted is lost with the claim.
    let said = async |scene: &Scene| !scene.comments(&problem).is_empty();
    {
        let mut notified = Box::pin(scene.notify(&problem, "OPEN"));
        loop {
            let ready = std::future::poll_fn(|context| {
                Poll::Ready(notified.poll_unpin(context).is_ready())
            })
            .await;
            if ready || said(&scene).await {
                break;
            }
            tokio::task::yield_now().await;
        }
    }

    scene.ticks(3).await;

    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert_eq!(scene.heals().len(), 1);
}

async fn what_is_begun_goes_on_while_the_tenant_is_down(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(45);
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(10),
        ..GroupOptions::default()
    });
    scene.release("bad").await;
    scene.minutes(2);
    let problem = scene.problem().open();
    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.world.aws.calls("StopDeployment"), 1);
    scene
        .world
        .tenant
        .fail(TenantFault::CloseConnection, Times::Always, "/api");
    scene.group(GroupOptions::default());

    scene.ticks(8).await;

    assert_eq!(scene.healed_to(), ["good"]);
    assert!(matches!(scene.state(&problem).await, State::Healed { .. }));
}

async fn tenant_that_is_down_delays_the_answer(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene
        .world
        .tenant
        .fail(TenantFault::CloseConnection, Times::Always, "/api");

    scene.notify(&problem, "OPEN").await;
    scene.ticks(3).await;
    assert!(scene.heals().is_empty());
    scene.world.tenant.clear_faults();
    scene.ticks(3).await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn first_look_that_is_cut_off_keeps_the_schedule_away_for_seconds_only(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    let codedeploy_hangs = Duration::from_mins(1);
    scene
        .world
        .aws
        .slow_down("CreateDeployment", codedeploy_hangs);
    let notified = scene.notify(&problem, "OPEN").await;
    assert!(matches!(notified, Notified::Stored(_)), "{notified:?}");
    scene
        .world
        .aws
        .slow_down("CreateDeployment", Duration::ZERO);

    scene.world.advance(SignedDuration::from_secs(11));
    scene.tick().await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn two_notifications_at_once_are_one_heal(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    let other = scene.problem().open();

    tokio::join!(
        Box::pin(scene.notify(&problem, "OPEN")),
        Box::pin(scene.notify(&problem, "OPEN")),
        Box::pin(scene.notify(&other, "OPEN")),
        Box::pin(scene.tick()),
    );
    scene.ticks(5).await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn notification_that_dies_anywhere_is_finished_by_the_schedule(mut scene: Scene) {
    scene.healing.limits.most = u32::MAX;
    scene.release("good").await;
    let mut killed = 0;
    for polls in (1..400).step_by(7) {
        scene.minutes(30);
        scene.release(&format!("bad-{polls}")).await;
        scene.minutes(3);
        let problem = scene.problem().open();
        let finished = {
            let mut notified = Box::pin(scene.notify(&problem, "OPEN"));
            let mut polled = 0;
            std::future::poll_fn(|context| {
                polled += 1;
                match notified.poll_unpin(context) {
                    Poll::Ready(_) => Poll::Ready(true),
                    Poll::Pending if polls <= polled => Poll::Ready(false),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await
        };
        killed += usize::from(!finished);
        scene.ticks(6).await;
        problem.resolve(scene.world.now.as_millisecond());
        scene.ticks(6).await;

        let stored = scene.stored(&problem).await;
        assert_eq!(
            stored.phase,
            Phase::Settled,
            "after {polls} polls: {stored:?}"
        );
        let heals = scene.heals();
        let for_this = heals.iter().filter(|heal| {
            let description = heal.description.as_deref();
            description.is_some_and(|text| text.contains(problem.id()))
        });
        assert_eq!(for_this.count(), 1, "after {polls} polls: {stored:?}");
        assert_eq!(scene.comments(&problem).len(), 3, "after {polls} polls");
        if finished {
            break;
        }
    }
    assert!(3 < killed, "only {killed} notifications were killed");
    assert!(scene.healed_to().iter().all(|bundle| bundle == "good"));
}

//! Nothing is approved while changes are paused.

use fake_aws::pipeline::ApprovalStatus;
use jiff::SignedDuration;
use release::pause::{Pause, Target};
use release::validation::{Ending, Phase};
use workflows::work::Progress;

use crate::gate::stories;
use crate::world::{GATE, PIPELINE, PRODUCTION, STAGING, World, monspec, only};

stories! {
    approval_waits_until_the_pause_ends,
    approval_waits_until_a_person_resumes,
    rejection_is_no_change_and_is_sent,
    pause_of_another_target_holds_nothing,
    nothing_is_approved_while_more_is_paused_than_can_be_read,
    calendar_pauses_like_a_person,
    pause_that_outlasts_a_validation_ends_it_visibly,
}

async fn approval_waits_until_the_pause_ends(mut world: World) {
    let execution = released(&world, 100.0).await;
    pause(&world, Target::All, 30).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let Progress::Deferred { waiting_for, .. } = &ticked.looks[0].progress else {
        panic!("{ticked:?}");
    };
    assert!(
        waiting_for.ends_with(" by ada: the network is being moved"),
        "{waiting_for}"
    );
    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.phase(), Phase::Judged, "verdicts still fall");
    assert_eq!(validation.intent(), None);

    world.advance(SignedDuration::from_mins(31));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    assert_eq!(world.aws.calls("PutApprovalResult"), 1);
}

async fn approval_waits_until_a_person_resumes(mut world: World) {
    let execution = released(&world, 100.0).await;
    let target = Target::Pipeline(PIPELINE.to_owned());
    pause(&world, target.clone(), 24 * 60).await;
    world.pass_window().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);

    let ended = world.ledger.resume(&target, world.now).await.unwrap();
    world.advance(SignedDuration::from_mins(5));
    world.tick().await;

    assert_eq!(ended.unwrap().who, "ada");
    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let again = world.ledger.resume(&target, world.now).await.unwrap();
    assert_eq!(again, None);
}

async fn rejection_is_no_change_and_is_sent(mut world: World) {
    let execution = released(&world, 900.0).await;
    pause(&world, Target::All, 30).await;

    world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
}

async fn pause_of_another_target_holds_nothing(mut world: World) {
    let execution = released(&world, 100.0).await;
    pause(&world, Target::Pipeline("another".to_owned()), 30).await;
    pause(&world, "group:App/Staging".parse().unwrap(), 30).await;

    world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn nothing_is_approved_while_more_is_paused_than_can_be_read(mut world: World) {
    let execution = released(&world, 100.0).await;
    world.pause_more_than_can_be_read().await;

    world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);

    world.resume_many().await;
    world.advance(SignedDuration::from_mins(5));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn calendar_pauses_like_a_person(mut world: World) {
    let execution = released(&world, 100.0).await;
    world.freeze = "always".parse().unwrap();
    world.pass_window().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);

    world.freeze = "2020-01-01/2020-12-31".parse().unwrap();
    world.advance(SignedDuration::from_mins(5));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn pause_that_outlasts_a_validation_ends_it_visibly(mut world: World) {
    let execution = released(&world, 100.0).await;
    pause(&world, Target::All, 20 * 24 * 60).await;
    let ticked = world.pass_window().await;
    let id = only(&ticked);

    world.advance(SignedDuration::from_hours(25));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let validation = world.validation(id).await;
    let Some(Ending::GaveUp { waiting_for }) = validation.ending() else {
        panic!("{:?}", validation.ending());
    };
    assert!(waiting_for.contains("paused until"), "{waiting_for}");
}

async fn released(world: &World, milliseconds: f64) -> String {
    world.gate(GATE);
    world.traffic(STAGING, milliseconds, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.5);
    world.release("1", &monspec()).await
}

async fn pause(world: &World, target: Target, minutes: i64) {
    let until = world.now + SignedDuration::from_mins(minutes);
    let pause = Pause {
        target,
        until,
        who: "ada".to_owned(),
        why: "the network is being moved".to_owned(),
    };
    world.ledger.pause(&pause).await.unwrap();
}

//! One launch, whatever becomes of its answer.

use std::time::Duration;

use fake_controller::{End, Fault, Status, Times};
use release::runbook::State;
use serde_json::json;

use super::driver::{World, announce, strict};
use crate::world::PRODUCTION;

#[tokio::test]
async fn campaign_is_stopped_and_the_problem_ends() {
    let mut world = World::start().await;
    assert_eq!(world.pass().await, "the job to end");
    let job = world.job();
    let launched = &world.fake.jobs()[0];
    assert_eq!(launched.extra_vars["promotion_rate"], json!(0));
    assert_eq!(
        launched.extra_vars["unbreakable"]["run"],
        json!(world.run().id)
    );
    assert_eq!(
        launched.extra_vars["unbreakable"]["problem"]["title"],
        json!("Failure rate increase { {7*7}}")
    );
    assert_eq!(
        (launched.limit.as_str(), launched.job_type.as_str()),
        ("", "run")
    );
    world.at(20);
    world.fake.ends(job, End::well(2)).unwrap();
    assert_eq!(world.pass().await, "the problem to end");
    world.at(200);
    world.closes();

    world.pass().await;

    assert_eq!(world.state().word(), "healed");
    assert!(!world.run().guards && world.guard().await.cooldown_until.is_some());
    let says = [
        "was launched to take it back",
        "ended well",
        "counts as bad",
    ];
    assert_eq!(world.comments().len(), says.len(), "{:?}", world.comments());
    for (comment, says) in world.comments().iter().zip(says) {
        assert!(comment.contains(says), "{says}: {comment}");
        assert!(!comment.contains("SECRET"), "{comment}");
    }
}

#[tokio::test]
async fn whoever_dies_after_the_launch_leaves_one_job() {
    let mut world = World::start().await;
    world.pass_killed_after_the_launch().await;
    assert_eq!(world.state().word(), "intended");
    world.at(60);

    world.pass().await;

    assert_eq!(world.state().word(), "launched");
    assert_eq!((world.launches(), world.fake.jobs().len()), (1, 1));
}

#[tokio::test]
async fn answer_that_is_lost_leaves_one_job() {
    for fault in [
        Fault::LoseAnswer,
        Fault::BadGatewayAfter,
        Fault::Flattened,
        Fault::DoneAfter(Duration::from_secs(115)),
    ] {
        let mut world = World::start().await;
        world
            .fake
            .fail(fault.clone(), Times::N(1), "POST /job_templates");
        assert_eq!(world.pass().await, "the launch to turn up");
        assert_eq!(world.state().word(), "unknown");
        for seconds in [5, 30, 150] {
            world.at(seconds);
            world.pass().await;
        }

        assert_eq!(world.state().word(), "launched", "{fault:?}");
        assert_eq!(
            (world.launches(), world.fake.jobs().len()),
            (1, 1),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn proxy_that_fails_before_the_launch_leads_to_one_job_later() {
    let mut world = World::start().await;
    world
        .fake
        .fail(Fault::BadGatewayBefore, Times::N(1), "POST /job_templates");
    world.pass().await;
    world.at(149);
    assert_eq!(world.pass().await, "the launch to turn up");
    assert_eq!(world.launches(), 1);
    world.at(150);

    world.pass().await;

    assert_eq!(world.state().word(), "launched");
    assert_eq!((world.launches(), world.fake.jobs().len()), (2, 1));
}

#[tokio::test]
async fn two_launches_that_leave_nothing_are_the_last() {
    let mut world = World::start().await;
    world.fake.fail(
        Fault::BadGatewayBefore,
        Times::Always,
        "POST /job_templates",
    );
    for minute in 0..20 {
        world.at(minute * 60);
        world.pass().await;
    }

    assert_eq!(world.state().word(), "lost");
    assert_eq!(world.launches(), 2);
    let last = world.comments().pop().unwrap();
    assert!(
        last.contains("whether runbook stop ran is not known"),
        "{last}"
    );
}

#[tokio::test]
async fn first_launch_that_turns_up_late_is_taken_and_none_follows() {
    let mut world = World::start().await;
    let late = Fault::DoneAfter(Duration::from_secs(200));
    world.fake.fail(late, Times::N(1), "POST /job_templates");
    world.pass().await;
    world.at(160);
    // The controller says nothing for a while, so nothing is launched again.
    world
        .fake
        .fail(Fault::Broken, Times::N(1), "GET /job_templates");
    assert!(world.pass().await.starts_with("the controller to answer"));
    world.at(200);

    world.pass().await;

    assert_eq!(world.state().word(), "launched");
    assert_eq!((world.launches(), world.fake.jobs().len()), (1, 1));
}

#[tokio::test]
async fn relaunch_by_a_person_is_not_taken_for_ours() {
    let mut world = World::start().await;
    world.pass_killed_after_the_launch().await;
    let ours = world.job();
    let theirs = world.fake.relaunched_by("ub", ours);
    world.at(15);

    world.pass().await;

    let State::Launched { job, others, .. } = world.state() else {
        panic!("{:?}", world.state());
    };
    assert_eq!((job.id, others.len()), (ours, 0));
    let relaunched = world.fake.jobs().into_iter().find(|job| job.id == theirs);
    assert!(!relaunched.unwrap().cancel_wished);
}

#[tokio::test]
async fn of_two_jobs_of_one_run_the_first_stays() {
    let mut world = World::start().await;
    world.pass_killed_after_the_launch().await;
    let first = world.job();
    // As if the same request had been sent twice by something on the way.
    let copy = json!(world.fake.jobs()[0].extra_vars);
    let second = world.fake.launched_by("ub", world.template, &copy);
    world.at(15);

    world.pass().await;

    let State::Launched { job, others, .. } = world.state() else {
        panic!("{:?}", world.state());
    };
    assert_eq!((job.id, others.len()), (first, 0));
    let statuses: Vec<(u64, Status)> = world
        .fake
        .jobs()
        .iter()
        .map(|job| (job.id, job.status))
        .collect();
    assert_eq!(
        statuses,
        [(first, Status::Pending), (second, Status::Canceled)]
    );
}

/// The guard is given back with a launch that the controller refuses, so the target
/// is in no cooldown when the next problem asks for it.
#[tokio::test]
async fn refused_launch_keeps_no_later_problem_waiting() {
    let mut world = World::with(strict(), |_| {}).await;
    world.pass().await;
    assert_eq!(world.state().word(), "refused");
    assert_eq!((world.launches(), world.fake.jobs().len()), (1, 0));
    world.closes();
    world.scene.minutes(1);
    let launch = format!("/api/v2/job_templates/{}/launch/", world.template);
    let change = [("remediationAction", &*launch), ("oldValue", "20")];
    announce(&world.scene, &change).await;
    world.scene.minutes(5);
    let now = world.scene.world.now.as_millisecond();
    world.fake.set_now(now);
    let tenant = &world.scene.world.tenant;
    let next = tenant.problem("Response time").impacts(PRODUCTION).open();

    world.scene.notify(&next, "OPEN").await;

    let run = world.scene.stored(&next).await.runs.remove(0);
    assert_eq!(run.state.word(), "launched");
    assert_eq!(run.target(), world.run().target());
    assert_eq!((world.launches(), world.fake.jobs().len()), (2, 1));
}

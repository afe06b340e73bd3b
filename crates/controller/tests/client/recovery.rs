//! Finding what was launched when the answer was lost.

use std::time::Duration;

use controller::{Job, JobKind, Launch};
use fake_controller::{Fault, JobTemplate, Times};
use serde_json::json;

use crate::world::{NOW, World, order, soon};

const MARKER: [&str; 2] = ["unbreakable", "run"];

async fn found(world: &World, floor: u64, run: &str) -> Vec<Job> {
    let jobs = world
        .client
        .launched_since(world.at_template(), floor, world.user, soon())
        .await
        .expect("the list is read");
    jobs.into_iter()
        .filter(|job| job.carries(&MARKER, run))
        .collect()
}

#[tokio::test]
async fn lost_launch_is_found_by_its_marker() {
    let world = World::with(JobTemplate::default()).await;
    let before = world.launched(&order("r-0")).await.job.at.id;
    let floor = world
        .client
        .newest_job(world.at_template(), soon())
        .await
        .unwrap();
    assert_eq!(floor, before);
    world
        .fake
        .fail(Fault::LoseAnswer, Times::N(1), "POST /job_templates");

    let launched = world.launch(&order("r-1")).await;

    assert!(matches!(launched, Launch::Unknown(_)), "{launched:?}");
    let found = found(&world, floor, "r-1").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].at.id, before + 1);
    assert_eq!(found[0].differences(&order("r-1")), []);
}

#[tokio::test]
async fn launch_that_is_written_down_late_is_found_late() {
    let world = World::with(JobTemplate::default()).await;
    let floor = world
        .client
        .newest_job(world.at_template(), soon())
        .await
        .unwrap();
    assert_eq!(floor, 0);
    let late = Fault::DoneAfter(Duration::from_secs(115));
    world.fake.fail(late, Times::N(1), "POST /job_templates");

    let launched = world.launch(&order("r-1")).await;

    assert!(matches!(launched, Launch::Unknown(_)), "{launched:?}");
    world.fake.set_now(NOW + 114_000);
    assert!(found(&world, floor, "r-1").await.is_empty());
    world.fake.set_now(NOW + 115_000);
    assert_eq!(found(&world, floor, "r-1").await.len(), 1);
}

#[tokio::test]
async fn proxy_that_fails_before_leaves_nothing_and_after_leaves_a_job() {
    for (fault, jobs) in [(Fault::BadGatewayBefore, 0), (Fault::BadGatewayAfter, 1)] {
        let world = World::with(JobTemplate::default()).await;
        world.fake.fail(fault, Times::N(1), "POST /job_templates");

        let launched = world.launch(&order("r-1")).await;

        assert!(matches!(launched, Launch::Unknown(_)), "{launched:?}");
        assert_eq!(found(&world, 0, "r-1").await.len(), jobs);
    }
}

#[tokio::test]
async fn neither_a_relaunch_nor_somebody_else_is_taken_for_ours() {
    let world = World::with(JobTemplate::default()).await;
    let ours = world.launched(&order("r-1")).await.job.at.id;
    world.fake.user("ann", "x");
    let relaunched = world.fake.relaunched_by("ub", ours);
    let copied = json!({"unbreakable": {"run": "r-1"}});
    let copied = world.fake.launched_by("ann", world.template, &copied);
    assert!(ours < relaunched && relaunched < copied);

    let found = found(&world, 0, "r-1").await;

    let ids: Vec<u64> = found.iter().map(|job| job.at.id).collect();
    assert_eq!(ids, [ours]);
}

#[tokio::test]
async fn slices_are_found_under_the_job_that_holds_them() {
    let world = World::with(JobTemplate {
        slices: 3,
        ..JobTemplate::default()
    })
    .await;

    let launched = world.launched(&order("r-1")).await;

    assert_eq!(launched.job.at.kind, JobKind::Workflow);
    let newest = world
        .client
        .newest_job(world.sliced(true), soon())
        .await
        .unwrap();
    assert_eq!(newest, launched.job.at.id);
    let jobs = world
        .client
        .launched_since(world.sliced(true), 0, world.user, soon())
        .await
        .unwrap();
    assert_eq!(jobs.len(), 1);
    assert!(jobs[0].carries(&MARKER, "r-1"));
    assert!(
        found(&world, 0, "r-1").await.is_empty(),
        "the other list alone misses it"
    );
}

#[tokio::test]
async fn nothing_is_filtered_by_variables() {
    let world = World::with(JobTemplate::default()).await;
    let _ = world.launched(&order("r-1")).await;
    let _ = found(&world, 0, "r-1").await;

    for call in world.fake.calls() {
        assert!(
            call.query
                .iter()
                .all(|(name, _)| !name.starts_with("extra_vars")),
            "{call:?}"
        );
    }
}

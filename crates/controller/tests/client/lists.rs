//! Lists that are longer than a page.

use controller::Error;
use fake_controller::{End, JobTemplate};
use serde_json::json;

use crate::world::{World, order, soon};

#[tokio::test]
async fn every_page_is_read_behind_a_gateway_too() {
    for prefix in ["/api/v2", "/api/controller/v2"] {
        let world = World::at(JobTemplate::default(), prefix).await;
        for _ in 0..201 {
            world.fake.launched_by("ub", world.template, &json!({}));
        }

        let jobs = world
            .client
            .launched_since(world.at_template(), 0, world.user, soon())
            .await
            .unwrap();

        assert_eq!(jobs.len(), 201, "{prefix}");
        assert!(jobs.is_sorted_by_key(|job| job.at.id));
        assert_eq!(world.fake.count("GET", "/jobs/"), 2);
    }
}

#[tokio::test]
async fn list_that_is_too_long_is_no_list() {
    let world = World::with(JobTemplate::default()).await;
    for _ in 0..1_001 {
        world.fake.launched_by("ub", world.template, &json!({}));
    }

    let jobs = world
        .client
        .launched_since(world.at_template(), 0, world.user, soon())
        .await;

    assert!(matches!(jobs, Err(Error::Refused(_))), "{jobs:?}");
}

#[tokio::test]
async fn jobs_under_way_are_told_from_those_that_ended() {
    let world = World::with(JobTemplate::default()).await;
    let ended = world.launched(&order("r-1")).await.job.at.id;
    world.fake.ends(ended, End::well(1)).unwrap();
    world.fake.user("ann", "x");
    let running = world.fake.launched_by("ann", world.template, &json!({}));
    world.fake.runs(running).unwrap();

    let active = world
        .client
        .active_jobs(world.at_template(), soon())
        .await
        .unwrap();

    assert_eq!(active.len(), 1);
    assert_eq!(active[0].at.id, running);
    let by = active[0].launched_by.as_ref().unwrap();
    assert_eq!((by.name.as_str(), by.kind.as_str()), ("ann", "user"));
}

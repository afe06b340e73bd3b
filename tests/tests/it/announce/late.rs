//! Entities that are not there yet.

use fake_aws::codedeploy::GroupOptions;
use fake_aws::pipeline::{JobStatus, Mode};
use jiff::SignedDuration;
use serde_json::json;

use super::failed;
use crate::gate::stories;
use crate::world::{PRODUCTION, World, monspec};

const SECOND: &str = "SERVICE-00000000000000B2";

stories![
    late_service_is_told_when_the_job_is_continued,
    four_minutes_without_a_service_end_with_what_to_check,
    one_late_service_of_two_is_told_later_and_nobody_twice,
    service_that_never_comes_does_not_undo_what_the_other_was_told,
    report_that_matches_nobody_is_waited_for,
];

async fn late_service_is_told_when_the_job_is_continued(mut world: World) {
    world.production_group(GroupOptions::default());
    world.tenant.remove(PRODUCTION);
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    let job = world.announcing_job("1");

    let waiting = world.announce_job(&job).await;

    assert!(matches!(waiting, JobStatus::Continued(_)), "{waiting:?}");
    assert_eq!(world.ledger("Production").await.len(), 1);
    appear(&world, PRODUCTION, "SampleJSonService");
    let started = world.ledger("Production").await[0].deployment.at;
    let job = world.continued();
    assert_eq!(world.announce_job(&job).await, JobStatus::Succeeded);
    let event = world.event_on(PRODUCTION);
    assert_eq!(
        event.start,
        started.as_millisecond(),
        "it began when it began"
    );
}

async fn four_minutes_without_a_service_end_with_what_to_check(mut world: World) {
    world.production_group(GroupOptions::default());
    world.tenant.remove(PRODUCTION);
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    let mut job = world.announcing_job("1");
    let began = world.now;
    while let JobStatus::Continued(_) = world.announce_job(&job).await {
        assert!(world.now.duration_since(began) < SignedDuration::from_mins(4));
        job = world.continued();
    }

    assert_eq!(
        world.now.duration_since(began),
        SignedDuration::from_mins(4)
    );
    let status = world.aws.pipelines().job(&job.id).unwrap().status;
    let (failure, message) = failed(status);
    assert_eq!(failure, "ConfigurationError");
    for told in [
        "no SERVICE has `DeploymentGroup:Production`",
        "environment `Production` of `SampleJSonService`",
        "rule that sets this tag",
    ] {
        assert!(message.contains(told), "{message}");
    }
    assert_eq!(world.ledger("Production").await.len(), 1);
}

async fn one_late_service_of_two_is_told_later_and_nobody_twice(mut world: World) {
    world.production_group(GroupOptions::default());
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    world.start_execution("1", &two_services());
    let job = world.aws.pipelines().next_job().unwrap();
    let waiting = world.announce_job(&job).await;
    assert!(matches!(waiting, JobStatus::Continued(_)), "{waiting:?}");
    world.event_on(PRODUCTION);

    appear(&world, SECOND, "Basket");
    let job = world.continued();
    assert_eq!(world.announce_job(&job).await, JobStatus::Succeeded);

    world.event_on(PRODUCTION);
    world.event_on(SECOND);
}

async fn service_that_never_comes_does_not_undo_what_the_other_was_told(mut world: World) {
    world.production_group(GroupOptions::default());
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    world.start_execution("1", &two_services());
    let mut job = world.aws.pipelines().next_job().unwrap();
    let ended = loop {
        match world.announce_job(&job).await {
            JobStatus::Continued(_) => job = world.continued(),
            ended => break ended,
        }
    };

    assert_eq!(ended, JobStatus::Succeeded);
    world.event_on(PRODUCTION);
}

async fn report_that_matches_nobody_is_waited_for(mut world: World) {
    world.production_group(GroupOptions::default());
    world.tenant.match_no_entity(fake_dynatrace::Times::N(1));
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    let job = world.announcing_job("1");
    let waiting = world.announce_job(&job).await;
    assert!(matches!(waiting, JobStatus::Continued(_)), "{waiting:?}");

    let job = world.continued();
    assert_eq!(world.announce_job(&job).await, JobStatus::Succeeded);

    world.event_on(PRODUCTION);
}

fn appear(world: &World, id: &str, name: &str) {
    let tag = if id == SECOND { "Basket" } else { "Production" };
    world
        .tenant
        .service(id, name)
        .tag("DeploymentGroup", tag)
        .add();
}

/// A monspec whose production has a second service.
fn two_services() -> serde_json::Value {
    let mut spec = monspec();
    spec["Basket"] = json!({
        "etype": "SERVICE",
        "environments": {"Production": {"tags": [{"key": "DeploymentGroup", "value": "Basket"}]}},
    });
    spec
}

//! Announced configurations compete with deployments, and are answered once.

use fake_controller::End;
use serde_json::json;

use super::driver::{Change, World, announce, template};
use crate::world::PRODUCTION;

/// The address of the page that people copy, the path and the id.
#[tokio::test]
async fn page_path_and_id_mean_the_one_runbook() {
    for action in ["{id}", "stop", "/api/v2/job_templates/{id}/launch/"] {
        let announced = Change {
            action: Some(action.to_owned()),
            ..Change::default()
        };
        let mut world = World::announced(template(), |_| {}, announced).await;

        world.pass().await;

        assert_eq!(world.launches(), 1, "{action}");
    }
}

#[tokio::test]
async fn newer_deployment_is_blamed_instead() {
    let mut world = World::start().await;
    world.scene.minutes(-1);
    world.scene.release("newer").await;
    world.scene.minutes(1);

    world.pass().await;

    assert!(world.run.is_none() && world.launches() == 0);
    assert!(
        world.comments()[0].contains("deployment d-"),
        "{:?}",
        world.comments()
    );
}

#[tokio::test]
async fn runbook_that_is_not_run_hides_no_older_deployment() {
    for (mode, says) in [
        (
            "shadow",
            "runbook stop would have been run for it (shadow mode)",
        ),
        ("off", "runbook stop is for it and is switched off"),
    ] {
        let setting = |runbook: &mut serde_json::Value| runbook["mode"] = json!(mode);
        let mut world = World::with(template(), setting).await;

        let comments = announced_over_a_bad_release(&mut world).await;

        assert_eq!(world.scene.heals().len(), 1, "{mode}: {comments:?}");
        assert_eq!(world.launches(), 0);
        assert!(comments[0].contains(says), "{comments:?}");
    }
}

#[tokio::test]
async fn runbook_that_is_run_hides_an_older_deployment() {
    let mut world = World::start().await;

    let comments = announced_over_a_bad_release(&mut world).await;

    assert!(world.scene.heals().is_empty(), "{comments:?}");
    assert_eq!(world.launches(), 1);
}

/// A deployment, a change a minute later, and a problem. What is said of it.
async fn announced_over_a_bad_release(world: &mut World) -> Vec<String> {
    let scene = &mut world.scene;
    scene.release("good").await;
    scene.minutes(45);
    scene.release("bad").await;
    scene.minutes(1);
    let action = world.template.to_string();
    announce(
        scene,
        &[("remediationAction", action.as_str()), ("oldValue", "0")],
    )
    .await;
    scene.minutes(9);
    let problem = scene.problem().open();
    scene.minutes(5);
    scene.notify(&problem, "OPEN").await;
    scene.comments(&problem)
}

#[tokio::test]
async fn change_without_an_action_hides_no_deployment_but_an_older_action() {
    let mut world = World::start().await;
    world.scene.minutes(-1);
    announce(&world.scene, &[("remediationAction", "NA")]).await;
    world.scene.minutes(1);

    world.pass().await;

    assert!(world.run.is_none() && world.launches() == 0);
    let comments = world.comments();
    assert!(
        comments[0].contains("a newer change names no action"),
        "{comments:?}"
    );

    let allowing = |runbook: &mut serde_json::Value| runbook["older"] = json!("allow");
    let mut allowed = World::with(template(), allowing).await;
    allowed.scene.minutes(-1);
    announce(&allowed.scene, &[]).await;
    allowed.scene.minutes(1);
    allowed.pass().await;
    assert_eq!(allowed.launches(), 1);
}

#[tokio::test]
async fn change_that_was_taken_back_before_the_problem_is_no_cause() {
    let mut world = World::start().await;
    world.scene.minutes(-1);
    announce(&world.scene, &[("dt.event.is_rootcause_relevant", "false")]).await;
    world.scene.minutes(1);

    world.pass().await;

    assert!(world.run.is_none() && world.launches() == 0);
}

#[tokio::test]
async fn ten_notifications_at_once_are_one_job() {
    let mut world = World::start().await;
    let notices = (0..10).map(|_| world.notify());
    futures_util::future::join_all(notices).await;
    assert!(world.launches() < 2);
    world.at(60);

    world.pass().await;

    assert_eq!((world.launches(), world.fake.jobs().len()), (1, 1));
}

#[tokio::test]
async fn change_that_was_answered_is_not_answered_for_the_next_problem() {
    let mut world = World::start().await;
    world.pass().await;
    let job = world.job();
    world.fake.ends(job, End::well(1)).unwrap();
    world.at(20);
    world.pass().await;
    world.at(60);
    world.closes();
    world.pass().await;
    assert_eq!(world.state().word(), "healed");
    world.at(120);
    let next = world.scene.world.tenant.problem("Failure rate increase");
    let next = next.impacts(PRODUCTION).open();

    world.scene.notify(&next, "OPEN").await;

    assert_eq!(world.launches(), 1);
    let comments = world.scene.comments(&next);
    assert!(
        comments[0].contains("its runbook ran for it before"),
        "{comments:?}"
    );
}

#[tokio::test]
async fn change_that_was_answered_hides_no_older_deployment() {
    let mut world = World::start().await;
    world.scene.minutes(-50);
    world.scene.release("good").await;
    world.scene.minutes(40);
    world.scene.release("bad").await;
    world.at(0);
    world.pass().await;
    let job = world.job();
    world.fake.ends(job, End::well(1)).unwrap();
    world.at(20);
    world.pass().await;
    world.at(60);
    world.closes();
    world.pass().await;
    assert_eq!(world.state().word(), "healed");
    world.at(180);
    let next = world.scene.problem().open();

    world.scene.notify(&next, "OPEN").await;

    let comments = world.scene.comments(&next);
    assert_eq!(world.scene.heals().len(), 1, "{comments:?}");
    assert_eq!(world.launches(), 1);
    assert!(
        comments[0].contains("its runbook ran for it before"),
        "{comments:?}"
    );
}

#[tokio::test]
async fn controller_that_is_down_keeps_no_heal_from_being_made() {
    let mut world = World::start().await;
    world.fake.stop().await;
    world.pass().await;
    world.scene.minutes(-1);
    let (_, _, problem) = world.scene.bad_release().await;

    world.scene.notify(&problem, "OPEN").await;

    assert_eq!(world.scene.heals().len(), 1);
}

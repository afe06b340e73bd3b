//! Announced configurations compete with deployments, and are answered once.

use std::sync::Arc;

use fake_controller::{End, JobTemplate};
use fake_dynatrace::Problem;
use jiff::SignedDuration;
use release::pause::Target;
use release::problem::Cause;
use release::runbook::Permission;
use serde_json::json;
use store::Heard;

use super::driver::{Change, World, announce, strict, template};
use crate::heal::paused::pause;
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

/// A run that is refused once its change was blamed: the template is another one, or
/// the controller does not take the launch.
#[tokio::test]
async fn run_that_is_refused_hides_no_older_deployment() {
    let renamed = JobTemplate {
        name: "drop-database".to_owned(),
        ..template()
    };
    for (template, says, launches) in [
        (renamed, "is called \\`drop-database\\`", 0),
        (strict(), "the controller refused the launch (400)", 1),
    ] {
        let mut world = World::with(template, |_| {}).await;

        let comments = announced_over_a_bad_release(&mut world).await;

        assert_eq!(world.scene.heals().len(), 1, "{says}: {comments:?}");
        assert_eq!((world.launches(), world.fake.jobs().len()), (launches, 0));
        let told = comments[0].contains("is not run") && comments[0].contains(says);
        assert!(told, "{says}: {comments:?}");
        assert!(
            comments[1].contains("may be the cause, and runbook stop is not run for it"),
            "{comments:?}"
        );
    }
}

#[tokio::test]
async fn runbook_that_is_listed_no_more_hides_no_older_deployment() {
    let mut world = World::start().await;
    // Else the schedule would find it, and the release below in its first minute.
    world.closes();
    world.fake.stop().await;
    let comments = announced_over_a_bad_release(&mut world).await;
    assert!(comments.is_empty(), "{comments:?}");
    assert!(world.scene.heals().is_empty());
    world.scene.automation = Arc::default();

    world.scene.ticks(1).await;

    assert_eq!(world.scene.heals().len(), 1);
    assert_eq!(world.launches(), 0);
}

#[tokio::test]
async fn run_that_a_person_denies_leaves_everything_as_it_is() {
    let mut world = World::with(template(), |runbook| runbook["mode"] = json!("ask")).await;
    assert_eq!(world.pass().await, "a person to answer");
    let no = Permission::Refused {
        who: "ann".to_owned(),
    };
    assert_eq!(world.says(no).await, Heard::Stored);

    world.pass().await;

    assert_eq!(world.state().word(), "refused");
    let stored = world.stored().await;
    assert_eq!((stored.cause, stored.runs.len()), (Cause::Blamed, 1));
}

#[tokio::test]
async fn runbook_that_is_paused_by_its_name_waits() {
    let mut world = World::start().await;
    pause(&world.scene, Target::Runbook("stop".to_owned()), 30).await;

    let waits = world.pass().await;

    assert!(
        waits.starts_with("Changes by runbook stop are paused"),
        "{waits}"
    );
    assert_eq!(world.launches(), 0);
    let comments = world.comments();
    assert!(
        comments[0].contains("Changes by runbook stop are paused until"),
        "{comments:?}"
    );
    world.at(25 * 60 + 301);
    pause(&world.scene, Target::Runbook("other".to_owned()), 30).await;
    world.scene.healing.max_age = SignedDuration::from_hours(1);
    world.pass().await;
    assert_eq!(world.launches(), 1);
}

#[tokio::test]
async fn run_after_which_the_problem_goes_on_names_the_next_older_change() {
    let mut world = World::start().await;
    let (bad, problem) = bad_release_before_a_change(&mut world).await;
    let job = world.job();
    world.fake.ends(job, End::well(1)).unwrap();
    world.scene.ticks(20).await;

    let comments = world.scene.comments(&problem);
    assert_eq!(comments.len(), 3, "{comments:?}");
    for says in [
        "is still open, although runbook stop has taken it back",
        "make the change again",
        &format!("The next older change is deployment {bad}"),
        "Neither is done without a person",
    ] {
        assert!(comments[2].contains(says), "{says}: {comments:?}");
    }
    assert!(world.scene.heals().is_empty());
    assert_eq!(world.launches(), 1);

    problem.resolve(world.scene.world.now.as_millisecond());
    world.scene.ticks(1).await;

    let run = world.scene.stored(&problem).await.runs.remove(0);
    assert_eq!(run.state.word(), "healed");
    assert!(world.scene.comments(&problem)[3].contains("counts as bad from now on"));
}

#[tokio::test]
async fn explanation_names_the_change_and_the_runbook() {
    let world = World::start().await;

    let told = world.explained().await;

    let [candidate] = told.candidates.as_slice() else {
        panic!("{told:?}");
    };
    let blamed = format!("{} is to blame, and runbook stop is run", candidate.change);
    assert_eq!(told.outcome, blamed);
    assert!(candidate.blamed && candidate.announced);
    let [answer] = told.answers.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (answer.targets[0].id.as_str(), answer.targets[0].chosen),
        ("runbook stop", true)
    );
    assert!(world.fake.jobs().is_empty() && world.comments().is_empty());
}

#[tokio::test]
async fn explanation_says_why_no_runbook_is_run() {
    let renamed = JobTemplate {
        name: "drop-database".to_owned(),
        ..template()
    };
    let unfit = World::with(renamed, |_| {}).await;
    let told = unfit.explained().await;
    assert!(
        told.outcome
            .contains("is not taken back: runbook stop cannot be run"),
        "{told:?}"
    );

    let off = World::with(template(), |runbook| runbook["mode"] = json!("off")).await;
    let told = off.explained().await;
    assert!(told.outcome.contains("is not taken back"), "{told:?}");
    assert!(
        told.answers[0].targets[0].why.contains("is switched off"),
        "{told:?}"
    );

    let unlisted = Change {
        action: Some("999".to_owned()),
        ..Change::default()
    };
    let unlisted = World::announced(template(), |_| {}, unlisted).await;
    let told = unlisted.explained().await;
    assert_eq!(told.outcome, "no change is to blame");
    assert!(
        told.candidates[0].why.contains("no listed runbook"),
        "{told:?}"
    );
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
    let (_, problem) = bad_release_before_a_change(world).await;
    world.scene.comments(&problem)
}

/// The same, with the deployment and the problem.
async fn bad_release_before_a_change(world: &mut World) -> (String, Problem) {
    let scene = &mut world.scene;
    scene.release("good").await;
    scene.minutes(45);
    let bad = scene.release("bad").await;
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
    (bad, problem)
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

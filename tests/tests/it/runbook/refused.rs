//! What is never launched, and what is said of it.

use fake_controller::{Fault, JobTemplate, Prompts, Status, Times};
use release::remediation::Mode;
use release::runbook::{Permission, State};
use serde_json::json;
use store::Heard;

use super::driver::{Change, World, template};

#[tokio::test]
async fn foreign_host_is_refused_and_never_spoken_to() {
    let evil = fake_controller::Controller::start().await.unwrap();
    for action in [
        format!("{}/api/v2/job_templates/1/launch/", evil.origin()),
        format!("{}/#/templates/job_template/1", evil.origin()),
        evil.origin().replace("://", "://awx.acme@") + "/api/v2/job_templates/1/launch/",
        "/elsewhere/api/v2/job_templates/1/launch/".to_owned(),
        "999".to_owned(),
    ] {
        let announced = Change {
            action: Some(action.clone()),
            ..Change::default()
        };
        let mut world = World::announced(template(), |_| {}, announced).await;

        let waits = world.pass().await;
        world.pass().await;

        assert!(waits.starts_with("a deployment to be announced"), "{waits}");
        assert!(
            world.run.is_none() && world.fake.calls().is_empty(),
            "{action}"
        );
        let comments = world.comments();
        assert_eq!(comments.len(), 1, "{comments:?}");
        assert!(
            comments[0].contains("nothing was run for it"),
            "{comments:?}"
        );
    }
    assert!(evil.calls().is_empty());
}

#[tokio::test]
async fn value_that_is_out_of_bounds_or_a_template_is_never_passed_on() {
    for (old_value, says) in [
        ("101", "must be a whole number from 0 to 100"),
        ("-1", "must be a whole number"),
        ("5%", "must be a whole number"),
        ("{{7*7}}", "has marks of a template in it"),
    ] {
        let announced = Change {
            old_value,
            ..Change::default()
        };
        let mut world = World::announced(template(), |_| {}, announced).await;

        world.pass().await;

        assert!(world.run.is_none() && world.fake.calls().is_empty());
        let comments = world.comments();
        assert!(comments[0].contains(says), "{comments:?}");
    }
}

#[tokio::test]
async fn template_that_would_do_something_else_is_not_launched() {
    let no_limit = JobTemplate {
        prompts: Prompts {
            variables: true,
            ..Prompts::default()
        },
        ..JobTemplate::default()
    };
    let with_survey = JobTemplate {
        survey: vec![json!({
            "variable": "why", "type": "text", "required": true, "default": "",
        })],
        ..template()
    };
    let with_password = JobTemplate {
        passwords: vec!["ssh_password".to_owned()],
        ..template()
    };
    let renamed = JobTemplate {
        name: "drop-database".to_owned(),
        ..template()
    };
    let limit = json!({"limit": "web-1"});
    let check = json!({"check": "before"});
    for (template, setting, says) in [
        (
            no_limit.clone(),
            limit,
            "does not prompt for a limit, and would run on all its hosts",
        ),
        (
            no_limit,
            check,
            "does not prompt for its job type, and would run instead of checking",
        ),
        (
            with_survey,
            json!({}),
            "needs a value for why; add it to \\`vars\\`",
        ),
        (
            with_password,
            json!({}),
            "asks for a password (ssh\\_password)",
        ),
        (renamed, json!({}), "is called \\`drop-database\\`"),
    ] {
        let mut world = World::with(template, |runbook| {
            for (name, value) in setting.as_object().unwrap() {
                runbook[name.as_str()] = value.clone();
            }
        })
        .await;

        world.pass().await;

        assert!(
            matches!(world.state(), State::Refused { .. }),
            "{:?}",
            world.state()
        );
        assert_eq!(world.launches(), 0);
        assert!(
            world.comments()[0].contains(says),
            "{says}: {:?}",
            world.comments()
        );
    }
}

#[tokio::test]
async fn problem_that_is_over_launches_nothing() {
    let mut world = World::start().await;
    world.closes();
    assert_eq!(world.pass().await, "nothing");
    assert!(world.run.is_none());

    let mut later = World::start().await;
    later
        .fake
        .fail(Fault::Broken, Times::N(1), "GET /job_templates");
    later.pass().await;
    assert_eq!(later.state().word(), "asked");
    later.at(60);
    later.closes();

    later.pass().await;

    assert_eq!(later.state().word(), "notNeeded");
    assert!(later.fake.jobs().is_empty() && !later.run().holds);
    assert!(world.fake.jobs().is_empty());
}

#[tokio::test]
async fn shadow_decides_everything_and_launches_nothing() {
    let mut world = World::start().await;
    world.scene.healing.mode = Mode::Shadow;

    world.pass().await;

    assert_eq!(world.state().word(), "shadowed");
    assert_eq!(world.launches(), 0);
    assert!(world.comments()[0].starts_with("Unbreakable (shadow mode): the change"));
}

#[tokio::test]
async fn runbook_in_shadow_mode_answers_where_nothing_else_was_changed() {
    let mut world = World::with(template(), |runbook| runbook["mode"] = json!("shadow")).await;

    world.pass().await;

    assert_eq!(world.state().word(), "shadowed");
    assert_eq!(world.launches(), 0);
    let comments = world.comments();
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(comments[0].starts_with("Unbreakable (shadow mode): the change"));
}

#[tokio::test]
async fn person_is_asked_and_may_answer_late() {
    let mut world = World::with(template(), |runbook| runbook["mode"] = json!("ask")).await;
    assert_eq!(world.pass().await, "a person to answer");
    assert_eq!(world.launches(), 0);
    world.at(7_200);
    let yes = Permission::Given {
        who: "ann".to_owned(),
    };
    assert_eq!(world.says(yes).await, Heard::Stored);

    world.pass().await;

    assert_eq!(world.launches(), 1);
    assert!(
        world.comments()[1].contains("allowed by ann"),
        "{:?}",
        world.comments()
    );
}

#[tokio::test]
async fn job_that_a_person_runs_already_is_waited_for_and_named() {
    let mut world = World::start().await;
    world.fake.user("ann", "x");
    let theirs = world.fake.launched_by("ann", world.template, &json!({}));
    world.fake.runs(theirs).unwrap();

    let waits = world.pass().await;
    world.pass().await;

    assert_eq!(waits, format!("job {theirs} of ann, which is running"));
    assert_eq!(world.launches(), 0);
    assert_eq!(world.comments().len(), 1, "{:?}", world.comments());
    world
        .fake
        .ends(theirs, fake_controller::End::well(1))
        .unwrap();
    world.pass().await;
    assert_eq!(world.launches(), 1);
    assert_eq!(world.fake.jobs()[1].status, Status::Pending);
}

#[tokio::test]
async fn controller_that_is_down_is_waited_for() {
    let mut world = World::start().await;
    world.fake.stop().await;

    let waits = world.pass().await;

    assert!(
        waits.contains("the controller cannot be reached"),
        "{waits}"
    );
    assert_eq!(*world.state(), State::Asked);
}

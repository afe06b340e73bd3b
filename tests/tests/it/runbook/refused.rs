//! What is never launched, and what is said of it.

use fake_controller::{JobTemplate, Prompts, Status};
use release::runbook::{Mode, State, Word};
use serde_json::json;

use super::driver::{World, asked, listed, template};

#[tokio::test]
async fn foreign_host_is_refused_and_never_spoken_to() {
    let evil = fake_controller::Controller::start().await.unwrap();
    let (ours, id, listed) = listed(template(), |_| {}).await;
    for action in [
        format!("{}/api/v2/job_templates/{id}/launch/", evil.origin()),
        format!("{}/#/templates/job_template/{id}", evil.origin()),
        format!("{}/api/v2/job_templates/999/launch/", ours.origin()),
        format!(
            "{}/elsewhere/api/v2/job_templates/{id}/launch/",
            ours.origin()
        ),
        ours.origin().replace("://", "://ours@") + "/api/v2/job_templates/1/launch/",
    ] {
        assert!(asked(&listed, &action, "0").is_err(), "{action}");
    }

    assert!(evil.calls().is_empty() && ours.calls().is_empty());
    // The right one, in the form that people copy from the page.
    let page = format!("{}/#/templates/job_template/{id}", ours.origin());
    assert_eq!(asked(&listed, &page, "0").unwrap().runbook.alias, "stop");
}

#[tokio::test]
async fn value_that_is_out_of_bounds_or_a_template_is_never_passed_on() {
    let (_, id, listed) = listed(template(), |_| {}).await;
    for (value, says) in [
        (
            "101",
            "must be a whole number from 0 to 100, and the event says `101`",
        ),
        ("-1", "must be a whole number"),
        ("5%", "must be a whole number"),
        ("{{7*7}}", "has marks of a template in it"),
    ] {
        let refused = asked(&listed, &id.to_string(), value).unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
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
            matches!(world.run.state, State::Refused { .. }),
            "{:?}",
            world.run.state
        );
        assert_eq!(world.launches(), 0);
        assert!(
            world.comments[0].contains(says),
            "{says}: {:?}",
            world.comments
        );
    }
}

#[tokio::test]
async fn problem_that_is_over_launches_nothing() {
    let mut world = World::start().await;
    world.closes();

    world.pass().await;

    assert_eq!(world.run.state.word(), "notNeeded");
    assert!(world.fake.jobs().is_empty() && !world.run.holds);
}

#[tokio::test]
async fn shadow_decides_everything_and_launches_nothing() {
    let mut world = World::start().await;
    world.mode = Mode::Shadow;

    world.pass().await;

    assert_eq!(world.run.state.word(), "shadowed");
    assert_eq!(world.launches(), 0);
    assert!(world.comments[0].starts_with("Unbreakable (shadow mode): the change"));
}

#[tokio::test]
async fn person_is_asked_and_may_answer_late() {
    let mut world = World::start().await;
    world.mode = Mode::Ask;
    assert_eq!(world.pass().await, "a person to answer");
    assert_eq!(world.launches(), 0);
    world.at(7_200);
    world.word = Some(Word::Yes {
        who: "ann".to_owned(),
    });

    world.pass().await;

    assert_eq!(world.launches(), 1);
    assert!(
        world.comments[1].contains("allowed by ann"),
        "{:?}",
        world.comments
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
    assert_eq!(world.comments.len(), 1, "{:?}", world.comments);
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
    assert_eq!(world.run.state, State::Asked);
}

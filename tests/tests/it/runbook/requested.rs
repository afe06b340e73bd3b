//! A receiver that is asked by a signed request, whatever becomes of its answer.

use std::sync::Arc;

use fake_controller::{Receiver, Times, Trouble};
use release::remediation::Mode;
use release::runbook::{Permission, Runbooks, State};
use serde_json::json;
use store::Heard;

use super::driver::{SIGNING, World, asking};

/// A receiver that says what it has done.
async fn receiver() -> Receiver {
    let receiver = Receiver::start(SIGNING).await.unwrap();
    receiver.answers(r#"{"changed":true,"note":"rate is 0 {{7*7}}"}"#);
    receiver
}

async fn world(receiver: &Receiver) -> World {
    World::requested(receiver, |_| {}, None).await
}

#[test]
fn example_of_the_readme_is_read() {
    let readme = include_str!("../../../../functions/handle-problem/README.md");
    let (_, example) = readme.split_once("```json").unwrap();
    let (example, _) = example.split_once("```").unwrap();

    let listed = Runbooks::read(example).unwrap_or_else(|wrong| panic!("{wrong:?}"));

    assert!(listed.runbooks["undo"].is_request());
    assert!(!listed.runbooks["stop-campaign"].is_request());
}

#[tokio::test]
async fn receiver_is_asked_once_and_the_problem_ends() {
    let receiver = receiver().await;
    let mut world = world(&receiver).await;
    assert_eq!(world.pass().await, "the problem to end");
    let received = receiver.received();
    assert_eq!((received.len(), receiver.done()), (1, 1));
    let run = world.run().id.clone();
    assert_eq!(received[0].key.as_deref(), Some(run.as_str()));
    let body = &received[0].body;
    assert_eq!(body["rate"], json!(0));
    assert_eq!(body["unbreakable"]["run"], json!(run));
    assert_eq!(body["unbreakable"]["mode"], "run");
    let title = &body["unbreakable"]["problem"]["title"];
    assert_eq!(*title, json!("Failure rate increase { {7*7}}"));
    world.at(60);
    world.pass().await;
    world.at(200);
    world.closes();

    world.pass().await;

    assert_eq!(world.state().word(), "healed");
    assert_eq!((receiver.received().len(), world.launches()), (1, 0));
    assert!(!world.run().guards && world.guard().await.cooldown_until.is_some());
    let says = [
        "it says that it changed something: rate is 0",
        "counts as bad",
    ];
    assert_eq!(world.comments().len(), says.len(), "{:?}", world.comments());
    for (comment, says) in world.comments().iter().zip(says) {
        assert!(comment.contains(says), "{says}: {comment}");
        assert!(!comment.contains("SECRET"), "{comment}");
    }
    let shown = format!("{:?} {:?}", world.scene.automation, world.stored().await);
    assert!(!shown.contains("SECRET"), "{shown}");
    let Ok(shown) = &world.scene.automation.receivers["ops"] else {
        panic!("it can be asked");
    };
    assert!(!format!("{shown:?}").contains("SECRET"));
}

#[tokio::test]
async fn foreign_address_is_refused_and_never_spoken_to() {
    let listed = receiver().await;
    let evil = receiver().await;
    let origin = listed.url().replace("/hooks/undo", "");
    for action in [
        evil.url(),
        evil.url().replace("://", "://ops.acme@"),
        format!("{}/", listed.url()),
        format!("{}?x=1", listed.url()),
        format!("{origin}/hooks"),
        listed.url().replace("http://", "https://"),
        listed.url().replace("127.0.0.1", "localhost"),
    ] {
        let mut world = World::requested(&listed, |_| {}, Some(&action)).await;

        world.pass().await;
        world.pass().await;

        assert!(world.run.is_none(), "{action}");
        let comments = world.comments();
        assert_eq!(comments.len(), 1, "{comments:?}");
        assert!(
            comments[0].contains("nothing was run for it"),
            "{comments:?}"
        );
    }
    assert!(evil.received().is_empty() && listed.received().is_empty());
}

#[tokio::test]
async fn whoever_dies_after_the_request_asks_again_with_the_same_key() {
    let receiver = receiver().await;
    let mut world = world(&receiver).await;
    world.pass_killed_after_the_request(&receiver).await;
    world.at(60);

    world.pass().await;

    assert_eq!(world.state().word(), "verifying");
    let received = receiver.received();
    assert_eq!((received.len(), receiver.done()), (2, 1));
    assert_eq!(received[0].key, received[1].key);
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(world.comments().len(), 1, "{:?}", world.comments());
}

#[tokio::test]
async fn answer_that_is_lost_is_asked_for_again() {
    for (trouble, done) in [
        (Trouble::LoseAnswer, 1),
        (Trouble::Status(500), 0),
        (Trouble::Status(409), 0),
        (Trouble::Status(429), 0),
    ] {
        let receiver = receiver().await;
        receiver.fail(trouble.clone(), Times::N(2));
        let mut world = world(&receiver).await;
        assert_eq!(world.pass().await, "the request to be repeated");
        assert_eq!(receiver.done(), done, "{trouble:?}");
        // Nobody is in a hurry before it is due.
        assert_eq!(world.pass().await, "the request to be repeated");
        assert_eq!(receiver.received().len(), 1);
        world.at(5);
        assert_eq!(world.pass().await, "the request to be repeated");
        world.at(10);

        world.pass().await;

        assert_eq!(world.state().word(), "verifying", "{trouble:?}");
        assert_eq!((receiver.received().len(), receiver.done()), (3, 1));
        let comments = world.comments();
        assert_eq!(comments.len(), 2, "{comments:?}");
        assert!(
            comments[0].contains("is repeated, under the same key"),
            "{comments:?}"
        );
    }
}

#[tokio::test]
async fn receiver_that_never_says_is_given_up_and_a_person_is_called() {
    let receiver = receiver().await;
    receiver.fail(Trouble::Status(503), Times::Always);
    let mut world = world(&receiver).await;
    for minute in 0..20 {
        world.at(minute * 60);
        world.pass().await;
    }

    assert_eq!(world.state().word(), "lost");
    let asked = receiver.received().len();
    assert!((5..10).contains(&asked), "{asked}");
    assert!(world.guard().await.cooldown_until.is_some());
    let last = world.comments().pop().unwrap();
    assert!(
        last.contains("its time is over. It is not asked again"),
        "{last}"
    );
}

/// Nothing is sent where nobody listens, so nothing is owed to it either.
#[tokio::test]
async fn receiver_that_is_down_is_asked_once_it_is_back_or_never() {
    let receiver = receiver().await;
    receiver.stop().await;
    let mut world = world(&receiver).await;
    for minute in [0, 5, 10] {
        world.at(minute * 60);
        let waits = world.pass().await;
        assert!(waits.starts_with("the receiver to be reached"), "{waits}");
        assert_eq!(*world.state(), State::Asked);
        assert!(world.guard().await.heals.is_empty());
    }
    let back = receiver.start_again().await.unwrap();
    world.at(660);
    world.pass().await;
    assert_eq!(world.state().word(), "verifying");
    assert_eq!(back.done(), 1);

    let receiver = self::receiver().await;
    receiver.stop().await;
    let mut late = self::world(&receiver).await;
    late.pass().await;
    late.at(3_600);
    late.pass().await;
    let back = receiver.start_again().await.unwrap();
    late.at(3_660);
    late.pass().await;
    assert_eq!(late.state().word(), "notNeeded");
    assert!(back.received().is_empty());
    let last = late.comments().pop().unwrap();
    assert!(
        last.contains("too old to act on without a person"),
        "{last}"
    );
}

#[tokio::test]
async fn receiver_that_says_no_is_told_and_asked_no_more() {
    let receiver = Receiver::start("another secret than ours").await.unwrap();
    let mut world = world(&receiver).await;

    world.pass().await;
    world.at(60);
    world.pass().await;

    assert!(
        matches!(world.state(), State::Refused { .. }),
        "{:?}",
        world.state()
    );
    assert_eq!((receiver.received().len(), receiver.done()), (1, 0));
    let comments = world.comments();
    assert!(
        comments[0].contains("the receiver refused the request (401)"),
        "{comments:?}"
    );
}

/// The answer to the first may be what was lost.
#[tokio::test]
async fn repetition_that_is_refused_is_no_word_on_the_first() {
    let receiver = receiver().await;
    receiver.fail(Trouble::LoseAnswer, Times::N(1));
    receiver.fail(Trouble::Status(403), Times::N(1));
    let mut world = world(&receiver).await;
    world.pass().await;
    world.at(10);

    world.pass().await;

    assert_eq!(world.state().word(), "lost");
    let last = world.comments().pop().unwrap();
    assert!(last.contains("a repetition was refused (403)"), "{last}");
    assert!(world.run().holds, "the change stays suspect");
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let evil = receiver().await;
    let receiver = receiver().await;
    receiver.fail(Trouble::Redirect(evil.url()), Times::Always);
    let mut world = world(&receiver).await;

    assert_eq!(world.pass().await, "the request to be repeated");

    let State::Unknown { why, .. } = world.state() else {
        panic!("{:?}", world.state());
    };
    assert!(why.contains("answered 307"), "{why}");
    assert!(evil.received().is_empty() && receiver.received().len() == 1);
}

/// A name that leads to the machine itself stands for every private address.
#[tokio::test]
async fn private_address_behind_a_name_is_not_connected_to() {
    let listed = receiver().await;
    let url = listed
        .url()
        .replace("http://127.0.0.1", "https://localhost");
    let mut world = World::requested(&listed, |_| {}, Some(&url)).await;
    let at = workflows::handle_problem::Receiver::new(&url, SIGNING.into());
    world.scene.automation = Arc::new(asking(&url, at, |_| {}));

    let waits = world.pass().await;

    assert!(waits.contains("no public address"), "{waits}");
    assert_eq!(*world.state(), State::Asked);
    assert!(listed.received().is_empty());
}

#[tokio::test]
async fn shadow_and_a_person_who_was_not_asked_send_nothing() {
    let receiver = receiver().await;
    let mut shadow = world(&receiver).await;
    shadow.scene.healing.mode = Mode::Shadow;
    shadow.pass().await;
    assert_eq!(shadow.state().word(), "shadowed");

    let ask = |runbook: &mut serde_json::Value| runbook["mode"] = json!("ask");
    let mut asked = World::requested(&receiver, ask, None).await;
    assert_eq!(asked.pass().await, "a person to answer");
    assert!(receiver.received().is_empty());
    let who = "ann".to_owned();
    let yes = Permission::Given { who };
    assert_eq!(asked.says(yes).await, Heard::Stored);

    asked.pass().await;

    assert_eq!(receiver.done(), 1);
    let comments = asked.comments();
    assert!(comments[1].contains("allowed by ann"), "{comments:?}");
}

/// Whoever switches it off meanwhile is heard, although the first may have been taken.
#[tokio::test]
async fn request_is_not_repeated_once_it_must_not_be() {
    let receiver = receiver().await;
    receiver.fail(Trouble::Status(502), Times::Always);
    for stop in ["closed", "off", "unlisted"] {
        let mut world = world(&receiver).await;
        world.pass().await;
        let before = receiver.received().len();
        world.at(60);
        match stop {
            "closed" => world.closes(),
            "off" => world.scene.healing.mode = Mode::Off,
            _ => world.scene.automation = Arc::default(),
        }

        world.pass().await;

        assert_eq!(world.state().word(), "lost", "{stop}");
        assert_eq!(receiver.received().len(), before, "{stop}");
    }
}

#[tokio::test]
async fn receiver_that_does_not_prove_it_has_failed() {
    let receiver = receiver().await;
    receiver.answers(r#"{"changed":false}"#);
    let proof = |runbook: &mut serde_json::Value| {
        runbook["proof"] = json!({"artifact": "changed", "equals": true});
    };
    let mut world = World::requested(&receiver, proof, None).await;

    world.pass().await;

    assert_eq!(world.state().word(), "failed");
    let comments = world.comments();
    assert!(
        comments[0].contains("is false instead of true"),
        "{comments:?}"
    );
}

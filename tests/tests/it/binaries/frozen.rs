//! A stop with a typing error is a stop.

use fake_aws::pipeline::ApprovalStatus;
use lab::world::{HANDLE_PROBLEM, SHOW, Settings, World};
use lambda_host::runtime::InvocationOutcome;
use serde_json::json;

use super::{PATIENCE, gated, heal, lines, registered, status, stored};

const MISTYPED: (&str, &str) = ("CHANGE_FREEZE", "allways");

const TOLD: &str = "Changes are frozen, because the setting CHANGE_FREEZE cannot be read";

#[tokio::test]
async fn stage_is_not_approved_under_a_calendar_that_cannot_be_read() {
    let (setting, value) = MISTYPED;
    let world = gated(Settings::default().with(setting, value)).await;
    let build = registered(&world).await;

    let judged = async || stored(&world, build.id).await.judgement().is_some();
    let waited = world.tick_until("a verdict", PATIENCE, judged).await;
    waited.unwrap_or_else(|error| panic!("{error:#}: {}", world.logs()));
    world.tick().await.unwrap();

    assert_eq!(status(&world, &build.execution), ApprovalStatus::Waiting);
    assert_is_told_to_the_operator(&world.logs());
}

#[tokio::test]
async fn nothing_is_deployed_again_under_a_calendar_that_cannot_be_read() {
    let (setting, value) = MISTYPED;
    let world = World::start(Settings::default().with(setting, value)).await;
    let world = world.unwrap();
    let function = world.another(HANDLE_PROBLEM).await.unwrap();
    let problem = heal::bad_release(&world, dynatrace::Api::V2).await;

    let answer = heal::posted(&world, &function, &problem, "OPEN").await;

    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert!(heal::heals(&world).is_empty());
    let comments = world.tenant.comments(problem.id());
    // The comment is Markdown.
    let comment = comments[0].text.replace('\\', "");
    assert!(comment.contains(TOLD), "{comment}");
    assert_is_told_to_the_operator(&function.logs());
}

#[tokio::test]
async fn report_says_that_the_calendar_cannot_be_read() {
    let (setting, value) = MISTYPED;
    let world = World::start(Settings::default()).await.unwrap();
    let open = Settings::default().with("REPORT_ACCESS", "public");
    let open = open.with(setting, value);
    let function = world.another_with(SHOW, &open).await.unwrap();
    let request = json!({
        "version": "2.0", "rawPath": "/", "headers": {},
        "requestContext": {"http": {"method": "GET", "path": "/"}},
    });

    let shown = function.invoke(request).await.unwrap();

    let InvocationOutcome::Ok(page) = shown.outcome else {
        panic!("{:?}", shown.outcome);
    };
    assert_eq!(page["statusCode"], 200, "{page}");
    let page = page["body"].as_str().unwrap();
    assert!(page.contains(TOLD), "{page}");
    assert_is_told_to_the_operator(&function.logs());
}

/// One line, as an error, with what to write.
fn assert_is_told_to_the_operator(logs: &str) {
    let mut errors = lines(logs);
    errors.retain(|line| line["level"] == "ERROR");
    let [error] = errors.as_slice() else {
        panic!("{errors:?}");
    };
    let message = error["message"].as_str().unwrap_or_default();
    for part in [
        "CHANGE_FREEZE",
        "`allways` is neither `always`",
        "Fri 16:00",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

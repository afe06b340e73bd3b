//! The console as a person starts it: the real program, its page and its end.

#![expect(clippy::unwrap_used, reason = "a story ends where it fails")]

mod ends;
mod faults;
mod held;
mod idle;
mod process;
mod program;

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use program::{Console, lab};

/// Much longer than anything takes, so that only what never happens is told.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn build_is_released_by_a_button_and_ends_with_the_lab() {
    let mut console = Console::start();

    let page = console.client.get(&console.url).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    assert!(page.text().await.unwrap().contains("Release build 2"));

    let rebound = console.client.get(format!("{}/events", console.url));
    let rebound = rebound.header("host", "elsewhere.example").send().await;
    assert_eq!(rebound.unwrap().status(), StatusCode::FORBIDDEN);

    let build = json!({"build": 1});
    let foreign = console
        .post("release", &build, "http://elsewhere.example")
        .await;
    assert_eq!(foreign.0, StatusCode::FORBIDDEN);
    let own = console.url.clone();
    let released = console.post("release", &build, &own).await;
    assert_eq!(released.0, StatusCode::NO_CONTENT, "{}", released.1);

    let state = console
        .until(|state| state["environments"][0]["build"] == 1)
        .await;
    assert_eq!(state["executions"][0]["revision"], "build-1");
    let staging = state["environments"][0]["url"].as_str().unwrap();
    let text = console
        .client
        .get(format!("{staging}/api/version"))
        .send()
        .await
        .unwrap();
    assert_eq!(text.text().await.unwrap(), "Running build 1 in Staging");

    let waiting = |state: &Value| state["executions"][0]["stages"][2]["waits"] == "Staging";
    let state = console.until(waiting).await;
    let execution = &state["executions"][0]["id"];
    let answer = json!({"execution": execution, "environment": "Staging", "approve": false});
    let answered = console.post("answer", &answer, &own).await;
    assert_eq!(answered.0, StatusCode::NO_CONTENT, "{}", answered.1);
    let twice = console.post("answer", &answer, &own).await;
    assert_eq!(twice.0, StatusCode::CONFLICT);
    console
        .until(|state| state["executions"][0]["status"] == "Failed")
        .await;

    assert!(console.stop().contains("interrupted"));
    let gone = console.client.get(staging).send().await;
    assert!(gone.is_err(), "something still listens");
}

#[test]
fn port_in_use_is_told_in_one_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    let output = lab().args(["--port", &port]).output().unwrap();

    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = format!("lab: cannot listen on 127.0.0.1:{port}: is the port in use?");
    assert!(told.starts_with(&expected), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn port_in_use_is_told_with_the_flag_that_chooses_another() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    for flag in [
        "--port",
        "--staging-port",
        "--production-port",
        "--reports-port",
    ] {
        let output = lab().args([flag, &port]).output().unwrap();

        assert!(!output.status.success());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.contains(&format!("Choose another with `{flag}`")),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1, "{told}");
        assert_eq!(output.stdout, b"", "nothing is built before");
    }
}

#[test]
fn story_refuses_the_port_of_a_console_that_it_does_not_have() {
    let output = lab().args(["--port", "8080", "story"]).output().unwrap();

    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "lab: the story has no console: leave out `--port`\n");
}

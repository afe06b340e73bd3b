//! What breaks in the lab is told: to the person, and to the tenant.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::process::{children, send};
use crate::program::Console;

#[tokio::test]
async fn build_that_logs_hangs_and_dies_is_noticed_each_time() {
    let mut console = Console::start();
    reaches_production(&console).await;

    let state = console
        .until(|state| state["environments"][1]["build"] == 1)
        .await;
    let production = state["environments"][1]["url"].as_str().unwrap().to_owned();
    let severe = console.client.get(format!("{production}/api/causeerror"));
    assert_eq!(
        severe.send().await.unwrap().status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
    console
        .until(|state| has_problem(state, "Severe line in the log"))
        .await;
    let state = console
        .until(|state| told(state, "SEVERE /api/causeerror was called"))
        .await;
    assert!(
        !has_problem(&state, "Service unavailable"),
        "{}",
        state["problems"]
    );

    let mut started = children(console.id()).into_iter();
    let build = started
        .find(|one| one.has("DEPLOYMENT_GROUP_NAME=Production"))
        .unwrap();
    send("STOP", build.id);
    console
        .until(|state| has_problem(state, "Service unavailable"))
        .await;

    send("KILL", build.id);
    let crash = "build 1 in Production ended by itself (signal: 9";
    let state = console
        .until(|state| begins(&state["trouble"], crash))
        .await;
    assert!(told(&state, crash));
    console
        .until(|state| {
            let points = state["environments"][1]["points"].as_array().unwrap();
            points.last().is_some_and(|point| point["failing"] == 1.0)
        })
        .await;

    assert!(console.stop().lines().any(|line| line.contains(crash)));
}

#[tokio::test]
async fn function_that_dies_with_its_job_gets_the_job_again() {
    let mut console = Console::start();
    let mut started = children(console.id()).into_iter();
    // The kernel knows the first fifteen letters.
    let function = started.find(|one| "register-validation".starts_with(&one.name));
    let function = function.unwrap();
    send("STOP", function.id);
    let own = &console.url;
    let released = console.post("release", &json!({"build": 1}), own).await;
    assert_eq!(released.0, StatusCode::NO_CONTENT, "{}", released.1);
    console
        .until(|state| {
            let stages = state["executions"][0]["stages"].as_array().unwrap();
            let mut actions = stages
                .iter()
                .flat_map(|one| one["actions"].as_array().unwrap());
            actions.any(|one| one["name"] == "RegisterValidation" && one["status"] == "InProgress")
        })
        .await;
    // The job is handed out within a tenth of a second.
    tokio::time::sleep(Duration::from_secs(1)).await;

    send("KILL", function.id);

    let crash = "register-validation crashed (signal: 9";
    console
        .until(|state| begins(&state["trouble"], crash))
        .await;
    console
        .until(|state| state["executions"][0]["stages"][2]["waits"] == "Staging")
        .await;
    assert!(console.stop().contains(crash));
}

/// Releases build 1, answers for its gate in staging, and tries to release
/// another one meanwhile.
async fn reaches_production(console: &Console) {
    let own = &console.url;
    let released = console.post("release", &json!({"build": 1}), own).await;
    assert_eq!(released.0, StatusCode::NO_CONTENT, "{}", released.1);

    let (status, reason) = console.post("release", &json!({"build": 2}), own).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        reason.starts_with("Build 1 is still in the pipeline"),
        "{reason}"
    );

    let waiting = |state: &Value| state["executions"][0]["stages"][2]["waits"] == "Staging";
    let state = console.until(waiting).await;
    assert_eq!(state["busy"], reason);
    assert_eq!(state["executions"].as_array().unwrap().len(), 1);
    assert!(told(&state, "StagingTests passed: 5 calls are answered"));
    let execution = &state["executions"][0]["id"];
    let answer = json!({"execution": execution, "environment": "Staging", "approve": true});
    let answered = console.post("answer", &answer, own).await;
    assert_eq!(answered.0, StatusCode::NO_CONTENT, "{}", answered.1);
}

fn has_problem(state: &Value, title: &str) -> bool {
    let problems = state["problems"].as_array().unwrap();
    problems.iter().any(|problem| problem["title"] == title)
}

/// Whether a line of the event log says this.
fn told(state: &Value, what: &str) -> bool {
    let mut lines = state["journal"].as_array().unwrap().iter();
    lines.any(|line| line["what"].as_str().unwrap().contains(what))
}

fn begins(text: &Value, with: &str) -> bool {
    text.as_str().is_some_and(|text| text.starts_with(with))
}

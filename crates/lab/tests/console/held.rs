//! A build that cannot be judged waits for a person, who is told why.

use std::path::PathBuf;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::program::Console;

#[tokio::test]
async fn approval_that_is_held_says_why_and_leads_to_its_report() {
    let data =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("held-{}", std::process::id()));
    let options = ["--data", data.to_str().unwrap()];
    // Production is deployed to, and the lab forgets what it measured there.
    let mut first = Console::start_with(&options);
    release(&first).await;
    let waits = |state: &Value| state["executions"][0]["stages"][2]["waits"] == "Staging";
    let state = first.until(waits).await;
    let execution = &state["executions"][0]["id"];
    let answer = json!({"execution": execution, "environment": "Staging", "approve": true});
    let answered = first.post("answer", &answer, &first.url).await;
    assert_eq!(answered.0, StatusCode::NO_CONTENT, "{}", answered.1);
    first
        .until(|state| state["executions"][0]["stages"][4]["waits"] == "Production")
        .await;
    first.stop();

    let console = Console::start_with(&options);
    release(&console).await;
    let state = console
        .until(|state| !state["executions"][0]["stages"][2]["held"].is_null())
        .await;

    let held = state["executions"][0]["stages"][2]["held"]
        .as_str()
        .unwrap();
    let (why, report) = held.split_once(" http").unwrap();
    assert!(why.starts_with("Inconclusive: "), "{held}");
    assert!(why.contains("baseline"), "{held}");
    let report = console
        .client
        .get(format!("http{report}"))
        .send()
        .await
        .unwrap();
    assert_eq!(report.status(), StatusCode::OK);
    drop(console);
    std::fs::remove_dir_all(data).unwrap();
}

async fn release(console: &Console) {
    let released = console
        .post("release", &json!({"build": 1}), &console.url)
        .await;
    assert_eq!(released.0, StatusCode::NO_CONTENT, "{}", released.1);
}

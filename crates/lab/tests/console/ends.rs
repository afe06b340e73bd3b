//! Ctrl-C: nothing that the lab started outlives it.

use std::path::Path;
use std::process::{Command, Stdio};

use lab::world::until;
use reqwest::StatusCode;
use serde_json::json;

use crate::PATIENCE;
use crate::process::{children, send};
use crate::program::{Console, lab};

#[tokio::test]
async fn ctrl_c_ends_everything_that_was_started() {
    let mut console = Console::start();
    let own = console.url.clone();
    let released = console.post("release", &json!({"build": 1}), &own).await;
    assert_eq!(released.0, StatusCode::NO_CONTENT, "{}", released.1);
    console
        .until(|state| state["environments"][0]["build"] == 1)
        .await;
    let started = children(console.id());
    for name in ["sample-app", "validate-builds", "handle-problem"] {
        let is_there = started.iter().any(|one| one.name == name);
        assert!(is_there, "{name} is not among {started:?}");
    }

    let ended = console.interrupt();

    assert_eq!(ended.code(), Some(0));
    for process in started {
        process.is_gone().await;
    }
}

#[tokio::test]
async fn ctrl_c_ends_the_build_of_what_the_lab_runs() {
    let cargo = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cargo-that-takes-long");
    let script = format!(
        "printf '#!/bin/sh\\nexec sleep 1000\\n' > '{0}' && chmod +x '{0}'",
        cargo.display()
    );
    // Written by another process: one that is started meanwhile would keep a
    // file of ours open, and what is written to cannot be run.
    assert!(
        Command::new("sh")
            .args(["-c", &script])
            .status()
            .unwrap()
            .success()
    );
    let lab = lab()
        .env("CARGO", &cargo)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let builds = async || children(lab.id()).iter().any(|one| one.name == "sleep");
    until("a build", PATIENCE, builds).await.unwrap();
    let builds = children(lab.id());

    send("INT", lab.id());

    for process in builds {
        process.is_gone().await;
    }
    let ended = lab.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
}

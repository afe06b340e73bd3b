//! The agent of the groups of tests: deploying tests is running them.
//!
//! They ask whether the build that was just deployed is there at all. How well
//! it answers is for the gate to judge.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Scene;
use super::deployer;
use super::environment::Environment;
use super::load::{CALLS, PATIENCE};
use crate::codedeploy::Outcome;

const PAUSE: Duration = Duration::from_millis(100);

/// What a bundle of tests holds.
#[derive(Deserialize, Serialize)]
struct Tests {
    calls: Vec<Call>,
}

/// One test.
#[derive(Deserialize, Serialize)]
struct Call {
    /// What the monitoring calls it.
    name: String,
    path: String,
}

/// The group whose deployments test an environment.
pub(super) fn group_of(environment: &str) -> String {
    format!("{environment}Tests")
}

/// The bundle that every build brings along.
pub(super) fn bundle() -> String {
    let call = |(path, name): (&str, &str)| Call {
        name: name.to_owned(),
        path: path.to_owned(),
    };
    let tests = Tests {
        calls: CALLS.into_iter().map(call).collect(),
    };
    serde_json::to_string(&tests).expect("texts make JSON")
}

/// Carries out the deployments of the tests of one environment for ever.
pub(super) async fn carry_out(
    scene: Arc<Scene>,
    environment: Arc<Environment>,
) -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .context("cannot make a client for the tests")?;
    let group = group_of(environment.name());
    loop {
        if let Some(deployment) = deployer::begun(&scene, &group)? {
            let tested = match deployer::bundle(&scene, &deployment) {
                Ok(tests) => test(&client, &environment, &tests).await,
                Err(error) => Err(error),
            };
            let (outcome, what) = match tested {
                Ok(calls) => (
                    Outcome::Succeeded,
                    format!("passed: {calls} calls are answered"),
                ),
                Err(error) => (Outcome::Failed, format!("failed: {error:#}")),
            };
            scene.journal.tell("CodeDeploy", format!("{group} {what}"));
            // Whoever stopped it meanwhile has ended it already.
            let _ = scene.world.aws.codedeploy().finish(&deployment.id, outcome);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Makes every call once; the answer is how many there were.
async fn test(
    client: &reqwest::Client,
    environment: &Environment,
    tests: &Tests,
) -> anyhow::Result<usize> {
    for Call { name, path } in &tests.calls {
        let asked = client
            .get(format!("{}{path}", environment.url()))
            .header("x-dynatrace", format!("NA=StartUp.{name};"));
        let answer = asked.send().await;
        let answer = answer.map_err(reqwest::Error::without_url);
        let status = answer
            .with_context(|| format!("{path} is not answered"))?
            .status();
        // One that fails by itself is there.
        let is_there = status.is_success() || status == StatusCode::INTERNAL_SERVER_ERROR;
        ensure!(is_there, "{path} is answered by {status}");
    }
    Ok(tests.calls.len())
}

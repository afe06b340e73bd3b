//! The agent of the groups of tests: deploying tests is running them.
//!
//! They check that the deployed build answers at all. The gate judges how well.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Scene;
use super::deployer;
use super::environment::CALLS;
use super::environment::Environment;
use super::load::PATIENCE;
use fake_aws::codedeploy::DeploymentEnd;

const PAUSE: Duration = Duration::from_millis(100);

/// The content of a bundle of tests.
#[derive(Deserialize, Serialize)]
struct Tests {
    calls: Vec<Call>,
}

/// One test.
#[derive(Deserialize, Serialize)]
struct Call {
    /// Its name in monitoring.
    name: String,
    path: String,
}

/// The group whose deployments test an environment.
pub(super) fn group_of(environment: &str) -> String {
    format!("{environment}Tests")
}

/// The bundle that comes with every build.
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
                Ok(tests) => test(&client, environment.url(), &tests).await,
                Err(error) => Err(error),
            };
            let (outcome, what) = match tested {
                Ok(calls) => (
                    DeploymentEnd::Succeeded,
                    format!("passed: {calls} calls are answered"),
                ),
                Err(error) => (DeploymentEnd::Failed, format!("failed: {error:#}")),
            };
            scene.journal.tell("CodeDeploy", format!("{group} {what}"));
            // If it was stopped in the meantime, it has ended already.
            let _ = scene.world.aws.codedeploy().finish(&deployment.id, outcome);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Makes every call once; returns how many there were.
async fn test(client: &reqwest::Client, url: &str, tests: &Tests) -> anyhow::Result<usize> {
    for Call { name, path } in &tests.calls {
        let asked = client
            .get(format!("{url}{path}"))
            .header("x-dynatrace", format!("NA=StartUp.{name};"));
        let answer = asked.send().await;
        let answer = answer.map_err(reqwest::Error::without_url);
        let status = answer
            .with_context(|| format!("{path} is not answered"))?
            .status();
        // A build that answers with an error is there.
        let is_there = status.is_success() || status == StatusCode::INTERNAL_SERVER_ERROR;
        ensure!(is_there, "{path} is answered by {status}");
    }
    Ok(tests.calls.len())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderMap;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;
    use crate::world::STAGING;
    use fake_dynatrace::Tenant;

    #[tokio::test]
    async fn build_that_answers_named_calls_passes_even_with_errors() {
        let named = async |headers: HeaderMap| {
            let name = headers
                .get("x-dynatrace")
                .map(|name| name.to_str().unwrap());
            let is_named = name.is_some_and(|name| name.starts_with("NA=StartUp."));
            if is_named {
                StatusCode::OK
            } else {
                StatusCode::BAD_REQUEST
            }
        };
        let failing = get(async || StatusCode::INTERNAL_SERVER_ERROR);
        let build = Router::new().route("/api/invoke", failing).fallback(named);

        assert_eq!(tested(&served(build).await).await.unwrap(), CALLS.len());
    }

    #[tokio::test]
    async fn build_that_is_not_there_fails_its_stage() {
        let other = served(Router::new()).await;
        let error = tested(&other).await.unwrap_err().to_string();
        assert_eq!(error, "/ is answered by 404 Not Found");

        let tenant = Tenant::start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let empty = Environment::open("Staging", STAGING, listener, &tenant).unwrap();
        let error = tested(empty.url()).await.unwrap_err().to_string();
        assert_eq!(error, "/ is answered by 503 Service Unavailable");

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = tested(&closed).await.unwrap_err().to_string();
        assert_eq!(error, "/ is not answered");
    }

    async fn served(build: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, build).await });
        url
    }

    async fn tested(url: &str) -> anyhow::Result<usize> {
        // Only the first provider is installed, and they are all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        test(&client, url, &serde_json::from_str(&bundle()).unwrap()).await
    }
}

//! Users of production, and the tests that run in staging.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::environment::{CALLS, Environment};

/// More concurrent requests than a healthy service has; beyond that, requests are
/// skipped.
const AT_ONCE: usize = 200;

/// How long callers wait for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// Who calls a service, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callers {
    /// People, forty times a second.
    Users,
    /// Tests that name themselves, ten times a second.
    Tests,
}

impl Callers {
    fn pause(self) -> Duration {
        match self {
            Self::Users => Duration::from_millis(25),
            Self::Tests => Duration::from_millis(100),
        }
    }
}

/// Calls a service without end, regardless of its answers and their speed: users
/// do not disappear because a build is sick.
pub(super) async fn call(environment: Arc<Environment>, callers: Callers) -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .context("cannot make a client for the load")?;
    let mut ticks = tokio::time::interval(callers.pause());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    for (path, name) in CALLS.iter().cycle() {
        ticks.tick().await;
        while under_way.try_join_next().is_some() {}
        if !environment.is_asked() || AT_ONCE <= under_way.len() {
            continue;
        }
        let mut request = client.get(format!("{}{path}", environment.url()));
        if matches!(callers, Callers::Tests) {
            request = request.header("x-dynatrace", format!("NA=Test.{name};"));
        }
        under_way.spawn(async move {
            // The environment measures the result.
            if let Ok(answer) = request.send().await {
                let _ = answer.bytes().await;
            }
        });
    }
    Ok(())
}

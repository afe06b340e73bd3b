//! Staging or production: one address, and behind it the build that runs.
//!
//! Every request passes here and is measured, so the tenant sees what users see.

mod passing;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::app::{App, Ended};
use super::meter::{Answered, Meter, Point, Summary};
use fake_aws::clock::real_time;
use fake_dynatrace::{Failed, Requests, Tenant};

/// What is called, in turn, and what the tests call it.
pub(super) const CALLS: [(&str, &str); 5] = [
    ("/", "Start"),
    ("/api/echo?text=Hello", "Echo"),
    ("/api/login?username=Guest", "Login"),
    ("/api/invoke?url=https://service.example", "Invoke"),
    ("/api/version", "Version"),
];

/// Longer than the longest work that the service accepts.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where a build runs; its server and its process end when this is dropped.
#[derive(Debug)]
pub struct Environment {
    name: &'static str,
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    service: &'static str,
    client: reqwest::Client,
    tenant_of: TenantOf,
    app: tokio::sync::Mutex<Option<App>>,
    behind: Mutex<Behind>,
    meter: Mutex<Meter>,
}

/// A tenant has no `Debug`, because it has a token.
struct TenantOf(Tenant);

impl std::fmt::Debug for TenantOf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tenant")
    }
}

/// What is behind the address now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Behind {
    /// Nothing yet, or a build that is being started. There is no load.
    #[default]
    Nothing,
    /// A build, at an address of its own.
    Build { url: String, build: u32 },
    /// A build that did not start or ended by itself. Its load continues.
    Dead,
}

impl Environment {
    /// Takes an address without a build, and declares its service to the tenant.
    pub(super) fn open(
        name: &'static str,
        service: &'static str,
        listener: TcpListener,
        tenant: &Tenant,
    ) -> anyhow::Result<Self> {
        let url = format!("http://{}", listener.local_addr()?);
        let mut entity = tenant.service(service, "SampleJSonService");
        entity = entity.tag("DeploymentGroup", name);
        for (index, method) in methods().enumerate() {
            entity = entity.method(&method_id(service, index), method);
        }
        entity.add();

        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .context("cannot make a client for the service")?;
        let shared = Arc::new(Shared {
            service,
            client,
            tenant_of: TenantOf(tenant.clone()),
            app: tokio::sync::Mutex::default(),
            behind: Mutex::default(),
            meter: Mutex::default(),
        });
        let router = Router::new()
            .fallback(passing::pass_on)
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // `serve` only ends when its task is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            name,
            url,
            shared,
            server,
        })
    }

    /// What the environment, and with it the deployment group, is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its address, which outlives deployments.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The build that runs, if one does.
    pub fn build(&self) -> Option<u32> {
        match *self.shared.behind() {
            Behind::Build { build, .. } => Some(build),
            Behind::Nothing | Behind::Dead => None,
        }
    }

    /// Whether there is load here.
    pub(super) fn is_asked(&self) -> bool {
        *self.shared.behind() != Behind::Nothing
    }

    /// Stops what runs and starts a build instead, with more settings than all
    /// builds have.
    pub(super) async fn replace(
        &self,
        binary: &Path,
        build: u32,
        log: &Path,
        more: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let mut app = self.shared.app.lock().await;
        *self.shared.behind() = Behind::Nothing;
        if let Some(old) = app.take() {
            old.stop().await;
        }
        let started = App::start(binary, build, self.name, log, more).await;
        *self.shared.behind() = match &started {
            Ok(new) => Behind::Build {
                url: new.url().to_owned(),
                build,
            },
            Err(_) => Behind::Dead,
        };
        *app = Some(started?);
        Ok(())
    }

    /// How the running build ended, if it ended by itself.
    pub(super) async fn crashed(&self) -> Option<Ended> {
        let mut app = self.shared.app.lock().await;
        let ended = app.as_mut()?.ended()?;
        *app = None;
        *self.shared.behind() = Behind::Dead;
        Some(ended)
    }

    /// The last `seconds` in numbers, ending so many seconds ago.
    pub(super) fn recent(&self, seconds: i64, ago: i64) -> Option<Summary> {
        let to = real_time().as_millisecond() - ago * 1_000;
        self.shared.meter().summary(to - seconds * 1_000, to)
    }
}

impl Environment {
    /// The last two minutes, in moments of two seconds that are over.
    pub fn points(&self) -> Vec<Point> {
        const LENGTH: i64 = 2_000;
        let now = real_time().as_millisecond();
        // Aligned moments do not shift between two calls.
        let to = now - now.rem_euclid(LENGTH);
        self.shared.meter().points(to - 60 * LENGTH, to, LENGTH)
    }

    /// How long the slowest tenth of the requests of the last `seconds` took at
    /// least, in milliseconds; nothing if there were none.
    pub fn slowest_tenth(&self, seconds: i64) -> Option<f64> {
        let now = real_time().as_millisecond();
        self.shared
            .meter()
            .slowest_tenth(now - seconds * 1_000, now)
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn behind(&self) -> MutexGuard<'_, Behind> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the tenant of one request that is over.
    fn measured(&self, path: &str, took: Duration, failed: bool) {
        let at = real_time().as_millisecond();
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let method = methods().position(|method| method == path);
        let method = method.map(|index| method_id(self.service, index));
        let requests =
            Requests::at(at, duration_us as f64).failing(Failed::Count(u64::from(failed)));
        self.tenant_of
            .0
            .requests(self.service, method.as_deref(), requests);
        self.meter().record(Answered {
            at,
            duration_us,
            failed,
        });
    }
}

/// The methods of the service that are marked as key requests: all that is
/// called.
fn methods() -> impl Iterator<Item = &'static str> {
    let path = |call: &'static str| call.split_once('?').map_or(call, |(path, _)| path);
    CALLS.iter().map(move |&(call, _)| path(call))
}

/// The id of a method of a service.
fn method_id(service: &str, index: usize) -> String {
    let number = service.trim_start_matches("SERVICE-");
    // The last digit tells the methods of one service apart.
    format!("SERVICE_METHOD-{}{index}", &number[1..])
}

/// Where the log of an environment's builds is.
pub(super) fn log_of(folder: &Path, environment: &str) -> PathBuf {
    folder.join(format!("{}-serviceoutput.log", environment.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::Uri;

    use super::*;

    #[test]
    fn everything_that_is_called_is_a_method_of_its_own() {
        let known: Vec<&str> = methods().collect();
        for (call, _) in CALLS {
            let uri: Uri = call.parse().unwrap();
            assert!(known.contains(&uri.path()), "{call}");
        }
        let ids: BTreeSet<String> = (0..known.len())
            .map(|index| method_id(crate::world::PRODUCTION, index))
            .collect();
        assert_eq!(ids.len(), CALLS.len());
    }
}

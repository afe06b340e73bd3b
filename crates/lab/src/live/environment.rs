//! Staging or production: one address, and behind it the build that runs.
//!
//! Every request passes here and is measured, whoever sends it, so the tenant
//! sees what users see.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::app::{App, Ended};
use super::meter::{Answered, Meter, Point, Summary};
use crate::clock::real_time;
use crate::tenant::{Failed, Requests, Tenant};

/// The most that is read of a request.
const LARGEST: usize = 1024 * 1024;

/// Longer than the service lets anybody ask for.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The methods of the service that are marked as key requests.
pub const METHODS: [&str; 5] = ["/", "/version", "/api/echo", "/api/login", "/api/invoke"];

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
    /// Where requests go now.
    target: Mutex<Option<Target>>,
    meter: Mutex<Meter>,
}

/// A tenant has no `Debug`, because it has a token.
struct TenantOf(Tenant);

impl std::fmt::Debug for TenantOf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tenant")
    }
}

#[derive(Clone, Debug)]
struct Target {
    url: String,
    build: u32,
}

impl Environment {
    /// Takes an address at which nothing runs yet, and tells the tenant of the
    /// service that will.
    pub(super) async fn open(
        name: &'static str,
        service: &'static str,
        port: u16,
        tenant: &Tenant,
    ) -> anyhow::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| {
            format!("cannot listen on {address} for {name}: is the port in use?")
        })?;
        let url = format!("http://{}", listener.local_addr()?);
        let mut entity = tenant.service(service, "SampleJSonService");
        entity = entity.tag("DeploymentGroup", name);
        for (index, method) in METHODS.iter().enumerate() {
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
            target: Mutex::default(),
            meter: Mutex::default(),
        });
        let router = Router::new()
            .fallback(pass_on)
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
        self.shared.target().as_ref().map(|target| target.build)
    }

    /// Stops what runs and starts a build instead.
    pub(super) async fn replace(
        &self,
        binary: &Path,
        build: u32,
        log: &Path,
    ) -> anyhow::Result<()> {
        let mut app = self.shared.app.lock().await;
        *self.shared.target() = None;
        if let Some(old) = app.take() {
            old.stop().await;
        }
        let new = App::start(binary, build, self.name, log).await?;
        *self.shared.target() = Some(Target {
            url: new.url().to_owned(),
            build,
        });
        *app = Some(new);
        Ok(())
    }

    /// How the running build ended, if it did without being told to.
    pub(super) async fn crashed(&self) -> Option<Ended> {
        let mut app = self.shared.app.lock().await;
        let ended = app.as_mut()?.ended()?;
        *app = None;
        *self.shared.target() = None;
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
        // Whole moments stay where they are while time goes on.
        let to = now - now.rem_euclid(LENGTH);
        self.shared.meter().points(to - 60 * LENGTH, to, LENGTH)
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn target(&self) -> MutexGuard<'_, Option<Target>> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the tenant of one answer.
    fn measured(&self, path: &str, took: Duration, status: StatusCode) {
        let at = real_time().as_millisecond();
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let failed = status.is_server_error();
        let method = METHODS.iter().position(|method| *method == path);
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

/// The id of a method of a service.
fn method_id(service: &str, index: usize) -> String {
    let number = service.trim_start_matches("SERVICE-");
    // The last digit tells the methods of one service apart.
    format!("SERVICE_METHOD-{}{index}", &number[1..])
}

/// Hands a request to the running build. What nobody answered is not measured:
/// without a process there is nothing that watches it.
async fn pass_on(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let target = shared.target().clone();
    let Some(target) = target else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "Nothing is deployed here.");
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "That is too much.");
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let began = Instant::now();
    let asked = shared
        .client
        .request(parts.method, format!("{}{path}", target.url))
        .headers(passed(&parts.headers))
        .body(body);
    match answered(asked).await {
        Ok((status, kind, body)) => {
            shared.measured(parts.uri.path(), began.elapsed(), status);
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            if let Some(kind) = kind {
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            response
        }
        Err(_) => plain(StatusCode::BAD_GATEWAY, "The build that ran here is gone."),
    }
}

async fn answered(
    asked: reqwest::RequestBuilder,
) -> Result<(StatusCode, Option<HeaderValue>, Bytes), reqwest::Error> {
    let response = asked.send().await?;
    let kind = response.headers().get(header::CONTENT_TYPE).cloned();
    Ok((response.status(), kind, response.bytes().await?))
}

/// What of a request's headers concerns the service.
fn passed(headers: &HeaderMap) -> HeaderMap {
    let wanted = [
        header::CONTENT_TYPE,
        header::HeaderName::from_static("x-dynatrace"),
    ];
    let known = wanted.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.clone();
        Some((name, value))
    });
    known.collect()
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// Where the log of an environment's builds is.
pub(super) fn log_of(folder: &Path, environment: &str) -> PathBuf {
    folder.join(format!("{}-serviceoutput.log", environment.to_lowercase()))
}

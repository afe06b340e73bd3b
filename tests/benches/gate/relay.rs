//! Relays in front of everything that a function asks: they note what passes,
//! and put it off as a distant host would.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What a new connection costs before its first request can be sent, in round
/// trips: one for TCP, and one for TLS 1.3, which every host in an account
/// speaks and the stand-ins do not.
const CONNECTING: u32 = 2;

/// The transaction that changes a flag.
pub(crate) const FLAGS_WRITTEN: &str = "TransactWriteItems of flags";

/// A host of its own in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Host {
    DynamoDb,
    CodePipeline,
    CodeDeploy,
    S3,
    Ssm,
    Tenant,
}

/// All relays of one world. They stop when this value is dropped.
pub(crate) struct Remotes {
    road: Road,
    relays: BTreeMap<Host, Relay>,
}

/// What all hosts have in common.
#[derive(Clone, Default)]
struct Road {
    latency: Arc<AtomicU64>,
    passed: Arc<Mutex<Vec<Call>>>,
}

/// One call that passed.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) host: Host,
    pub(crate) operation: String,
    /// Whether it was the first one of its connection.
    pub(crate) connected: bool,
    /// What a round trip took indeed: a busy machine wakes a sleeper late.
    pub(crate) round_trip: Duration,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    /// Items that a query looked at, whether or not it returned them.
    pub(crate) scanned: usize,
    /// The capacity of the database that it took, in units.
    pub(crate) units: f64,
}

struct Relay {
    url: String,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Behind {
    host: Host,
    url: String,
    http: Client,
    road: Road,
    connections: Arc<Mutex<BTreeSet<SocketAddr>>>,
}

impl Remotes {
    /// A relay in front of each host, by the address that is behind it.
    pub(crate) async fn start(hosts: &[(Host, &str)]) -> anyhow::Result<Self> {
        let road = Road::default();
        let mut relays = BTreeMap::new();
        for &(host, url) in hosts {
            relays.insert(host, Relay::start(host, url, &road).await?);
        }
        Ok(Self { road, relays })
    }

    pub(crate) fn url(&self, host: Host) -> &str {
        &self.relays[&host].url
    }

    /// How long every later call takes, a round trip to each host.
    pub(crate) fn latency(&self, latency: Duration) {
        let milliseconds = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.road.latency.store(milliseconds, Ordering::Relaxed);
    }

    /// What passed since it was last asked for, in the order of arrival.
    pub(crate) fn take(&self) -> Vec<Call> {
        let mut calls = std::mem::take(&mut *lock(&self.road.passed));
        calls.sort_by_key(|call| call.began);
        calls
    }
}

impl Relay {
    async fn start(host: Host, url: &str, road: &Road) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot listen on a loopback port")?;
        let behind = Behind {
            host,
            url: url.to_owned(),
            http: Client::new(),
            road: road.clone(),
            connections: Arc::default(),
        };
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(pass).with_state(behind);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            // `serve` only ends when its task is aborted.
            let _ = axum::serve(listener, service).await;
        });
        Ok(Self { url, server })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(
    State(behind): State<Behind>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let began = Instant::now();
    let connected = lock(&behind.connections).insert(peer);
    let operation = operation(&method, &uri, &headers, &body);
    let round_trips = if connected { CONNECTING + 1 } else { 1 };
    let latency = behind.road.latency.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(latency) * round_trips).await;
    let round_trip = began.elapsed() / round_trips;

    match behind.forward(method, &uri, headers, body).await {
        Ok((answer, scanned, units)) => {
            lock(&behind.road.passed).push(Call {
                host: behind.host,
                operation,
                connected,
                round_trip,
                began,
                ended: Instant::now(),
                scanned,
                units,
            });
            answer
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

impl Behind {
    async fn forward(
        &self,
        method: Method,
        uri: &Uri,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> reqwest::Result<(Response, usize, f64)> {
        let body = match self.host {
            Host::DynamoDb => asking_for_units(body),
            _ => body,
        };
        for own in [header::HOST, header::CONTENT_LENGTH, header::CONNECTION] {
            headers.remove(own);
        }
        let url = format!("{}{uri}", self.url.trim_end_matches('/'));
        let request = self.http.request(method, url).headers(headers).body(body);
        let answer = request.send().await?;
        let status = answer.status();
        let mut headers = answer.headers().clone();
        for own in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            headers.remove(own);
        }
        let body = answer.bytes().await?;
        let (scanned, units) = (scanned(&body), units(&body));
        Ok(((status, headers, body).into_response(), scanned, units))
    }
}

/// What an operation is called: by AWS's protocols, else by its path.
fn operation(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> String {
    let target = headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok());
    match target.and_then(|target| target.split('.').next_back()) {
        Some("TransactWriteItems") if writes_flags(body) => FLAGS_WRITTEN.to_owned(),
        Some(operation) => operation.to_owned(),
        None => format!("{method} {}", family(uri.path())),
    }
}

/// Whether a transaction is of a table of flags, as a world calls them.
fn writes_flags(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains("\"TableName\":\"flags-")
}

/// A path without the ids in it.
fn family(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let is_id = part.contains(|c: char| c.is_ascii_digit()) && part != "v1" && part != "v2";
        if is_id { "…" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// An answer without the count is one that looked at no items.
fn scanned(answer: &[u8]) -> usize {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let scanned = answer["ScannedCount"].as_u64().unwrap_or(0);
    usize::try_from(scanned).unwrap_or(usize::MAX)
}

/// The same request, whose answer says what it took.
fn asking_for_units(body: Bytes) -> Bytes {
    match serde_json::from_slice(&body) {
        Ok(Value::Object(mut request)) => {
            request.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
            Value::Object(request).to_string().into()
        }
        _ => body,
    }
}

/// What a request took, of one table or of several.
fn units(answer: &[u8]) -> f64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let of_one = |one: &Value| one["CapacityUnits"].as_f64().unwrap_or(0.0);
    match &answer["ConsumedCapacity"] {
        Value::Array(all) => all.iter().map(of_one).sum(),
        one => of_one(one),
    }
}

/// How often each operation was asked for.
pub(crate) fn by_operation(calls: &[Call]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for call in calls {
        *counted.entry(call.operation.clone()).or_default() += 1;
    }
    counted
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

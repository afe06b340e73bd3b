//! A relay in front of the database that counts what passes, and slows it down on request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The running relay; it stops when this value is dropped.
pub(crate) struct Relay {
    url: String,
    latency: Arc<AtomicU64>,
    counted: Arc<Mutex<Counted>>,
    server: JoinHandle<()>,
}

/// What passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Calls by operation.
    pub(crate) calls: BTreeMap<String, usize>,
    /// Items that queries looked at, whether or not they returned them.
    pub(crate) scanned: usize,
}

#[derive(Clone)]
struct Behind {
    http: Client,
    url: String,
    latency: Arc<AtomicU64>,
    counted: Arc<Mutex<Counted>>,
}

impl Relay {
    pub(crate) async fn start(url: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot listen on a loopback port")?;
        let counted = Arc::new(Mutex::default());
        let behind = Behind {
            http: Client::new(),
            url: url.to_owned(),
            latency: Arc::default(),
            counted: Arc::clone(&counted),
        };
        let url = format!("http://{}", listener.local_addr()?);
        let latency = Arc::clone(&behind.latency);
        let router = Router::new().fallback(pass).with_state(behind);
        let server = tokio::spawn(async move {
            // `serve` only ends when its task is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url,
            latency,
            counted,
            server,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Makes every later call take so much longer.
    pub(crate) fn latency(&self, latency: Duration) {
        let milliseconds = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.latency.store(milliseconds, Ordering::Relaxed);
    }

    /// What passed since it was last asked for.
    pub(crate) fn take(&self) -> Counted {
        std::mem::take(&mut *lock(&self.counted))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(behind): State<Behind>, headers: HeaderMap, body: Bytes) -> Response {
    match behind.forward(headers, body).await {
        Ok(answer) => answer,
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

impl Behind {
    async fn forward(&self, mut headers: HeaderMap, body: Bytes) -> reqwest::Result<Response> {
        let target = headers.get("x-amz-target");
        let target = target.and_then(|target| target.to_str().ok());
        let operation = target.and_then(|target| target.split('.').next_back());
        let operation = operation.unwrap_or_default().to_owned();
        headers.remove(header::HOST);
        headers.remove(header::CONTENT_LENGTH);

        let latency = self.latency.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(latency)).await;
        let request = self.http.post(&self.url).headers(headers).body(body);
        let answer = request.send().await?;
        let status = answer.status();
        let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
        let body = answer.bytes().await?;
        lock(&self.counted).note(operation, &body);

        let mut answer = (status, body).into_response();
        if let Some(kind) = kind {
            answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        Ok(answer)
    }
}

impl Counted {
    fn note(&mut self, operation: String, answer: &[u8]) {
        // An answer without the count is one that looked at no items.
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let scanned = answer["ScannedCount"].as_u64().unwrap_or(0);
        self.scanned += usize::try_from(scanned).unwrap_or(usize::MAX);
        *self.calls.entry(operation).or_default() += 1;
    }
}

fn lock(counted: &Mutex<Counted>) -> MutexGuard<'_, Counted> {
    counted.lock().unwrap_or_else(PoisonError::into_inner)
}

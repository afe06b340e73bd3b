//! A database that others write to all the time: most writes meet one of their
//! transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::sdk_config;

const JSON: &str = "application/x-amz-json-1.0";

/// Of so many writes all but one meet a transaction.
const MEETINGS: usize = 8;

/// A front of a database; it stops when this value is dropped.
#[derive(Debug)]
pub struct Contended {
    url: String,
    writes: Arc<AtomicUsize>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Front {
    database: String,
    http: reqwest::Client,
    writes: Arc<AtomicUsize>,
}

impl Contended {
    pub(super) async fn before(database: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot listen on a loopback port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let writes = Arc::<AtomicUsize>::default();
        let front = Front {
            database: database.to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
            writes: Arc::clone(&writes),
        };
        let router = Router::new().fallback(pass).with_state(front);
        let server = tokio::spawn(async move {
            // It ends with the task, when the database is no longer needed.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url,
            writes,
            server,
        })
    }

    /// A client that comes through this front.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&sdk_config(&self.url))
    }

    /// How many writes have met a transaction.
    pub fn met(&self) -> usize {
        let writes = self.writes.load(Ordering::Relaxed);
        writes - writes / MEETINGS
    }
}

impl Drop for Contended {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(front): State<Front>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|at| at.to_str().ok());
    let operation = target.and_then(|target| target.split_once('.'));
    let refusal = match operation.map(|(_, operation)| operation) {
        Some("UpdateItem" | "PutItem" | "DeleteItem") => Some(of_one()),
        Some("TransactWriteItems") => Some(of_several(&body)),
        _ => None,
    };
    if let Some(refusal) = refusal
        && !(front.writes.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(MEETINGS)
    {
        return answer(StatusCode::BAD_REQUEST, refusal.to_string().into());
    }
    match forward(&front, &headers, body).await {
        Ok((status, body)) => answer(status, body),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

async fn forward(
    front: &Front,
    headers: &HeaderMap,
    body: Bytes,
) -> reqwest::Result<(StatusCode, Bytes)> {
    let request = front.http.post(&front.database).body(body);
    let kept = [
        "x-amz-target",
        "content-type",
        "authorization",
        "x-amz-date",
    ];
    let request = kept
        .iter()
        .fold(request, |request, name| match headers.get(*name) {
            Some(value) => request.header(*name, value),
            None => request,
        });
    let answered = request.send().await?;
    let status = answered.status();
    Ok((status, answered.bytes().await?))
}

fn answer(status: StatusCode, body: Bytes) -> Response {
    (status, [("content-type", JSON)], body).into_response()
}

fn of_one() -> Value {
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
        "message": "Transaction is ongoing for the item",
    })
}

/// The first item is the one that another client is writing.
fn of_several(body: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let items = request["TransactItems"].as_array().map_or(1, Vec::len);
    let reason = |index| match index {
        0 => json!({
            "Code": "TransactionConflict",
            "Message": "Transaction is ongoing for the item",
        }),
        _ => json!({"Code": "None"}),
    };
    let reasons: Vec<Value> = (0..items).map(reason).collect();
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    })
}

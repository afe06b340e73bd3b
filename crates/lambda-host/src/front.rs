//! API Gateway: an HTTP API in front of a function.
//!
//! A request becomes an event of payload format 2.0, and the function's return
//! value becomes the answer. The address is known before the function starts,
//! because other functions are configured with it.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::runtime::{Function, InvocationOutcome};

/// The most that is read of a request.
const LARGEST: usize = 10 * 1024 * 1024;

/// An address without a function yet.
#[derive(Debug)]
pub struct Front {
    listener: TcpListener,
    url: String,
}

/// A function behind an address; both end when this is dropped.
#[derive(Debug)]
pub struct Open {
    url: String,
    function: Arc<Function>,
    server: JoinHandle<()>,
}

impl Front {
    /// Takes a loopback address.
    pub async fn bind() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        Self::at(listener.context("cannot listen on a loopback port")?)
    }

    /// Takes a given address.
    pub fn at(listener: TcpListener) -> anyhow::Result<Self> {
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, url })
    }

    /// The address, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets `function` answer.
    pub fn open(self, function: Function) -> Open {
        let function = Arc::new(function);
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&function));
        let server = tokio::spawn(async move {
            // `serve` only ends when its task is aborted.
            let _ = axum::serve(self.listener, router).await;
        });
        Open {
            url: self.url,
            function,
            server,
        }
    }
}

impl Open {
    /// The address, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The function behind it.
    pub fn function(&self) -> &Function {
        &self.function
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The event for a request, as an HTTP API sends it.
fn event(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Value {
    let mut sent: Map<String, Value> = Map::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let joined = match sent.get(name.as_str()).and_then(Value::as_str) {
            Some(first) => format!("{first},{value}"),
            None => value.into_owned(),
        };
        sent.insert(name.as_str().to_owned(), joined.into());
    }
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": uri.path(),
        "rawQueryString": uri.query().unwrap_or_default(),
        "headers": sent,
        "requestContext": {
            "stage": "$default",
            "http": {"method": method.as_str(), "path": uri.path(), "protocol": "HTTP/1.1"},
        },
        "body": if body.is_empty() { Value::Null } else { STANDARD.encode(body).into() },
        "isBase64Encoded": !body.is_empty(),
    })
}

async fn answer(State(function): State<Arc<Function>>, request: Request<Body>) -> Response<Body> {
    // The caller does not get the cause; it is in the logs.
    let failed = |_| {
        let mut response = Response::new(r#"{"message":"Internal Server Error"}"#.into());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    };
    answered(&function, request).await.unwrap_or_else(failed)
}

async fn answered(function: &Function, request: Request<Body>) -> anyhow::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, LARGEST).await?;
    let event = event(&parts.method, &parts.uri, &parts.headers, &body);
    let InvocationOutcome::Ok(answer) = function.invoke(event).await?.outcome else {
        bail!("the function did not answer");
    };
    response(&answer)
}

/// What a function returned, as the browser gets it.
fn response(answer: &Value) -> anyhow::Result<Response<Body>> {
    let status = answer["statusCode"].as_u64().context("no status")?;
    let mut response = Response::builder().status(u16::try_from(status)?);
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().context("a header is no text")?);
    }
    let body = answer["body"].as_str().unwrap_or_default();
    let body = match answer["isBase64Encoded"] {
        Value::Bool(true) => STANDARD.decode(body)?,
        _ => body.as_bytes().to_vec(),
    };
    Ok(response.body(body.into())?)
}

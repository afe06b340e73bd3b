//! Somebody who waits for results.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

/// Receives results, and remembers whether each was signed and what it said.
pub(super) struct Receiver {
    pub(super) origin: String,
    received: Received,
    server: tokio::task::JoinHandle<()>,
}

type Received = Arc<Mutex<Vec<(bool, Value)>>>;

impl Receiver {
    pub(super) async fn start() -> Self {
        let received = Received::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/hook-path", post(receive))
            .with_state(Arc::clone(&received));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            origin,
            received,
            server,
        }
    }

    /// Where results are posted.
    pub(super) fn address(&self) -> String {
        format!("{}/hook-path", self.origin)
    }

    pub(super) fn received(&self) -> Vec<(bool, Value)> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(received): State<Received>, headers: HeaderMap, body: String) -> StatusCode {
    let signed = headers.contains_key("x-unbreakable-signature");
    let body = serde_json::from_str(&body).unwrap();
    received.lock().unwrap().push((signed, body));
    StatusCode::OK
}

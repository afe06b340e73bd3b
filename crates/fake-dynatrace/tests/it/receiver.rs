//! Somebody who receives notifications and remembers them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;

/// A receiver that answers every notification with 202 and a word.
pub(crate) struct Receiver {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// One notification.
#[derive(Clone)]
pub(crate) struct Heard {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Receiver {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let url = format!("http://{}/notify", listener.local_addr()?);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let remembers = Arc::clone(&heard);
        let hear = move |headers: HeaderMap, body: String| async move {
            let mut heard = remembers.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(Heard { headers, body });
            (StatusCode::ACCEPTED, "heard")
        };
        let app = Router::new().route("/notify", post(hear));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url, heard })
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.clone()
    }
}

//! A small shop with a campaign, and addresses that take a campaign back.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;

/// A handle on a running shop.
#[derive(Clone)]
pub(super) struct Shop {
    origin: String,
    state: Arc<Mutex<Kept>>,
}

#[derive(Default)]
pub(super) struct Kept {
    /// The share of users that receive the gift, in percent.
    pub(super) rate: i64,
    /// Whether it says yes to a rate and keeps the old one.
    pub(super) ignores: bool,
    /// What somebody else sets before the reads that follow.
    pub(super) set_by_others: VecDeque<Option<i64>>,
    /// The rates that it was told.
    pub(super) told: Vec<i64>,
    /// The status and the body with which an action is answered.
    pub(super) answer: (u16, String),
    /// What actions were called with.
    pub(super) called: Vec<Value>,
}

impl Shop {
    pub(super) async fn open(rate: i64) -> Self {
        let state = Arc::new(Mutex::new(Kept {
            rate,
            answer: (200, "done".to_owned()),
            ..Kept::default()
        }));
        let rates = "/carts/1/items/promotional";
        let app = Router::new()
            .route(rates, get(read))
            .route(&format!("{rates}/{{rate}}"), post(set))
            .route("/stop", post(act))
            .with_state(Arc::clone(&state));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { origin, state }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }
}

type Shared = State<Arc<Mutex<Kept>>>;

async fn read(State(shop): Shared) -> String {
    let mut shop = shop.lock().unwrap();
    if let Some(Some(rate)) = shop.set_by_others.pop_front() {
        shop.rate = rate;
    }
    shop.rate.to_string()
}

async fn set(State(shop): Shared, Path(rate): Path<i64>, headers: HeaderMap) -> StatusCode {
    if !is_let_in(&headers) {
        return StatusCode::UNAUTHORIZED;
    }
    let mut shop = shop.lock().unwrap();
    shop.told.push(rate);
    if !shop.ignores {
        shop.rate = rate;
    }
    StatusCode::NO_CONTENT
}

async fn act(State(shop): Shared, headers: HeaderMap, body: String) -> (StatusCode, String) {
    if !is_let_in(&headers) {
        return (StatusCode::UNAUTHORIZED, String::new());
    }
    let mut shop = shop.lock().unwrap();
    shop.called.push(serde_json::from_str(&body).unwrap());
    let (status, text) = shop.answer.clone();
    (StatusCode::from_u16(status).unwrap(), text)
}

fn is_let_in(headers: &HeaderMap) -> bool {
    let expected = format!("Bearer {}", super::TOKEN);
    headers
        .get("authorization")
        .is_some_and(|shown| shown == expected.as_str())
}

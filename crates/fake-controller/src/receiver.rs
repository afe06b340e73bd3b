//! A receiver of signed requests, which does what each asks once: it knows a repetition
//! by its key, and answers it as it answered the first.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{self, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::faults::Times;
use super::server::{close, lock, stopped};

/// The path at which it is asked; every other is unknown to it.
const PATH: &str = "/hooks/undo";

/// The most of a request that it reads.
const MAX_PAYLOAD: usize = 64 * 1024;

/// A handle on a running receiver. The server stops when the last handle is gone.
#[derive(Clone)]
pub struct Receiver {
    state: Arc<Mutex<State>>,
    stop: Arc<watch::Sender<bool>>,
    address: SocketAddr,
}

/// A way in which a request fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// It is done, and the connection stays open and silent until the receiver stops.
    Hang,
    /// This status, and nothing was done.
    Status(u16),
    /// 307 to this address, and nothing was done.
    Redirect(String),
}

/// A request that arrived, whatever became of it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its key.
    pub key: Option<String>,
    /// What it asks for.
    pub body: Value,
    /// The status of the answer, unless there was none.
    pub status: Option<u16>,
}

struct State {
    secret: String,
    answer: String,
    troubles: Vec<(Trouble, Times)>,
    received: Vec<Received>,
    /// What was answered, by the keys of what was done.
    done: BTreeMap<String, String>,
}

#[derive(Clone)]
struct Served {
    state: Arc<Mutex<State>>,
    stop: watch::Receiver<bool>,
}

/// What becomes of a request.
enum Effect {
    Answer(Response),
    Hang,
    Close,
}

impl Receiver {
    /// Starts a receiver on a free loopback port; it believes what `secret` has signed.
    pub async fn start(secret: &str) -> anyhow::Result<Self> {
        let state = State {
            secret: secret.to_owned(),
            answer: String::new(),
            troubles: Vec::new(),
            received: Vec::new(),
            done: BTreeMap::new(),
        };
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::serve(free, Arc::new(Mutex::new(state))).await
    }

    /// Starts it again where it was, with what it has done.
    pub async fn start_again(&self) -> anyhow::Result<Self> {
        Self::serve(self.address, Arc::clone(&self.state)).await
    }

    async fn serve(address: SocketAddr, state: Arc<Mutex<State>>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address} for the receiver"))?;
        let address = listener
            .local_addr()
            .context("the receiver's listener has no address")?;
        let (stop, stopping) = watch::channel(false);
        let served = Served {
            state: Arc::clone(&state),
            stop: stopping.clone(),
        };
        let app = Router::new().fallback(handle).with_state(served);
        tokio::spawn(async move {
            // Serving never fails: an error of one connection ends that connection.
            let _ = axum::serve(listener, app)
                .with_graceful_shutdown(stopped(stopping))
                .await;
        });
        Ok(Self {
            state,
            stop: Arc::new(stop),
            address,
        })
    }

    /// Stops the server, whoever else holds a handle.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }

    /// Where it is asked.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// What it answers from now on to what it does.
    pub fn answers(&self, body: &str) {
        body.clone_into(&mut lock(&self.state).answer);
    }

    /// Something goes wrong with the next requests.
    pub fn fail(&self, trouble: Trouble, times: Times) {
        lock(&self.state).troubles.push((trouble, times));
    }

    /// What arrived, the oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state).received.clone()
    }

    /// How often it has done something.
    pub fn done(&self) -> usize {
        lock(&self.state).done.len()
    }
}

async fn handle(extract::State(served): extract::State<Served>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_PAYLOAD).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let key = header(&parts.headers, "idempotency-key");
    let effect = {
        let mut state = lock(&served.state);
        let effect = if parts.uri.path() == PATH {
            answer(&mut state, &parts.headers, key.as_deref(), &body)
        } else {
            Effect::Answer(StatusCode::NOT_FOUND.into_response())
        };
        state.received.push(Received {
            key,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            status: match &effect {
                Effect::Answer(response) => Some(response.status().as_u16()),
                Effect::Hang | Effect::Close => None,
            },
        });
        effect
    };
    match effect {
        Effect::Answer(response) => response,
        Effect::Hang => {
            stopped(served.stop).await;
            close()
        }
        Effect::Close => close(),
    }
}

fn answer(state: &mut State, headers: &HeaderMap, key: Option<&str>, body: &[u8]) -> Effect {
    let trouble = state.troubles.iter_mut().find_map(|(trouble, times)| {
        if let Times::N(left) = times {
            *left = left.checked_sub(1)?;
        }
        Some(trouble.clone())
    });
    match &trouble {
        Some(Trouble::Status(status)) => {
            let status = StatusCode::from_u16(*status).expect("a test names a real status");
            return Effect::Answer(status.into_response());
        }
        Some(Trouble::Redirect(to)) => {
            let to = [("location", to.as_str())];
            return Effect::Answer((StatusCode::TEMPORARY_REDIRECT, to).into_response());
        }
        Some(Trouble::LoseAnswer | Trouble::Hang) | None => {}
    }
    let signed = header(headers, "x-unbreakable-signature");
    if signed.is_none_or(|signed| signed != signature(&state.secret, body)) {
        return Effect::Answer(StatusCode::UNAUTHORIZED.into_response());
    }
    let Some(key) = key else {
        return Effect::Answer(StatusCode::BAD_REQUEST.into_response());
    };
    let said = state.answer.clone();
    let said = state.done.entry(key.to_owned()).or_insert(said).clone();
    match trouble {
        Some(Trouble::LoseAnswer) => Effect::Close,
        Some(Trouble::Hang) => Effect::Hang,
        _ => Effect::Answer((StatusCode::OK, said).into_response()),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    let mut text = "sha256=".to_owned();
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

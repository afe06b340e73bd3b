//! The way of one request: prefix, faults, authentication, then the endpoint.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Bytes, to_bytes};
use axum::extract::{self, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::sync::watch;

use super::answer::{Answer, Refusal};
use super::endpoints;
use super::faults::{self, Fault};
use super::jobs::{self, millis};
use super::request::Incoming;
use super::state::{Call, State, Uncommitted};

const MAX_PAYLOAD: usize = 1024 * 1024;

/// What the server's tasks share with the handle.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) prefix: Arc<str>,
}

/// What becomes of a call.
enum Effect {
    Answer(Response),
    Hang,
    Close,
}

/// Serves one request.
pub(super) async fn handle(
    extract::State(served): extract::State<Served>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_PAYLOAD).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let effect = {
        let mut state = lock(&served.state);
        jobs::pass_time(&mut state);
        answer_and_remember(&mut state, &served.prefix, &parts, &body)
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

/// A panic elsewhere must not hide behind a poisoned lock here.
pub(super) fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns when the controller was told to stop or its last handle is gone.
pub(super) async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the other way to stop.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Unwinds the task of this connection alone, which closes it without a byte;
/// the panic hook is not run, so nothing is printed.
pub(super) fn close() -> ! {
    resume_unwind(Box::new("the stand-in was told to close this connection"))
}

fn answer_and_remember(state: &mut State, prefix: &str, parts: &Parts, body: &Bytes) -> Effect {
    let full = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
    let query = parts.uri.query().unwrap_or_default();
    let query: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let below = full.strip_prefix(prefix);
    let effect = match below {
        // What is not the API is the page of the application.
        None => Effect::Answer((StatusCode::NOT_FOUND, Html("<h1>Not Found</h1>")).into_response()),
        Some(path) if !path.ends_with('/') => {
            Effect::Answer(Answer::moved(format!("/api/v2{path}/")).into_response())
        }
        Some(path) => answer(state, path, parts, &query, body),
    };
    let header = |name: header::HeaderName| parts.headers.get(name)?.to_str().ok();
    let status = match &effect {
        Effect::Answer(response) => Some(response.status().as_u16()),
        Effect::Hang | Effect::Close => None,
    };
    state.calls.push(Call {
        method: parts.method.to_string(),
        path: below.unwrap_or(&full).to_owned(),
        query,
        body: serde_json::from_slice(body).unwrap_or(Value::Null),
        language: header(header::ACCEPT_LANGUAGE).map(str::to_owned),
        status,
    });
    effect
}

fn answer(
    state: &mut State,
    path: &str,
    parts: &Parts,
    query: &[(String, String)],
    body: &Bytes,
) -> Effect {
    let fault = faults::take(&mut state.faults, parts.method.as_str(), path);
    match &fault {
        Some(Fault::Hang) => return Effect::Hang,
        Some(
            Fault::DoneAfter(_) | Fault::LoseAnswer | Fault::BadGatewayAfter | Fault::Flattened,
        )
        | None => {}
        Some(fault) => return Effect::Answer(faults::answer(fault)),
    }
    if path == "/ping/" {
        return Effect::Answer(Answer::from(endpoints::ping()).into_response());
    }
    let caller = match state.users.authenticate(&parts.headers) {
        Ok(caller) => caller,
        Err(refusal) => return Effect::Answer(refusal.into_response()),
    };
    if let Err(refusal) = caller.may(&parts.method) {
        return Effect::Answer(refusal.into_response());
    }
    let media = parts.headers.get(header::CONTENT_TYPE);
    let incoming = Incoming {
        method: &parts.method,
        path: path.trim_matches('/').split('/').collect(),
        query,
        is_json: media.is_some_and(|media| media.as_bytes().starts_with(b"application/json")),
        body,
        caller: &caller,
    };
    if let Some(Fault::DoneAfter(after)) = fault {
        postpone(state, &incoming, millis(after));
        return Effect::Close;
    }
    let served = endpoints::serve(state, &incoming);
    match fault {
        Some(Fault::LoseAnswer) => Effect::Close,
        Some(Fault::BadGatewayAfter) => Effect::Answer(faults::bad_gateway()),
        flattened => {
            let mut response = served.map_or_else(Refusal::into_response, Answer::into_response);
            if flattened.is_some() && response.status().is_success() {
                *response.status_mut() = StatusCode::OK;
            }
            Effect::Answer(response)
        }
    }
}

/// Writes a launch down later, if it would have been accepted.
fn postpone(state: &mut State, incoming: &Incoming<'_>, after: i64) {
    let [_, id, "launch"] = incoming.path.as_slice() else {
        return;
    };
    let (Ok(template), Ok(body)) = (id.parse(), incoming.json()) else {
        return;
    };
    let body = Value::Object(body);
    if endpoints::check_launch(state, template, &body).is_ok() {
        let at = state.now() + after;
        let user = incoming.caller.user.id;
        state.uncommitted.push(Uncommitted {
            at,
            template,
            user,
            body,
        });
    }
}

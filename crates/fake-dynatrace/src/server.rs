//! The way of one request: latency, authentication, faults, then the endpoint.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Bytes, to_bytes};
use axum::extract::{self, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tokio::sync::watch;

use super::answer::{Answer, ServiceError};
use super::auth::{self, Door, PLATFORM_PREFIX};
use super::endpoints;
use super::faults::{self, Effect, Fault};
use super::request::{Incoming, Query};
use super::state::{Call, State};

const MAX_PAYLOAD: usize = 1024 * 1024;

/// What the server's tasks share with the handle.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) stop: watch::Receiver<bool>,
}

/// Serves one request.
pub(super) async fn handle(
    extract::State(served): extract::State<Served>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_PAYLOAD).await else {
        return ServiceError::new(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large.")
            .into_response();
    };
    let latency = lock(&served.state).latency;
    tokio::time::sleep(latency).await;

    let (effect, now) = {
        let mut state = lock(&served.state);
        let effect = answer_and_remember(&mut state, &parts, &body);
        (effect, state.now())
    };
    match effect {
        Effect::Answer(mut response) => {
            let date = HeaderValue::try_from(faults::http_date(now));
            let date = date.expect("a date is visible ASCII");
            response.headers_mut().insert(header::DATE, date);
            response
        }
        Effect::Hang => {
            stopped(served.stop).await;
            close()
        }
        Effect::Close => close(),
    }
}

/// A panic elsewhere must not hide behind a poisoned lock here.
pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns when the tenant is stopped or its last handle is dropped.
pub(super) async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the other way to stop.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Unwinds the task of this connection alone, which closes it without a byte;
/// the panic hook is not run, so nothing is printed.
fn close() -> ! {
    resume_unwind(Box::new("the stand-in was told to close this connection"))
}

fn answer_and_remember(state: &mut State, parts: &Parts, body: &Bytes) -> Effect {
    let segments: Vec<_> = parts.uri.path().split('/').skip(1).map(decode).collect();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let (path, effect) = match within_environment(state, &segments) {
        Some(rest) => {
            let incoming = Incoming {
                method: &parts.method,
                path: rest,
                query: &query,
                body,
            };
            (rest, answer(state, parts, &incoming))
        }
        None => (segments.as_slice(), respond(Err(endpoints::no_such_path()))),
    };
    let status = match &effect {
        Effect::Answer(response) => Some(response.status().as_u16()),
        Effect::Hang | Effect::Close => None,
    };
    let call = Call {
        method: parts.method.to_string(),
        path: format!("/{}", path.join("/")),
        query: query.pairs().map(hide_token).collect(),
        status,
        at: state.now(),
    };
    state.calls.push(call);
    effect
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// The path below `/e/<environment>`, or the path itself if there is none.
fn within_environment<'s>(state: &State, segments: &'s [String]) -> Option<&'s [String]> {
    match (&state.environment, segments) {
        (None, path) => Some(path),
        (Some(environment), [e, id, path @ ..]) if e == "e" && id == environment => Some(path),
        (Some(_), _) => None,
    }
}

fn hide_token((name, value): (&str, &str)) -> (String, String) {
    let value = if auth::is_token_parameter(name) {
        "(hidden)"
    } else {
        value
    };
    (name.to_owned(), value.to_owned())
}

fn answer(state: &mut State, parts: &Parts, incoming: &Incoming<'_>) -> Effect {
    if matches!(incoming.path, [page] if page == "login") {
        return Effect::Answer(faults::login_page());
    }
    let (door, path) = door(incoming.path);
    if let Err(refusal) = auth::authenticate(door, &parts.headers, incoming.query, &state.token) {
        return respond(Err(refusal));
    }
    let scope = auth::scope_of(&parts.method, &path);
    let full_path = format!("/{}", path.join("/"));
    let method = parts.method.as_str();
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    if let Some(fault) = faults::take(&mut state.faults, method, &full_path, scope) {
        if fault == Fault::HangAfterActing {
            // Nobody hears what came of it.
            let _ = endpoints::serve(state, &path, incoming);
        }
        let root = state
            .environment
            .as_ref()
            .map(|id| format!("/e/{id}"))
            .unwrap_or_default();
        return faults::effect(fault, state.now(), &root);
    }
    respond(endpoints::serve(state, &path, incoming))
}

/// The platform serves the same API under a longer path.
fn door(path: &[String]) -> (Door, Vec<String>) {
    match path.split_at_checked(PLATFORM_PREFIX.len()) {
        Some((prefix, rest)) if prefix == PLATFORM_PREFIX => {
            (Door::Platform, [&["api".to_owned()], rest].concat())
        }
        _ => (Door::Classic, path.to_vec()),
    }
}

fn respond(outcome: Result<Answer, ServiceError>) -> Effect {
    Effect::Answer(outcome.map_or_else(ServiceError::into_response, Answer::into_response))
}

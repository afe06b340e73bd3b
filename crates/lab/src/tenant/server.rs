//! The way of one request: latency, authentication, faults, then the endpoint.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Bytes, to_bytes};
use axum::extract::{self, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tokio::sync::watch;

use super::answer::{Answer, Refusal};
use super::auth::{self, Door, PLATFORM_PREFIX};
use super::faults::{self, Effect};
use super::request::{Incoming, Query};
use super::state::{Call, State};
use super::{v1_entities, v1_timeseries, v2_entities, v2_metrics};

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
        return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large.").into_response();
    };
    let latency = lock(&served.state).latency;
    tokio::time::sleep(latency).await;

    let effect = answer_and_remember(&mut lock(&served.state), &parts, &body);
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
pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns when the tenant was told to stop or its last handle is gone.
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
        None => (segments.as_slice(), respond(Err(no_such_path()))),
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
    let scope = auth::scope_of(&path);
    let full_path = format!("/{}", path.join("/"));
    if let Some(fault) = faults::take(&mut state.faults, &full_path, scope) {
        let root = state
            .environment
            .as_ref()
            .map(|id| format!("/e/{id}"))
            .unwrap_or_default();
        return faults::effect(fault, state.now(), &root);
    }
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    respond(endpoint(state, &path, incoming))
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

fn endpoint(state: &mut State, path: &[&str], incoming: &Incoming<'_>) -> Result<Answer, Refusal> {
    let query = incoming.query;
    match (incoming.method, path) {
        (&Method::GET, ["api", "v2", "metrics", "query"]) => {
            v2_metrics::query(state, query).map(Answer::from)
        }
        (&Method::GET, ["api", "v2", "metrics", key]) => {
            v2_metrics::descriptor(state, key).map(Answer::from)
        }
        (&Method::GET, ["api", "v2", "entities"]) => {
            v2_entities::list(state, query).map(Answer::from)
        }
        (&Method::GET, ["api", "v2", "entities", id]) => {
            v2_entities::get(state, id).map(Answer::from)
        }
        (&Method::POST, ["api", "v1", "timeseries"]) => {
            v1_timeseries::data_points(state, None, incoming.body).map(Answer::from)
        }
        (&Method::POST, ["api", "v1", "timeseries", id]) => {
            v1_timeseries::data_points(state, Some(id), incoming.body).map(Answer::from)
        }
        (&Method::GET, ["api", "v1", "entity", rest @ ..]) => match v1_entities::type_at(rest) {
            Some((entity_type, [])) => v1_entities::list(state, entity_type, query),
            Some((entity_type, [id])) => v1_entities::get(state, entity_type, id),
            _ => Err(no_such_path()),
        },
        _ => Err(no_such_path()),
    }
}

fn no_such_path() -> Refusal {
    Refusal::not_found("HTTP 404 Not Found")
}

fn respond(outcome: Result<Answer, Refusal>) -> Effect {
    Effect::Answer(outcome.map_or_else(Refusal::into_response, Answer::into_response))
}

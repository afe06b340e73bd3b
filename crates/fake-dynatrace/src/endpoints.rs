//! Which function serves which path.

use axum::http::Method;

use super::answer::{Answer, ServiceError};
use super::request::Incoming;
use super::state::State;
use super::{
    auth, relationships, v1_entities, v1_events, v1_problems, v1_timeseries, v2_entities,
    v2_events, v2_metrics, v2_problems,
};

/// Serves a call that passed authentication and met no fault.
pub(super) fn serve(
    state: &mut State,
    path: &[&str],
    incoming: &Incoming<'_>,
) -> Result<Answer, ServiceError> {
    match path {
        ["api", "v2", rest @ ..] => v2(state, rest, incoming),
        ["api", "v1", rest @ ..] => v1(state, rest, incoming),
        _ => Err(no_such_path()),
    }
}

pub(super) fn no_such_path() -> ServiceError {
    ServiceError::not_found("HTTP 404 Not Found")
}

fn v2(state: &mut State, path: &[&str], incoming: &Incoming<'_>) -> Result<Answer, ServiceError> {
    let query = incoming.query;
    match (incoming.method, path) {
        (&Method::POST, ["apiTokens", "lookup"]) => auth::lookup(state, incoming).map(Answer::from),
        (&Method::POST, ["events", "ingest"]) => v2_events::ingest(state, incoming),
        (&Method::POST, ["problems", id, "comments"]) => {
            v2_problems::post_comment(state, id, incoming)
        }
        (&Method::POST, ["problems", id, "close"]) => v2_problems::close(state, id, incoming),
        (&Method::GET, path) => match path {
            ["metrics", "query"] => v2_metrics::query(state, query),
            ["metrics", key] => v2_metrics::descriptor(state, key),
            ["entities"] => v2_entities::list(state, query),
            ["entities", id] => v2_entities::get(state, id),
            ["entityTypes", kind] => relationships::describe(kind),
            ["events"] => v2_events::list(state, query),
            ["events", id] => v2_events::get(state, id),
            ["eventProperties"] => Ok(v2_events::properties()),
            ["problems"] => v2_problems::list(state, query),
            ["problems", id] => v2_problems::get(state, id, query),
            ["problems", id, "comments"] => v2_problems::comments(state, id, query),
            _ => Err(no_such_path()),
        }
        .map(Answer::from),
        _ => Err(no_such_path()),
    }
}

fn v1(state: &mut State, path: &[&str], incoming: &Incoming<'_>) -> Result<Answer, ServiceError> {
    let query = incoming.query;
    match (incoming.method, path) {
        (&Method::POST, path) => match path {
            ["timeseries"] => v1_timeseries::data_points(state, None, incoming.body),
            ["timeseries", id] => v1_timeseries::data_points(state, Some(id), incoming.body),
            ["events"] => v1_events::ingest(state, incoming),
            ["problem", "details", id, "comments"] => {
                v1_problems::post_comment(state, id, incoming)
            }
            ["problem", "details", id, "close"] => v1_problems::close(state, id, query),
            _ => Err(no_such_path()),
        }
        .map(Answer::from),
        (&Method::GET, ["entity", rest @ ..]) => match v1_entities::type_at(rest) {
            Some((entity_type, [])) => v1_entities::list(state, entity_type, query),
            Some((entity_type, [id])) => v1_entities::get(state, entity_type, id),
            _ => Err(no_such_path()),
        },
        (&Method::GET, path) => match path {
            ["events"] => v1_events::list(state, query),
            ["events", id] => v1_events::get(state, id),
            ["problem", "feed"] => v1_problems::feed(state, query),
            ["problem", "status"] => Ok(v1_problems::status(state)),
            ["problem", "details", id] => v1_problems::get(state, id),
            ["problem", "details", id, "comments"] => v1_problems::comments(state, id),
            _ => Err(no_such_path()),
        }
        .map(Answer::from),
        _ => Err(no_such_path()),
    }
}

//! Comments of API v1, which names its authors and answers with what it stored.

use serde::Deserialize;
use serde_json::{Value, json};

use super::not_found;
use crate::answer::ServiceError;
use crate::problems::{Comment, Said};
use crate::request::{Incoming, Query};
use crate::state::State;

/// The name of a caller that closes a problem without naming itself.
const SOMEBODY: &str = "API";

#[derive(Deserialize)]
struct Body {
    comment: Option<String>,
    user: Option<String>,
    context: Option<String>,
}

/// Stores a comment.
pub(crate) fn post(
    state: &mut State,
    id: &str,
    incoming: &Incoming<'_>,
) -> Result<Value, ServiceError> {
    let body: Body = incoming.json()?;
    state.refuse_comment()?;
    let required = |path, field: Option<String>| {
        field
            .filter(|text| !text.is_empty())
            .ok_or_else(|| ServiceError::payload(path, "must not be null"))
    };
    let said = Said {
        text: required("comment", body.comment)?,
        author: required("user", body.user)?,
        context: body.context,
    };
    store(state, id, said)
}

/// Lists all comments.
pub(crate) fn list(state: &State, id: &str) -> Result<Value, ServiceError> {
    let problem = state.problems.get(id).ok_or_else(|| not_found(id))?;
    let comments: Value = problem.comments.iter().map(describe).collect();
    Ok(json!({ "comments": comments }))
}

/// Closes a problem; the last comment comes in the query.
pub(crate) fn close(state: &mut State, id: &str, query: &Query) -> Result<Value, ServiceError> {
    let Some(content) = query.get("content").filter(|text| !text.is_empty()) else {
        return Err(ServiceError::query("content", "must not be null"));
    };
    let said = Said {
        text: content.to_owned(),
        author: SOMEBODY.to_owned(),
        context: None,
    };
    let comment = store(state, id, said)?;
    let now = state.now();
    let problem = state.problems.get_mut(id).ok_or_else(|| not_found(id))?;
    let closed = *problem.end.get_or_insert(now);
    Ok(json!({
        "problemId": id,
        "comment": comment,
        "closeTimestamp": closed,
        "closing": true,
    }))
}

fn store(state: &mut State, id: &str, said: Said) -> Result<Value, ServiceError> {
    let now = state.now();
    let stored = state.problems.comment(id, said, now);
    stored.map(describe).ok_or_else(|| not_found(id))
}

fn describe(comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "createdAtTimestamp": comment.at,
        "content": comment.text,
        "userName": comment.author,
        "context": comment.context,
    })
}

//! Comments of API v2: posted without an author, answered without a body.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::not_found;
use crate::answer::{Answer, ServiceError};
use crate::paging;
use crate::problems::{Comment, Problem, Said};
use crate::request::{Incoming, Query};
use crate::state::State;

/// API v2 takes the author from the token.
const TOKEN_OWNER: &str = "unbreakable";

const RECENT: usize = 10;

#[derive(Deserialize)]
struct Body {
    message: Option<String>,
    context: Option<String>,
}

/// A question and the place in its answer.
#[derive(Serialize, Deserialize)]
struct Page {
    size: usize,
    offset: usize,
}

/// Stores a comment.
pub(crate) fn post(
    state: &mut State,
    id: &str,
    incoming: &Incoming<'_>,
) -> Result<Answer, ServiceError> {
    let body: Body = incoming.json()?;
    state.refuse_comment()?;
    comment(state, id, body)?;
    Ok(Answer::empty(StatusCode::CREATED))
}

/// Lists comments, oldest first.
pub(crate) fn list(state: &State, id: &str, query: &Query) -> Result<Value, ServiceError> {
    let problem = state.problems.get(id).ok_or_else(|| not_found(id))?;
    let page = match paging::follow(query, &[])? {
        Some(page) => page,
        None => Page {
            size: paging::size(query, RECENT, 500)?,
            offset: 0,
        },
    };
    Ok(shown(problem, &page))
}

/// Closes a problem with a last comment; there is nothing to say about one that
/// is closed already.
pub(crate) fn close(
    state: &mut State,
    id: &str,
    incoming: &Incoming<'_>,
) -> Result<Answer, ServiceError> {
    let problem = state.problems.get(id).ok_or_else(|| not_found(id))?;
    if problem.end.is_some() {
        return Ok(Answer::empty(StatusCode::NO_CONTENT));
    }
    let comment = describe(comment(state, id, incoming.json()?)?);
    let now = state.now();
    if let Some(problem) = state.problems.get_mut(id) {
        problem.end = Some(now);
    }
    Ok(Answer::from(json!({
        "problemId": id,
        "comment": comment,
        "closeTimestamp": now,
        "closing": true,
    })))
}

/// The newest comments, as they are shown within the problem.
pub(super) fn recent(problem: &Problem) -> Value {
    let page = Page {
        size: RECENT,
        offset: problem.comments.len().saturating_sub(RECENT),
    };
    shown(problem, &page)
}

fn comment<'s>(state: &'s mut State, id: &str, body: Body) -> Result<&'s Comment, ServiceError> {
    let text = body
        .message
        .filter(|text| !text.is_empty())
        .ok_or_else(|| ServiceError::payload("message", "must not be null"))?;
    let said = Said {
        text,
        author: TOKEN_OWNER.to_owned(),
        context: body.context,
    };
    let now = state.now();
    let stored = state.problems.comment(id, said, now);
    stored.ok_or_else(|| not_found(id))
}

fn shown(problem: &Problem, page: &Page) -> Value {
    let comments = problem.comments.iter().skip(page.offset).take(page.size);
    let mut body = json!({
        "totalCount": problem.comments.len(),
        "pageSize": page.size,
        "comments": comments.map(describe).collect::<Value>(),
    });
    let end = page.offset + page.size;
    if end < problem.comments.len() {
        body["nextPageKey"] = paging::key(&Page {
            offset: end,
            ..*page
        })
        .into();
    }
    body
}

fn describe(comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "createdAtTimestamp": comment.at,
        "content": comment.text,
        "authorName": comment.author,
        "context": comment.context,
    })
}

//! `/api/v1/problem/details/{id}/comments`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::Instant;

use super::problems::gone_or_unknown;
use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Request};
use crate::problem::Comment;
use crate::tenant::Api;
use crate::wire::{WireComment, or_default};

/// API v1 wants a name for everybody who comments; this one is searched for
/// where v1 is still in use.
const USER: &str = "Dynatrace Lambda Remediation Action";

/// All comments of a problem, whose id is given as a segment of a path.
pub(crate) async fn comments(
    connection: &Connection,
    segment: &str,
    deadline: Instant,
) -> Result<Vec<Comment>, Error> {
    let path = path(segment);
    let request = Request::get(Api::V1, Subject::Problems, &path, &[]);
    let reply = connection.send(&request, deadline).await;
    let list: List = reply.map_err(gone_or_unknown)?.read()?;
    Ok(list.comments.into_iter().map(Comment::from).collect())
}

/// Says something about a problem.
pub(crate) async fn comment(
    connection: &Connection,
    segment: &str,
    text: &str,
    context: &str,
    deadline: Instant,
) -> Result<(), Error> {
    let path = path(segment);
    let body = json!({"comment": text, "user": USER, "context": context});
    let request = Request::leave(Api::V1, Subject::Problems, &path, &body);
    let reply = connection.send(&request, deadline).await;
    // A page that something in between sends with a 200 is no comment.
    let _: IgnoredAny = reply.map_err(gone_or_unknown)?.read()?;
    Ok(())
}

fn path(segment: &str) -> String {
    format!("/problem/details/{segment}/comments")
}

#[derive(Deserialize)]
struct List {
    #[serde(default, deserialize_with = "or_default")]
    comments: Vec<WireComment>,
}

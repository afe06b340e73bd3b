//! `/api/v2/problems/{id}/comments`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::Instant;

use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Request};
use crate::list::{List, all};
use crate::problem::Comment;
use crate::tenant::Api;
use crate::wire::{WireComment, or_default};

/// All comments of a problem, whose id is given as a segment of a path.
pub(crate) async fn comments(
    connection: &Connection,
    segment: &str,
    deadline: Instant,
) -> Result<Vec<Comment>, Error> {
    let path = path(segment);
    let list = List::of(
        Subject::Problems,
        &path,
        vec![("pageSize", "100".to_owned())],
    );
    let open = |page: Page| (page.comments, page.next_page_key);
    let found = all(connection, list, open, deadline).await?;
    Ok(found.into_iter().map(Comment::from).collect())
}

/// Says something about a problem, in the name of the token's owner.
pub(crate) async fn comment(
    connection: &Connection,
    segment: &str,
    text: &str,
    context: &str,
    deadline: Instant,
) -> Result<(), Error> {
    let path = path(segment);
    let body = json!({"message": text, "context": context});
    let request = Request::leave(Api::V2, Subject::Problems, &path, &body);
    let reply = connection.send(&request, deadline).await?;
    // Its answer is empty; a page that something in between sends is none of its.
    if reply.is_empty() {
        return Ok(());
    }
    reply.read().map(|_: IgnoredAny| ())
}

fn path(segment: &str) -> String {
    format!("/problems/{segment}/comments")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default, deserialize_with = "or_default")]
    comments: Vec<WireComment>,
    next_page_key: Option<String>,
}

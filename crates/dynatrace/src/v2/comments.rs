//! `/api/v2/problems/{id}/comments`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::Instant;

use super::pages::{List, all};
use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Effect, Request};
use crate::problem::Comment;
use crate::tenant::Api;
use crate::wire::or_default;

/// All comments of a problem, whose id is given as a segment of a path.
pub(crate) async fn comments(
    connection: &Connection,
    segment: &str,
    deadline: Instant,
) -> Result<Vec<Comment>, Error> {
    let list = List {
        subject: Subject::Problems,
        path: &path(segment),
        query: vec![("pageSize", "100".to_owned())],
    };
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
    let request = Request {
        api: Api::V2,
        subject: Subject::Problems,
        effect: Effect::Lasting,
        path: &path(segment),
        query: &[],
        body: Some(&json!({"message": text, "context": context})),
    };
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
    comments: Vec<Wire>,
    next_page_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: String,
    created_at_timestamp: i64,
    #[serde(default, deserialize_with = "or_default")]
    content: String,
    #[serde(default, deserialize_with = "or_default")]
    author_name: String,
    context: Option<String>,
}

impl From<Wire> for Comment {
    fn from(wire: Wire) -> Self {
        Self {
            id: wire.id,
            created_ms: wire.created_at_timestamp,
            author: wire.author_name,
            context: wire.context,
            text: wire.content,
        }
    }
}

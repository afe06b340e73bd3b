//! Lists that come in pages.

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Effect, Request};
use crate::tenant::Api;

/// A list before it is read.
pub(super) struct List<'a> {
    pub(super) subject: Subject,
    pub(super) path: &'a str,
    /// What is asked on the first page. The key of the next one stands for all
    /// of it, and repeating any of it is refused.
    pub(super) query: Vec<(&'static str, String)>,
}

/// Reads all pages of a list; `open` takes its items and the key of the next
/// page out of one.
pub(super) async fn all<P: DeserializeOwned, T>(
    connection: &Connection,
    list: List<'_>,
    open: impl Fn(P) -> (Vec<T>, Option<String>),
    deadline: Instant,
) -> Result<Vec<T>, Error> {
    let mut query = list.query;
    let mut items = Vec::new();
    loop {
        let request = Request {
            api: Api::V2,
            subject: list.subject,
            effect: Effect::None,
            path: list.path,
            query: &query,
            body: None,
        };
        let (page, key) = open(connection.send(&request, deadline).await?.read()?);
        items.extend(page);
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Ok(items);
        };
        let next = vec![("nextPageKey", key)];
        if next == query {
            return Err(Error::malformed("its next page is the page itself"));
        }
        query = next;
    }
}

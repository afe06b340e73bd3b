//! Lists that come in pages.

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Request};
use crate::tenant::Api;

/// A list before it is read.
pub(crate) struct List<'a> {
    pub(crate) api: Api,
    pub(crate) subject: Subject,
    pub(crate) path: &'a str,
    /// What is asked on the first page. The key of the next one stands for all
    /// of it, and repeating any of it is refused.
    pub(crate) query: Vec<(&'static str, String)>,
    /// What the key of the next page is called.
    pub(crate) key: &'static str,
    /// How many pages are read.
    pub(crate) most: usize,
}

impl<'a> List<'a> {
    /// A list of API v2, which is read to its end.
    pub(crate) fn of(subject: Subject, path: &'a str, query: Vec<(&'static str, String)>) -> Self {
        Self {
            api: Api::V2,
            subject,
            path,
            query,
            key: "nextPageKey",
            most: usize::MAX,
        }
    }
}

/// Reads all pages of a list; `open` takes its items and the key of the next
/// page out of one.
pub(crate) async fn all<P: DeserializeOwned, T>(
    connection: &Connection,
    list: List<'_>,
    open: impl Fn(P) -> (Vec<T>, Option<String>),
    deadline: Instant,
) -> Result<Vec<T>, Error> {
    let mut query = list.query;
    let mut items = Vec::new();
    for _ in 0..list.most {
        let request = Request::get(list.api, list.subject, list.path, &query);
        let (page, key) = open(connection.send(&request, deadline).await?.read()?);
        items.extend(page);
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Ok(items);
        };
        let next = vec![(list.key, key)];
        if next == query {
            return Err(Error::malformed("its next page is the page itself"));
        }
        query = next;
    }
    Err(Error::unavailable("there are more pages than are read"))
}

//! `POST /api/v2/apiTokens/lookup`: what a token may do, asked with that token.

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Request};
use crate::tenant::Api;

/// The scopes of the classic token of this connection; nothing for a platform
/// token, which this endpoint does not know.
pub(crate) async fn scopes(
    connection: &Connection,
    deadline: Instant,
) -> Result<Option<Vec<String>>, Error> {
    let Some(token) = connection.classic_token() else {
        return Ok(None);
    };
    let body = json!({"token": token.expose_secret().trim()});
    let request = Request::post(Api::V2, Subject::Other, "/apiTokens/lookup", &body);
    let known: Known = connection.send(&request, deadline).await?.read()?;
    Ok(Some(known.scopes))
}

#[derive(Deserialize)]
struct Known {
    scopes: Vec<String>,
}

//! One request to the controller: sent, bounded, and sent again only where it
//! cannot have done anything.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use crate::error::Error;
use crate::server::{Credentials, InvalidServer, Server, address, authorization, secret};
use crate::shown::excerpt;

/// How long one attempt may take; the caller's deadline may end it earlier.
const ATTEMPT: Duration = Duration::from_secs(30);
const MAX_RETRIES: u32 = 3;
/// A page of two hundred jobs with their variables fits.
const MAX_BODY: usize = 8 * 1024 * 1024;
const MAX_REFUSAL: usize = 64 * 1024;

/// Everything but letters, digits and `-._~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The query of a request.
pub(crate) type Query<'a> = [(&'a str, String)];

/// The way to one controller.
pub(crate) struct Connection {
    http: Client,
    base: String,
    credentials: Credentials,
    authorization: HeaderValue,
}

/// An answer that is no refusal.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    body: Vec<u8>,
}

impl Reply {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Malformed {
            what: "it cannot be read; check the address".to_owned(),
            source: Some(error.into()),
        })
    }
}

/// A refusal with its status, which says more to whoever has sent a wish.
pub(crate) struct Failure {
    pub(crate) status: Option<StatusCode>,
    pub(crate) error: Error,
    /// How long the controller wants to be left alone.
    wait: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            status: None,
            error,
            wait: None,
        }
    }
}

impl Connection {
    pub(crate) fn new(http: Client, server: Server) -> Result<Self, InvalidServer> {
        Ok(Self {
            http,
            base: address(&server.base)?,
            authorization: authorization(&server.credentials)?,
            credentials: server.credentials,
        })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn secret(&self) -> &str {
        secret(&self.credentials)
    }

    /// Asks, and asks again after passing failures, at most three times and
    /// never past `deadline`. `path` begins and ends with a slash.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Query<'_>,
        deadline: Instant,
    ) -> Result<T, Error> {
        let url = self.url(path, query)?;
        let mut retries = 0;
        loop {
            let Failure {
                status,
                error,
                wait,
            } = match self.attempt(&url, None, deadline).await {
                Ok(reply) => return reply.read(),
                Err(failure) => failure,
            };
            let wait = wait.unwrap_or_else(|| backoff(retries));
            let is_passing = matches!(
                error,
                Error::Throttled | Error::Unreachable(_) | Error::Unavailable { .. }
            ) && status != Some(StatusCode::INTERNAL_SERVER_ERROR);
            if !is_passing || retries == MAX_RETRIES || deadline <= Instant::now() + wait {
                return Err(error);
            }
            tracing::debug!(
                controller.path = path,
                wait_ms = wait.as_millis(),
                "Asking the controller again after a passing failure"
            );
            sleep(wait).await;
            retries += 1;
        }
    }

    /// Sends a wish, once.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &Value,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let url = self.url(path, &[])?;
        self.attempt(&url, Some(body), deadline).await
    }

    /// Addresses are made of the base and ids: what the controller says of
    /// itself lacks the path of the gateway in front of it.
    fn url(&self, path: &str, query: &Query<'_>) -> Result<Url, Error> {
        let mut text = format!("{}{path}", self.base);
        for (index, (name, value)) in query.iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            text.extend(utf8_percent_encode(value, RESERVED));
        }
        Url::parse(&text).map_err(|_| Error::Refused("it has no address".to_owned()))
    }

    async fn attempt(
        &self,
        url: &Url,
        body: Option<&Value>,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let end = deadline.min(Instant::now() + ATTEMPT);
        timeout_at(end, self.exchange(url, body))
            .await
            .unwrap_or_else(|_| Err(Error::unavailable("it took too long").into()))
    }

    async fn exchange(&self, url: &Url, body: Option<&Value>) -> Result<Reply, Failure> {
        let builder = match body {
            Some(body) => self.http.post(url.clone()).json(body),
            None => self.http.get(url.clone()),
        };
        let response = builder
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            // Explanations of jobs are translated.
            .header(ACCEPT_LANGUAGE, HeaderValue::from_static("en"))
            .send()
            .await
            .map_err(broken)?;

        // A client that follows redirects has done so by now, and may have made
        // a question of a wish; at least the answer is not believed.
        if response.url() != url {
            return Err(redirected().into());
        }
        let status = response.status();
        if status.is_success() {
            let body = at_most(response, MAX_BODY).await.map_err(broken)?;
            if MAX_BODY < body.len() {
                return Err(Error::malformed("it is larger than 8 MiB").into());
            }
            return Ok(Reply { status, body });
        }
        let wait = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(|seconds: u64| Duration::from_secs(seconds.clamp(1, 60)));
        let body = at_most(response, MAX_REFUSAL).await.unwrap_or_default();
        Err(Failure {
            status: Some(status),
            error: self.refusal(status, &body),
            wait,
        })
    }

    /// Names a refusal by what the caller does next.
    fn refusal(&self, status: StatusCode, body: &[u8]) -> Error {
        let said: Option<Value> = serde_json::from_slice(body).ok();
        let text = match &said {
            Some(said) => sentences(said),
            None => String::from_utf8_lossy(body).into_owned(),
        };
        let text = match excerpt(&text, self.secret()) {
            text if text.is_empty() => "no reason given".to_owned(),
            text => text,
        };
        match status {
            StatusCode::UNAUTHORIZED => Error::Unauthorised(match self.credentials {
                Credentials::Bearer(_) => text,
                Credentials::Basic(_) => format!(
                    "{text} (where user and password are right, basic authentication is switched \
                     off there, and a token is needed)"
                ),
            }),
            StatusCode::FORBIDDEN => Error::Forbidden(text),
            StatusCode::TOO_MANY_REQUESTS => Error::Throttled,
            StatusCode::NOT_FOUND if said.is_none() => {
                Error::malformed(format!("there is no API at this address ({text})"))
            }
            StatusCode::NOT_FOUND => Error::Unknown(text),
            status if status.is_redirection() => redirected(),
            status if status.is_client_error() => Error::Refused(text),
            status => Error::unavailable(format!("status {status}: {text}")),
        }
    }
}

/// A refusal is a text, a list of such, or such under the names of fields.
fn sentences(said: &Value) -> String {
    match said {
        Value::String(text) => text.clone(),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(sentences).collect();
            all.join(" ")
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, said)| match name.as_str() {
                "detail" | "error" => sentences(said),
                name => format!("{name}: {}", sentences(said)),
            });
            let fields: Vec<String> = fields.collect();
            fields.join("; ")
        }
        other => other.to_string(),
    }
}

/// Following would hand the secret to whoever it points at, and make a question
/// of a wish.
fn redirected() -> Error {
    Error::malformed("it is a redirect, which is not followed; check the address")
}

fn broken(error: reqwest::Error) -> Failure {
    if error.is_redirect() {
        return redirected().into();
    }
    let never_left = error.is_connect();
    // The URL has the query in it, and errors end up in logs.
    let error = error.without_url();
    if is_about_certificate(&error) {
        Error::Untrusted(error.into()).into()
    } else if never_left {
        Error::Unreachable(error.into()).into()
    } else {
        Failure::from(Error::Unavailable {
            what: "the connection failed".to_owned(),
            source: Some(error.into()),
        })
    }
}

fn is_about_certificate(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        // What such an error wraps is not its source, but what it stands for.
        let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

/// Doubled with every retry, and spread so that those who failed together do
/// not return together.
fn backoff(retries: u32) -> Duration {
    let step = Duration::from_millis(500 << retries.min(6));
    step + step.mul_f64(fastrand::f64())
}

/// Reads a body until it ends or is longer than `limit`.
async fn at_most(mut response: reqwest::Response, limit: usize) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while body.len() <= limit {
        match response.chunk().await? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_of_every_shape_become_sentences() {
        for (said, text) in [
            (json!({"detail": "Not found."}), "Not found."),
            (
                json!({"variables_needed_to_start": ["'rate' value missing", "'x' too small"]}),
                "variables_needed_to_start: 'rate' value missing 'x' too small",
            ),
            (json!({"inventory": "none"}), "inventory: none"),
            (json!(["one", "two"]), "one two"),
        ] {
            assert_eq!(sentences(&said), text);
        }
    }
}

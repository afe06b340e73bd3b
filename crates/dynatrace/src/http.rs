//! One request to the tenant: sent, bounded, and sent again where that helps
//! and does no harm.

use std::sync::Mutex;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use url::Url;

use crate::calls::{Calls, Counters, Subject};
use crate::envelope::{redirected, refusal};
use crate::error::Error;
use crate::number::quoted_where_not_finite;
use crate::tenant::{Address, Api, InvalidTenant, Tenant, authorization, is_of_platform};
use crate::throttle::{Pace, asked_for, backoff, spread};

/// How long one attempt may take; the caller's deadline may end it earlier.
const ATTEMPT: Duration = Duration::from_secs(30);
const MAX_RETRIES: u32 = 3;
/// A larger answer would be no answer to any question of this crate.
const MAX_BODY: usize = 8 * 1024 * 1024;
const MAX_REFUSAL: usize = 64 * 1024;

/// Everything but letters, digits and `-._~`, so that selectors with quotes,
/// colons and plus signs arrive as they were written.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A request before it has an address.
pub(crate) struct Request<'a> {
    api: Api,
    subject: Subject,
    effect: Effect,
    /// Begins with a slash and follows the address of the API.
    path: &'a str,
    query: &'a [(&'a str, String)],
    /// A request with a body is a POST.
    body: Option<&'a Value>,
}

impl<'a> Request<'a> {
    /// Asks for what is there.
    pub(crate) fn get(
        api: Api,
        subject: Subject,
        path: &'a str,
        query: &'a [(&'a str, String)],
    ) -> Self {
        Self {
            api,
            subject,
            effect: Effect::None,
            path,
            query,
            body: None,
        }
    }

    /// Asks with a body, and leaves nothing behind.
    pub(crate) fn post(api: Api, subject: Subject, path: &'a str, body: &'a Value) -> Self {
        Self {
            body: Some(body),
            ..Self::get(api, subject, path, &[])
        }
    }

    /// Leaves an event or a comment behind.
    pub(crate) fn leave(api: Api, subject: Subject, path: &'a str, body: &'a Value) -> Self {
        Self {
            effect: Effect::Lasting,
            ..Self::post(api, subject, path, body)
        }
    }
}

/// What a request leaves behind at the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Nothing, so sending it twice does no harm.
    None,
    /// An event or a comment, which would be there twice if the request was
    /// sent again after the tenant had acted on it.
    Lasting,
}

/// An answer of the API.
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .or_else(|_| {
                let body = String::from_utf8_lossy(&self.body);
                serde_json::from_str(&quoted_where_not_finite(&body))
            })
            .map_err(|error| Error::Malformed {
                what: "it cannot be read".into(),
                source: Some(error.into()),
            })
    }
}

/// The way to one tenant.
pub(crate) struct Connection {
    http: reqwest::Client,
    address: Address,
    authorization: HeaderValue,
    token: SecretString,
    permits: Semaphore,
    pace: Option<Mutex<Pace>>,
    counters: Counters,
}

impl Connection {
    pub(crate) fn new(http: reqwest::Client, tenant: Tenant) -> Result<Self, InvalidTenant> {
        Ok(Self {
            http,
            address: Address::of(&tenant)?,
            authorization: authorization(&tenant.token)?,
            permits: Semaphore::new(tenant.calls_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            pace: tenant
                .calls_per_minute
                .map(|limit| Mutex::new(Pace::new(limit))),
            counters: Counters::default(),
            token: tenant.token,
        })
    }

    /// The token, unless it is one of the platform.
    pub(crate) fn classic_token(&self) -> Option<&SecretString> {
        Some(&self.token).filter(|token| !is_of_platform(token.expose_secret()))
    }

    pub(crate) fn calls(&self) -> Calls {
        self.counters.read()
    }

    /// The path and the decoded query of a request, which may be shown.
    pub(crate) fn evidence(&self, request: &Request<'_>) -> String {
        let base = self.address.base(request.api);
        let path = Url::parse(base).map_or_else(|_| String::new(), |url| url.path().to_owned());
        let query: Vec<_> = request
            .query
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        match query.as_slice() {
            [] => format!("{path}{}", request.path),
            query => format!("{path}{}?{}", request.path, query.join("&")),
        }
    }

    /// Sends a request and repeats it after passing failures, at most three
    /// times and never past `deadline`.
    ///
    /// A request with a lasting effect is repeated only if the tenant cannot
    /// have acted on it: it was never reached, or it said that it was too busy.
    pub(crate) async fn send(
        &self,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Result<Reply, Error> {
        let url = self.url(request)?;
        // The permit is kept while waiting: a tenant that is busy is not
        // helped by the next request taking the place of the refused one.
        let _permit = timeout_at(deadline, self.permits.acquire())
            .await
            .map_err(|_| Error::unavailable("all permitted requests are under way"))?
            .expect("the semaphore is never closed");

        let mut retries = 0;
        loop {
            self.keep_pace(deadline).await?;
            self.counters.count(request.subject);
            let (error, asked) = match self.attempt(request, &url, deadline).await {
                Ok(reply) => return Ok(reply),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Doubtful { error, .. }) if request.effect == Effect::Lasting => {
                    return Err(error);
                }
                Err(Failure::Doubtful { error, wait } | Failure::Refused { error, wait }) => {
                    (error, wait)
                }
            };
            let wait = match asked {
                Some(wait) => wait + spread(Duration::from_millis(250)),
                None => backoff(retries),
            };
            if retries == MAX_RETRIES || Instant::now() + wait >= deadline {
                return Err(error);
            }
            tracing::debug!(
                dynatrace.path = request.path,
                wait_ms = wait.as_millis(),
                "Asking Dynatrace again after a passing failure"
            );
            sleep(wait).await;
            retries += 1;
            self.counters.count_retry();
        }
    }

    fn url(&self, request: &Request<'_>) -> Result<Url, Error> {
        let mut text = format!("{}{}", self.address.base(request.api), request.path);
        for (index, (name, value)) in request.query.iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            text.extend(utf8_percent_encode(value, RESERVED));
        }
        Url::parse(&text).map_err(|_| Error::BadSelector("it cannot be part of a URL".into()))
    }

    async fn keep_pace(&self, deadline: Instant) -> Result<(), Error> {
        let Some(pace) = &self.pace else {
            return Ok(());
        };
        let moment = pace
            .lock()
            .expect("nothing panics while it holds the lock")
            .reserve(Instant::now(), deadline)
            .ok_or(Error::Throttled)?;
        sleep_until(moment).await;
        Ok(())
    }

    async fn attempt(
        &self,
        request: &Request<'_>,
        url: &Url,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let end = deadline.min(Instant::now() + ATTEMPT);
        timeout_at(end, self.exchange(request, url))
            .await
            .unwrap_or_else(|_| Err(Failure::doubtful(Error::unavailable("it took too long"))))
    }

    async fn exchange(&self, request: &Request<'_>, url: &Url) -> Result<Reply, Failure> {
        let builder = match request.body {
            Some(body) => self.http.post(url.clone()).json(body),
            None => self.http.get(url.clone()),
        };
        let response = builder
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .send()
            .await
            .map_err(broken)?;

        // A client that follows redirects has done so by now; at least what
        // it was led to is not believed.
        if response.url() != url {
            return Err(Failure::Lasting(redirected()));
        }
        let status = response.status();
        let headers = response.headers().clone();
        if status.is_success() {
            let body = at_most(response, MAX_BODY).await.map_err(broken)?;
            if body.len() > MAX_BODY {
                return Err(Failure::Lasting(Error::malformed(
                    "it is larger than 8 MiB",
                )));
            }
            return Ok(Reply { headers, body });
        }

        let body = at_most(response, MAX_REFUSAL).await.unwrap_or_default();
        let token = self.token.expose_secret().trim();
        let error = refusal(request.api, request.subject, status, &body, token);
        let wait = asked_for(&headers);
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Failure::Refused { error, wait }
            }
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                Failure::Doubtful { error, wait }
            }
            _ => Failure::Lasting(error),
        })
    }
}

/// Why an attempt failed, by whether another one may succeed.
enum Failure {
    /// It would fail again.
    Lasting(Error),
    /// The tenant has not acted on it and may do so later.
    Refused {
        error: Error,
        wait: Option<Duration>,
    },
    /// Nobody knows whether the tenant acted on it.
    Doubtful {
        error: Error,
        wait: Option<Duration>,
    },
}

impl Failure {
    fn doubtful(error: Error) -> Self {
        Self::Doubtful { error, wait: None }
    }
}

fn broken(error: reqwest::Error) -> Failure {
    if error.is_redirect() {
        return Failure::Lasting(redirected());
    }
    let never_reached = error.is_connect();
    let error = Error::Unavailable {
        what: "the connection failed".into(),
        // The URL has the selectors in it, and errors end up in logs.
        source: Some(error.without_url().into()),
    };
    if never_reached {
        Failure::Refused { error, wait: None }
    } else {
        Failure::doubtful(error)
    }
}

/// A foreign id as one segment of a path; nothing for what would lead to
/// another path.
pub(crate) fn segment(id: &str) -> Option<String> {
    // URLs take these for the way to the same or to the upper path, however
    // they are written.
    (!["", ".", ".."].contains(&id)).then(|| utf8_percent_encode(id, RESERVED).to_string())
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

//! What can go wrong on the way to a real tenant, on request.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;

use super::answer::ServiceError;

/// A way in which a call fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// 429, with the headers that tell when to come back.
    Throttle(ThrottleHeaders),
    /// 503 with the HTML page of a proxy.
    Html503,
    /// 502 without a body.
    Empty502,
    /// 302 to a login page, which is HTML with status 200.
    LoginPageRedirect,
    /// 401, as for a token that was revoked.
    Unauthorised,
    /// 403 for calls that need this scope; other calls are left alone.
    MissingScope(String),
    /// 200 with something that is not JSON.
    NotJson200,
    /// The connection stays open and silent until the tenant stops.
    Hang,
    /// What was asked for is done, and the connection stays open and silent.
    HangAfterActing,
    /// The connection closes without a single byte of an answer.
    CloseConnection,
    /// What a tenant answers after the end of API v1; v2 is left alone.
    Gone(GoneAs),
}

/// How a throttled caller learns when to come back: one second from now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ThrottleHeaders {
    /// `Retry-After` with this many seconds.
    RetryAfterSeconds(u64),
    /// `Retry-After` with an HTTP date.
    RetryAfterDate,
    /// `X-RateLimit-Reset` in microseconds since the epoch, as documented.
    ResetMicros,
    /// `X-RateLimit-Reset` in milliseconds since the epoch.
    ResetMillis,
    /// `X-RateLimit-Reset` in seconds since the epoch.
    ResetSeconds,
    /// No hint at all.
    None,
}

/// The status of an API that was removed; tenants are not known to agree on one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GoneAs {
    /// 404.
    NotFound,
    /// 410.
    Gone,
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Times {
    /// For so many calls, then no more.
    N(usize),
    /// Until the faults are cleared.
    Always,
}

/// A fault that waits for its calls.
pub(super) struct Planned {
    fault: Fault,
    times: Times,
    /// Any method, where none is named.
    method: Option<String>,
    prefix: String,
}

/// The effect of a fault on a call.
pub(super) enum Effect {
    Answer(Response),
    Hang,
    Close,
}

/// Takes the first planned fault that concerns this path.
pub(super) fn take(
    planned: &mut Vec<Planned>,
    method: &str,
    path: &str,
    scope: Option<&str>,
) -> Option<Fault> {
    let index = planned
        .iter()
        .position(|each| each.concerns(method, path, scope))?;
    let each = &mut planned[index];
    let fault = each.fault.clone();
    each.times.take();
    if each.times == Times::N(0) {
        planned.remove(index);
    }
    Some(fault)
}

/// The scopes that calls are denied.
pub(super) fn missing_scopes(planned: &[Planned]) -> impl Iterator<Item = &str> {
    planned.iter().filter_map(|each| match &each.fault {
        Fault::MissingScope(scope) => Some(scope.as_str()),
        _ => None,
    })
}

impl Times {
    /// Counts one time; whether there was one left.
    pub(super) fn take(&mut self) -> bool {
        match self {
            Self::N(0) => false,
            Self::N(left) => {
                *left -= 1;
                true
            }
            Self::Always => true,
        }
    }
}

impl Planned {
    /// `matching` is the beginning of a path, or a method, a space and that.
    pub(super) fn new(fault: Fault, times: Times, matching: &str) -> Self {
        let (method, prefix) = match matching.split_once(' ') {
            Some((method, prefix)) => (Some(method.to_owned()), prefix),
            None => (None, matching),
        };
        Self {
            fault,
            times,
            method,
            prefix: prefix.to_owned(),
        }
    }

    fn concerns(&self, method: &str, path: &str, scope: Option<&str>) -> bool {
        let of_its_kind = match &self.fault {
            Fault::MissingScope(missing) => scope == Some(missing),
            Fault::Gone(_) => path.starts_with("/api/v1"),
            _ => true,
        };
        let asked = self.method.as_deref().is_none_or(|asked| asked == method);
        of_its_kind && asked && path.starts_with(&self.prefix)
    }
}

/// What `fault` does at `now`; `root` is the tenant's path prefix.
pub(super) fn effect(fault: Fault, now: i64, root: &str) -> Effect {
    Effect::Answer(match fault {
        Fault::Hang | Fault::HangAfterActing => return Effect::Hang,
        Fault::CloseConnection => return Effect::Close,
        Fault::Throttle(headers) => throttled(headers, now),
        Fault::Html503 => {
            let page = "<html><body><h1>503 Service Unavailable</h1></body></html>";
            (StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response()
        }
        Fault::Empty502 => StatusCode::BAD_GATEWAY.into_response(),
        Fault::LoginPageRedirect => (
            StatusCode::FOUND,
            [(header::LOCATION, format!("{root}/login"))],
        )
            .into_response(),
        Fault::Unauthorised => ServiceError::unauthorised().into_response(),
        Fault::MissingScope(scope) => ServiceError::missing_scope(&scope).into_response(),
        Fault::NotJson200 => (StatusCode::OK, "The cluster is being upgraded.").into_response(),
        Fault::Gone(GoneAs::NotFound) => StatusCode::NOT_FOUND.into_response(),
        Fault::Gone(GoneAs::Gone) => {
            ServiceError::new(StatusCode::GONE, "This API version was removed.").into_response()
        }
    })
}

/// The page a redirected caller ends on.
pub(super) fn login_page() -> Response {
    Html("<html><body><form>Sign in</form></body></html>").into_response()
}

fn throttled(headers: ThrottleHeaders, now: i64) -> Response {
    const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
    let later = now + 1_000;
    let hint = match headers {
        ThrottleHeaders::None => None,
        ThrottleHeaders::RetryAfterSeconds(seconds) => {
            Some((header::RETRY_AFTER, seconds.to_string()))
        }
        ThrottleHeaders::RetryAfterDate => Some((header::RETRY_AFTER, http_date(later))),
        ThrottleHeaders::ResetMicros => Some((RESET, (later * 1_000).to_string())),
        ThrottleHeaders::ResetMillis => Some((RESET, later.to_string())),
        ThrottleHeaders::ResetSeconds => Some((RESET, (later / 1_000).to_string())),
    };
    let mut response = ServiceError::throttled().into_response();
    if let Some((name, value)) = hint {
        let headers = response.headers_mut();
        if name == RESET {
            headers.insert("x-ratelimit-limit", HeaderValue::from_static("50"));
            headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
        }
        headers.insert(
            name,
            value.parse().expect("digits and dates are visible ASCII"),
        );
    }
    response
}

pub(super) fn http_date(ms: i64) -> String {
    let timestamp = Timestamp::from_millisecond(ms).expect("the clock shows a year below 9999");
    timestamp.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

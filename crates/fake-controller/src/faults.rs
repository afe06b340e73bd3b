//! What can go wrong on the way to a real controller, on request.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

/// A way in which a call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// The connection is cut at once, and it is done so much later.
    DoneAfter(Duration),
    /// A proxy answers 502, and nothing was done.
    BadGatewayBefore,
    /// A proxy answers 502 after it was done.
    BadGatewayAfter,
    /// It is done, and a gateway makes 200 of its 201.
    Flattened,
    /// 429.
    Throttle,
    /// 503 with the HTML page of a proxy.
    Html503,
    /// 500, and nothing was done.
    Broken,
    /// 302 to a page where people log in.
    LoginPage,
    /// 200 with something that is not JSON.
    NotJson200,
    /// The connection stays open and silent until the controller stops.
    Hang,
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    method: Option<String>,
    prefix: String,
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

    fn concerns(&self, method: &str, path: &str) -> bool {
        let asked = self.method.as_deref().is_none_or(|asked| asked == method);
        asked && path.starts_with(&self.prefix)
    }
}

/// Takes the first planned fault that concerns this call.
pub(super) fn take(planned: &mut [Planned], method: &str, path: &str) -> Option<Fault> {
    let index = planned
        .iter()
        .position(|each| each.times != Times::N(0) && each.concerns(method, path))?;
    let each = &mut planned[index];
    if let Times::N(left) = &mut each.times {
        *left -= 1;
    }
    Some(each.fault.clone())
}

pub(super) fn bad_gateway() -> Response {
    (StatusCode::BAD_GATEWAY, Html("<h1>502 Bad Gateway</h1>")).into_response()
}

/// The answers of what stands in front of the controller.
pub(super) fn answer(fault: &Fault) -> Response {
    match fault {
        Fault::Throttle => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response(),
        Fault::Html503 => {
            let page = Html("<h1>503 Service Unavailable</h1>");
            (StatusCode::SERVICE_UNAVAILABLE, page).into_response()
        }
        Fault::Broken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Fault::LoginPage => (StatusCode::FOUND, [("location", "/login/")]).into_response(),
        Fault::NotJson200 => (StatusCode::OK, "The controller is being upgraded.").into_response(),
        Fault::LoseAnswer
        | Fault::DoneAfter(_)
        | Fault::BadGatewayBefore
        | Fault::BadGatewayAfter
        | Fault::Flattened
        | Fault::Hang => bad_gateway(),
    }
}

//! The address that an event carries: a page that says what would be taken back,
//! and what came of asking for it. Anybody may have the address; both take a key,
//! which a browser asks for.

use flags::key::Presented;
use jiff::Timestamp;
use lambda::http::{Reply, Request, Status, answer as response};
use serde_json::{Value, json};
use workflows::change_flags::restore::{Asked, Shown, content_security_policy, shown};
use workflows::change_flags::{Answer, Ended};

use crate::answer::{status, told};
use crate::setup::Edge;

/// One request for the page of a change.
#[derive(Clone, Copy)]
pub(crate) struct Visitor<'a> {
    pub(crate) request: &'a Request,
    pub(crate) id: &'a str,
    pub(crate) flag: &'a str,
    pub(crate) key: Option<&'a Presented>,
    pub(crate) now: Timestamp,
}

/// The change that an address names.
pub(crate) fn change(request: &Request) -> Option<&str> {
    let mut parameters = request.parameters.iter();
    let change = parameters.find(|(name, _)| name == "change");
    change.map(|(_, value)| value.as_str())
}

/// Whether another site has a browser ask: it would send along the key that its
/// owner typed in here. Programs do not say where they come from.
pub(crate) fn is_forged(request: &Request) -> bool {
    let mut sites = request.header("sec-fetch-site");
    sites.any(|site| !["same-origin", "none"].contains(&site))
}

/// Whether a person asks, in a browser.
pub(crate) fn is_for_a_person(request: &Request) -> bool {
    let mut accepted = request.header("accept");
    accepted.any(|accept| accept.contains("text/html"))
}

/// Shows what would be taken back.
pub(crate) async fn page(edge: &Edge, visitor: Visitor<'_>) -> Value {
    show(edge, visitor, None).await
}

/// Shows what came of asking for it.
pub(crate) async fn outcome(edge: &Edge, visitor: Visitor<'_>, answer: &Answer) -> Value {
    // Tells the log, and whoever has no page.
    let told = told(answer, visitor.id);
    if answer.ended == Ended::Unknown {
        return unknown();
    }
    let outcome = match answer.body["error"].as_str() {
        Some(error) => format!("It was not taken back: {error}"),
        None => "It was taken back".to_owned(),
    };
    let page = show(edge, visitor, Some((answer, &outcome))).await;
    if page["statusCode"] == Status::Nowhere.code() {
        return told;
    }
    page
}

async fn show(edge: &Edge, visitor: Visitor<'_>, came: Option<(&Answer, &str)>) -> Value {
    let change = change(visitor.request);
    let asked = Asked {
        key: visitor.key,
        flag: visitor.flag,
        change,
        outcome: came.map(|(_, outcome)| outcome),
    };
    match shown(&edge.services, asked, visitor.now).await {
        Ok(Shown::Page(body)) => {
            let status = came.map_or(Status::Done, |(answer, _)| status(answer.ended));
            let reply = Reply {
                status,
                headers: headers(),
                body,
            };
            reply.to(visitor.request).unwrap_or_else(|error| {
                tracing::error!(request.id = visitor.id, "Cannot show a change: {error}");
                broken()
            })
        }
        Ok(Shown::Unknown) => unknown(),
        Ok(Shown::Nothing) => {
            let why = "there is no such change that this key may see";
            response(Status::Nowhere, &json!({"ok": false, "error": why}))
        }
        Err(error) => {
            tracing::error!(request.id = visitor.id, "Cannot show a change: {error:#}");
            broken()
        }
    }
}

/// A browser asks its owner for the key; the name beside it may be anything.
pub(crate) fn unknown() -> Value {
    let why = "send a key, in a browser as the password";
    let mut answer = response(Status::Unknown, &json!({"ok": false, "error": why}));
    answer["headers"]["www-authenticate"] = r#"Basic realm="flags", charset="UTF-8""#.into();
    answer
}

fn broken() -> Value {
    let why = "the flags could not be read; ask again";
    response(Status::Unavailable, &json!({"ok": false, "error": why}))
}

fn headers() -> Vec<(&'static str, String)> {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", content_security_policy()),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ];
    headers
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
}

//! The one door for HTTP: what may come in is declared as data, and checked in one
//! order with one set of answers.
//!
//! | Checked | Refused with |
//! |---|---|
//! | path | 404 |
//! | method | 405, and which ones there are |
//! | whether a secret or a key is sent | 401, the same for what exists and what does not |
//! | size of the body | 413 |
//! | type of its content | 415 |
//! | its encoding | 400 |
//! | the secret | 401, or 503 without details where it cannot be checked |
//!
//! So a body is read for nobody who sends nothing that could let them in, and no
//! secret is fetched for a body that is not taken. A way that a link opens takes no
//! body. Whether a key or a link opens anything is checked behind the door.

mod key;
mod path;
mod secret;

use serde_json::{Value, json};

use crate::http::{BodyError, Request, Status, answer};
use crate::secrets::Secrets;
pub use key::key;
pub use secret::{WEBHOOK_TOKEN, check, check_at_start, current};

/// A way in.
#[derive(Clone, Copy, Debug)]
pub struct Route<T> {
    /// What the handler calls it.
    pub leads_to: T,
    /// The path: parts of it with at most one `{}`, which stands for a name.
    /// `*` stands for any folders, alone for any path.
    pub path: &'static str,
    /// The methods, in capitals.
    pub methods: &'static [&'static str],
    /// What opens it.
    pub opens: Opens,
    /// What it takes.
    pub takes: Takes,
}

/// What opens a way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// The secret in `WEBHOOK_TOKEN`, in a header.
    Secret,
    /// A signed link. What it has to open is told by the page alone, which
    /// therefore checks it before it looks anything up.
    Link,
    /// A key in a header. What it admits is told by what is asked for alone, and
    /// both are read in one round trip, so whoever answers checks it.
    Key,
    /// Nothing: anybody may ask.
    Anybody,
}

/// What a way in takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// No body; one that is sent is not read.
    Nothing,
    /// JSON.
    Json {
        /// The longest body, in bytes.
        longest: usize,
    },
}

/// A request that was let in.
#[derive(Debug)]
pub struct Visit<'a, T> {
    /// Where it was led to.
    pub leads_to: T,
    /// The name in its path, where the route has one.
    pub name: &'a str,
    /// The body, decoded.
    pub body: String,
}

/// Why a request was not let in, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No route leads there.
    #[error("there is nothing at this address")]
    Nowhere,
    /// Others do.
    #[error("use {}", .0.join(" or "))]
    Method(Vec<&'static str>),
    /// The secret is missing or wrong.
    #[error("send the secret in the header `x-unbreakable-token`, or as a bearer token")]
    Secret,
    /// There is no key.
    #[error("send a key: as a bearer token, as a password or in the header `x-api-key`")]
    Key,
    /// The body is something else.
    #[error("send JSON in UTF-8, and `content-type: application/json`")]
    Content,
    /// The body cannot be used.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// What checks keys is broken.
    #[error("something this function depends on is broken; send it again later")]
    Broken,
}

/// Lets a request in, or says why not. Without `secrets`, nothing that needs one
/// is opened.
pub async fn enter<'r, T: Copy>(
    routes: &[Route<T>],
    secrets: Option<&Secrets>,
    request: &'r Request,
) -> Result<Visit<'r, T>, Refused> {
    let (route, name) = find(routes, request)?;
    match route.opens {
        Opens::Secret if !secret::is_sent(request) => return Err(without_secret(route.path)),
        Opens::Key if key(request).is_none() => return Err(Refused::Key),
        _ => {}
    }
    let body = match route.takes {
        Takes::Nothing => String::new(),
        Takes::Json { longest } => json_body(request, longest)?,
    };
    if route.opens == Opens::Secret {
        with_secret(route.path, secrets, request).await?;
    }
    Ok(Visit {
        leads_to: route.leads_to,
        name,
        body,
    })
}

fn find<'t, 'r, T>(
    routes: &'t [Route<T>],
    request: &'r Request,
) -> Result<(&'t Route<T>, &'r str), Refused> {
    let mut others = Vec::new();
    for route in routes {
        let Some(name) = path::matched(route.path, &request.path) else {
            continue;
        };
        if route.methods.contains(&request.method.as_str()) {
            return Ok((route, name));
        }
        others.extend(route.methods);
    }
    if others.is_empty() {
        return Err(Refused::Nowhere);
    }
    others.sort_unstable();
    others.dedup();
    Err(Refused::Method(others))
}

async fn with_secret(
    route: &str,
    secrets: Option<&Secrets>,
    request: &Request,
) -> Result<(), Refused> {
    let Some(secrets) = secrets else {
        return Err(Refused::Secret);
    };
    match secret::is_shown(secrets, request).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(without_secret(route)),
        Err(error) => {
            tracing::error!(route, "Cannot check who sends a request: {error:#}");
            Err(Refused::Broken)
        }
    }
}

fn without_secret(route: &str) -> Refused {
    tracing::warn!(route, "Refused a request without a valid secret");
    Refused::Secret
}

fn json_body(request: &Request, longest: usize) -> Result<String, Refused> {
    request.check_length(longest)?;
    if !request.header("content-type").all(may_be_json) {
        return Err(Refused::Content);
    }
    Ok(request.body(longest)?)
}

/// Whether JSON may be sent as this: also as what tools say without being told.
fn may_be_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = media.ends_with("/json") || media.ends_with("+json");
    let is_usual = ["", "text/plain", "application/x-www-form-urlencoded"].contains(&&*media);
    let is_text = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim_matches('"');
        let known = ["utf-8", "utf8", "us-ascii"];
        !name.eq_ignore_ascii_case("charset")
            || known.iter().any(|known| value.eq_ignore_ascii_case(known))
    };
    (is_json || is_usual) && parts.all(is_text)
}

impl Refused {
    fn status(&self) -> Status {
        match self {
            Self::Body(BodyError::NotEncoded | BodyError::NoText) => Status::Bad,
            Self::Secret | Self::Key => Status::Unknown,
            Self::Nowhere => Status::Nowhere,
            Self::Method(_) => Status::Method,
            Self::Body(BodyError::TooLong { .. }) => Status::TooLong,
            Self::Content => Status::Content,
            Self::Broken => Status::Unavailable,
        }
    }

    /// The answer to the sender.
    pub fn answer(&self) -> Value {
        let status = self.status();
        let mut answer = answer(status, &json!({"error": self.to_string()}));
        if let Self::Method(methods) = self {
            answer["headers"]["allow"] = methods.join(", ").into();
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: [Route<&str>; 3] = [
        route("*/v/{}.json", &["GET", "HEAD"], Takes::Nothing),
        route("*/v/{}", &["GET", "HEAD"], Takes::Nothing),
        route("*/v/{}", &["POST"], Takes::Json { longest: 10 }),
    ];

    const fn route(
        path: &'static str,
        methods: &'static [&'static str],
        takes: Takes,
    ) -> Route<&'static str> {
        Route {
            leads_to: path,
            path,
            methods,
            opens: Opens::Link,
            takes,
        }
    }

    fn request(method: &str, path: &str, headers: &Value, body: &str) -> Request {
        let event = json!({
            "rawPath": path, "headers": headers, "body": body,
            "requestContext": {"http": {"method": method, "path": path}},
        });
        Request::of(&event).unwrap()
    }

    async fn status(routes: &[Route<&str>], request: &Request) -> Value {
        match enter(routes, None, request).await {
            Ok(_) => 200.into(),
            Err(refused) => refused.answer()["statusCode"].clone(),
        }
    }

    #[tokio::test]
    async fn first_route_of_path_and_method_is_entered() {
        for (method, path, leads_to, name) in [
            ("GET", "/v/1", "*/v/{}", "1"),
            ("HEAD", "/a/v/1.json", "*/v/{}.json", "1"),
            ("POST", "/v/1.json", "*/v/{}", "1.json"),
        ] {
            let request = request(method, path, &json!({}), "{}");

            let visit = enter(&ROUTES, None, &request).await.unwrap();

            assert_eq!((visit.leads_to, visit.name), (leads_to, name), "{path}");
            let body = if method == "POST" { "{}" } else { "" };
            assert_eq!(visit.body, body, "{path}");
        }
    }

    #[tokio::test]
    async fn method_that_nothing_takes_is_told_which_ones_do() {
        let put = request("PUT", "/v/1", &json!({}), "");

        let refused = enter(&ROUTES, None, &put).await.unwrap_err().answer();

        assert_eq!(refused["statusCode"], 405);
        assert_eq!(refused["headers"]["allow"], "GET, HEAD, POST");
        let body = refused["body"].as_str().unwrap();
        assert_eq!(body, r#"{"error":"use GET or HEAD or POST"}"#);
    }

    #[tokio::test]
    async fn what_is_wrong_first_in_the_order_is_told() {
        let image = json!({"content-type": "image/png"});
        let long = "x".repeat(11);
        for (opens, header) in [
            (Opens::Secret, "x-unbreakable-token"),
            (Opens::Key, "x-api-key"),
        ] {
            let locked = [Route { opens, ..ROUTES[2] }];
            let sent = json!({"content-type": "image/png", header: "a-secret-that-is-wrong"});
            let alone = json!({header: "a-secret-that-is-wrong"});
            let behind = if opens == Opens::Secret { 401 } else { 200 };
            for (method, path, headers, body, refused) in [
                ("POST", "/w/1", &image, &*long, 404),
                ("GET", "/v/1", &image, &long, 405),
                ("POST", "/v/1", &image, &long, 401),
                ("POST", "/v/1", &json!({}), "{}", 401),
                ("POST", "/v/1", &sent, &long, 413),
                ("POST", "/v/1", &sent, "{}", 415),
                ("POST", "/v/1", &alone, "{}", behind),
            ] {
                let request = request(method, path, headers, body);
                let found = status(&locked, &request).await;
                assert_eq!(found, refused, "{opens:?} {method} {path} {headers} {body}");
            }
        }
    }

    #[test]
    fn json_is_taken_as_whatever_tools_call_it() {
        for content_type in [
            "",
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/vnd.api+json",
            "text/plain; charset=us-ascii",
            "application/x-www-form-urlencoded",
        ] {
            assert!(may_be_json(content_type), "{content_type}");
        }
        for content_type in [
            "text/xml",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
        ] {
            assert!(!may_be_json(content_type), "{content_type}");
        }
    }
}

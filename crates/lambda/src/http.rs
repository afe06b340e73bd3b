//! A request through any of Lambda's front doors: a REST API, an HTTP API or a
//! function URL.
//!
//! The struct is our own and permissive: one function is invoked through a door
//! and by a schedule, and an event is recognised by what it has, not by what it
//! lacks.

mod reply;
mod status;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::form_urlencoded;

pub use reply::Reply;
pub use status::Status;

/// A request, as far as a function needs it.
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path as the sender has it, with the stage.
    pub address: String,
    /// The path without the stage.
    pub path: String,
    /// The parameters, decoded, in the order in which they were sent.
    pub parameters: Vec<(String, String)>,
    /// Whether the front door decodes bodies that are sent as base64.
    decodes: bool,
    headers: BTreeMap<String, Vec<String>>,
    body: String,
    encoded: bool,
}

/// Why the body of a request cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the function reads.
    #[error("the body is longer than {limit} bytes")]
    TooLong {
        /// What is read.
        limit: usize,
    },
    /// The front door says that it is encoded, and it is not.
    #[error("the body is not what its encoding says")]
    NotEncoded,
    /// It is no text.
    #[error("the body is not UTF-8 text")]
    NoText,
}

impl Request {
    /// The request that an event carries; `None` if it came in some other way.
    pub fn of(event: &Value) -> Option<Self> {
        let context = event.get("requestContext").unwrap_or(&Value::Null);
        let method = context
            .pointer("/http/method")
            .or_else(|| context.get("httpMethod"))
            .or_else(|| event.get("httpMethod"))?
            .as_str()?;
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let several = each(event.get("multiValueHeaders"));
        for (name, value) in each(event.get("headers")).chain(several) {
            let known = headers.entry(name.to_ascii_lowercase()).or_default();
            let values = value
                .as_array()
                .map_or(std::slice::from_ref(value), Vec::as_slice);
            for value in values.iter().filter_map(Value::as_str) {
                if known.iter().all(|known| known != value) {
                    known.push(value.to_owned());
                }
            }
        }
        let (address, path) = paths(event);
        Some(Self {
            method: method.to_ascii_uppercase(),
            address,
            path,
            parameters: parameters(event),
            // A REST API, which sends no version, does so only for the media
            // types it is told.
            decodes: event.get("version").is_some(),
            headers,
            body: text(event.get("body")),
            encoded: event.get("isBase64Encoded") == Some(&Value::Bool(true)),
        })
    }

    /// The values of a header, whose name is written in small letters.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.headers.get(name).into_iter().flatten();
        values.map(String::as_str)
    }

    /// Refuses a body that need not be decoded to be known to be too long.
    pub(crate) fn check_length(&self, limit: usize) -> Result<(), BodyError> {
        // Four characters stand for three bytes.
        let most = if self.encoded {
            limit.div_ceil(3) * 4
        } else {
            limit
        };
        if most < self.body.len() {
            return Err(BodyError::TooLong { limit });
        }
        Ok(())
    }

    /// The body, unless it is longer than `limit`.
    pub(crate) fn body(&self, limit: usize) -> Result<String, BodyError> {
        self.check_length(limit)?;
        if !self.encoded {
            return Ok(self.body.clone());
        }
        let body = STANDARD
            .decode(&self.body)
            .map_err(|_| BodyError::NotEncoded)?;
        if limit < body.len() {
            return Err(BodyError::TooLong { limit });
        }
        String::from_utf8(body).map_err(|_| BodyError::NoText)
    }
}

/// Refuses the body of a request that comes without the request: an API without
/// a proxy integration hands it over alone or under a name, and nothing that
/// says who sent it. It is recognised by any of these fields.
pub fn refuse_bare_body(event: &Value, fields: &[&str]) -> anyhow::Result<()> {
    let bare = fields.iter().find(|field| event.get(**field).is_some());
    match bare {
        None => Ok(()),
        Some(field) => Err(anyhow!(
            "an API that passes `{field}` without the request cannot pass a secret: give the \
             method a proxy integration, and send the header x-unbreakable-token"
        )),
    }
}

/// Shows neither headers nor body: secrets travel in both.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// The path with and without the stage.
///
/// A REST API keeps the stage out of `path`, and tells the root of a custom
/// domain's folder by its resource alone. The others leave the stage in.
fn paths(event: &Value) -> (String, String) {
    let context = event.get("requestContext");
    let told = |path: &str| context.and_then(|context| context.pointer(path));
    let raw = event.get("rawPath").or_else(|| event.get("path"));
    let raw = text(raw);
    let address = told("/http/path").or_else(|| told("/path"));
    let address = address.map_or_else(|| raw.clone(), |path| text(Some(path)));
    if text(event.get("resource")) == "/" {
        return (address, "/".to_owned());
    }
    let stage = format!("/{}", text(told("/stage")));
    let below = raw.strip_prefix(stage.as_str()).filter(|below| {
        event.get("rawPath").is_some() && (below.is_empty() || below.starts_with('/'))
    });
    let path = below.unwrap_or(&raw).to_owned();
    (address, path)
}

/// The parameters of any front door: as they were sent, else decoded already.
fn parameters(event: &Value) -> Vec<(String, String)> {
    if let Some(raw) = event.get("rawQueryString").and_then(Value::as_str) {
        return form_urlencoded::parse(raw.as_bytes())
            .into_owned()
            .collect();
    }
    let several = event.get("multiValueQueryStringParameters");
    let several = several.filter(|several| several.is_object());
    let mut parameters = Vec::new();
    for (name, value) in each(several.or_else(|| event.get("queryStringParameters"))) {
        let values = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        let values = values.iter().filter_map(Value::as_str);
        parameters.extend(values.map(|value| (name.clone(), value.to_owned())));
    }
    parameters
}

/// The answer to a request, in the shape that every front door takes.
pub fn answer(status: Status, body: &Value) -> Value {
    json!({
        "statusCode": status.code(),
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}

fn each(map: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    map.and_then(Value::as_object).into_iter().flatten()
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest() -> Value {
        json!({
            "resource": "/x", "path": "/x", "httpMethod": "POST",
            "headers": {"X-Unbreakable-Token": "a"},
            "multiValueHeaders": {"X-Unbreakable-Token": ["a", "b"]},
            "queryStringParameters": null, "pathParameters": null,
            "requestContext": {"stage": "v1", "httpMethod": "POST"},
            "body": "{}", "isBase64Encoded": false,
        })
    }

    fn payload_2() -> Value {
        json!({
            "version": "2.0", "routeKey": "POST /x", "rawPath": "/x",
            "headers": {"x-unbreakable-token": "a"},
            "requestContext": {"http": {"method": "post", "path": "/x"}},
            "body": "e30=", "isBase64Encoded": true,
        })
    }

    #[test]
    fn every_front_door_is_understood() {
        for (event, tokens) in [(rest(), vec!["a", "b"]), (payload_2(), vec!["a"])] {
            let request = Request::of(&event).unwrap();

            assert_eq!(request.method, "POST");
            let found: Vec<&str> = request.header("x-unbreakable-token").collect();
            assert_eq!(found, tokens);
            assert_eq!(request.body(10).unwrap(), "{}");
        }
    }

    #[test]
    fn path_is_told_with_and_without_the_stage() {
        let rest = |path: &str, address: &str, resource: &str| {
            json!({
                "path": path, "resource": resource, "httpMethod": "GET",
                "requestContext": {"path": address, "stage": "v1", "httpMethod": "GET"},
            })
        };
        let payload_2 = |path: &str, stage: &str| {
            json!({
                "version": "2.0", "rawPath": path,
                "requestContext": {"stage": stage, "http": {"method": "GET", "path": path}},
            })
        };
        for (event, address, path) in [
            (rest("/v/1", "/v1/v/1", "/{proxy+}"), "/v1/v/1", "/v/1"),
            (rest("/v1/x", "/v1/v1/x", "/{proxy+}"), "/v1/v1/x", "/v1/x"),
            (rest("/reports", "/reports", "/"), "/reports", "/"),
            (payload_2("/v/1", "$default"), "/v/1", "/v/1"),
            (payload_2("/Prod/v/1", "Prod"), "/Prod/v/1", "/v/1"),
            (payload_2("/Prod", "Prod"), "/Prod", ""),
            (
                payload_2("/Production", "Prod"),
                "/Production",
                "/Production",
            ),
            (payload_2("/", "$default"), "/", "/"),
        ] {
            let request = Request::of(&event).unwrap();
            assert_eq!(
                (&*request.address, &*request.path),
                (address, path),
                "{event}"
            );
        }
    }

    #[test]
    fn parameters_are_decoded_once() {
        let expected = [("a", "1 %2B"), ("a", "2"), ("ü", "&")];
        let mut raw = payload_2();
        raw["rawQueryString"] = "a=1+%252B&a=2&%C3%BC=%26".into();
        let mut several = rest();
        several["multiValueQueryStringParameters"] = json!({"a": ["1 %2B", "2"], "ü": ["&"]});
        several["queryStringParameters"] = json!({"a": "2", "ü": "&"});
        for event in [raw, several] {
            let found = Request::of(&event).unwrap().parameters;
            let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (&**a, &**b)).collect();
            assert_eq!(found, expected);
        }
        assert!(Request::of(&rest()).unwrap().parameters.is_empty());
    }

    #[test]
    fn schedule_is_no_request() {
        for event in [
            json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}),
            json!({"requestContext": {}}),
            json!({"requestContext": {"functionArn": "arn"}, "responsePayload": {}}),
            json!(null),
            json!([1]),
        ] {
            assert!(Request::of(&event).is_none(), "{event}");
        }
    }

    #[test]
    fn body_without_its_request_is_refused_and_not_repeated() {
        let event = json!({"PID": "the secret", "State": "OPEN"});

        let refused = refuse_bare_body(&event, &["eventBody", "PID"]).unwrap_err();

        let refused = format!("{refused:#}");
        assert!(refused.contains("proxy integration"), "{refused}");
        assert!(!refused.contains("the secret"), "{refused}");
        for event in [json!({"source": "aws.events"}), json!(null), json!([1])] {
            assert!(refuse_bare_body(&event, &["PID"]).is_ok(), "{event}");
        }
    }

    #[test]
    fn headers_and_body_may_be_missing() {
        let mut event = rest();
        event["headers"] = Value::Null;
        event["multiValueHeaders"] = Value::Null;
        event["body"] = Value::Null;

        let request = Request::of(&event).unwrap();

        assert_eq!(request.header("x-unbreakable-token").count(), 0);
        assert!(request.body(10).unwrap().is_empty());
    }

    #[test]
    fn long_bodies_are_refused_encoded_or_not() {
        let mut event = rest();
        event["body"] = "x".repeat(11).into();
        let limit = BodyError::TooLong { limit: 10 };
        assert_eq!(Request::of(&event).unwrap().body(10), Err(limit));

        event["isBase64Encoded"] = true.into();
        for length in [11, 12, 11_000] {
            event["body"] = STANDARD.encode("x".repeat(length)).into();
            assert_eq!(
                Request::of(&event).unwrap().body(10),
                Err(limit),
                "{length}"
            );
        }
        event["body"] = STANDARD.encode("x".repeat(10)).into();
        assert_eq!(Request::of(&event).unwrap().body(10).unwrap().len(), 10);
        event["body"] = "no base64!".into();
        let request = Request::of(&event).unwrap();
        assert_eq!(request.body(10), Err(BodyError::NotEncoded));
        event["body"] = STANDARD.encode(b"\xff").into();
        let request = Request::of(&event).unwrap();
        assert_eq!(request.body(10), Err(BodyError::NoText));
    }
}

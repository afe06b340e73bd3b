//! Who asks: the evaluation context of a request.

use serde_json::{Map, Value as Json};

/// The largest request that is read, in bytes.
pub const LARGEST_REQUEST: usize = 64 * 1024;

/// What is known of the caller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context(Map<String, Json>);

/// Why a request says nothing of who asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadContext {
    /// It is too large: 413.
    #[error("a request takes {LARGEST_REQUEST} bytes at most, this takes {0}")]
    TooLarge(usize),
    /// It is no JSON object, or nests too deeply: 400.
    #[error("the request is no JSON object")]
    NotJson,
    /// The context is something else than an object: 400.
    #[error("`context` is not an object")]
    NoObject,
}

impl Context {
    /// What the body of a request says. No body, no context and an empty one are
    /// the same.
    pub fn parse(body: &[u8]) -> Result<Self, BadContext> {
        if LARGEST_REQUEST < body.len() {
            return Err(BadContext::TooLarge(body.len()));
        }
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let Ok(Json::Object(mut request)) = serde_json::from_slice(body) else {
            return Err(BadContext::NotJson);
        };
        match request.remove("context") {
            None | Some(Json::Null) => Ok(Self::default()),
            Some(Json::Object(context)) => Ok(Self(context)),
            Some(_) => Err(BadContext::NoObject),
        }
    }

    /// Who asks, if they say so.
    pub fn targeting_key(&self) -> Option<&str> {
        let key = self.0.get("targetingKey").and_then(Json::as_str);
        key.filter(|key| !key.is_empty())
    }

    pub(crate) fn fields(&self) -> &Map<String, Json> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_say_who_asks_or_why_not() {
        for (body, expected) in [
            ("", Ok(None)),
            (" \n", Ok(None)),
            ("{}", Ok(None)),
            (r#"{"context":null}"#, Ok(None)),
            (r#"{"context":{}}"#, Ok(None)),
            (r#"{"context":{"targetingKey":""}}"#, Ok(None)),
            (r#"{"context":{"targetingKey":7}}"#, Ok(None)),
            (
                r#"{"context":{"targetingKey":"user-1","country":"CA"}}"#,
                Ok(Some("user-1")),
            ),
            ("{", Err(BadContext::NotJson)),
            ("[]", Err(BadContext::NotJson)),
            (r#"{"context":[]}"#, Err(BadContext::NoObject)),
        ] {
            let context = Context::parse(body.as_bytes());
            let key = context.as_ref().map(Context::targeting_key);
            assert_eq!(key, expected.as_ref().copied(), "{body}");
        }
        let large = vec![b' '; LARGEST_REQUEST + 1];
        assert_eq!(Context::parse(&large), Err(BadContext::TooLarge(65_537)));
        let nested = format!(
            "{{\"context\":{}1{}}}",
            "[".repeat(30_000),
            "]".repeat(30_000)
        );
        assert_eq!(Context::parse(nested.as_bytes()), Err(BadContext::NotJson));
    }
}

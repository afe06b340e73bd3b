//! A key in a header, as clients of flags present it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use crate::http::Request;

/// The first key that a request carries: a bearer token, the password of basic
/// authentication, or `x-api-key`. Dynatrace's workflows keep credentials as
/// tokens or as basic authentication.
pub fn key(request: &Request) -> Option<SecretString> {
    let authorization = request.header("authorization").filter_map(|value| {
        let (scheme, value) = value.trim().split_once(' ')?;
        let value = value.trim();
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "api-token" => Some(value.to_owned()),
            "basic" => {
                let pair = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
                Some(pair.split_once(':')?.1.to_owned())
            }
            _ => None,
        }
    });
    let api_key = request.header("x-api-key").map(str::to_owned);
    authorization.chain(api_key).map(SecretString::from).next()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(headers: &Value, expected: Option<&str>) {
        let event = json!({"requestContext": {"httpMethod": "POST"}, "headers": headers});
        let found = key(&Request::of(&event).unwrap());
        let found = found.as_ref().map(ExposeSecret::expose_secret);
        assert_eq!(found, expected, "{headers}");
    }

    #[test]
    fn key_is_taken_from_every_header_that_clients_can_send() {
        check(&json!({"Authorization": "Bearer ubk_a_b"}), Some("ubk_a_b"));
        check(
            &json!({"authorization": "bearer  ubk_a_b "}),
            Some("ubk_a_b"),
        );
        let basic = STANDARD.encode("anybody:ubk_a_b");
        let basic = format!("Basic {basic}");
        check(&json!({"authorization": basic}), Some("ubk_a_b"));
        check(&json!({"X-API-Key": "ubk_a_b"}), Some("ubk_a_b"));
        let both = json!({"authorization": "Digest x", "x-api-key": "ubk_a_b"});
        check(&both, Some("ubk_a_b"));
    }

    #[test]
    fn everything_else_is_no_key() {
        check(&json!({}), None);
        check(&json!({"authorization": "ubk_a_b"}), None);
        check(&json!({"authorization": "Basic ubk_a_b"}), None);
        let no_pair = format!("Basic {}", STANDARD.encode("ubk_a_b"));
        check(&json!({"authorization": no_pair}), None);
    }
}

//! The secret of the webhook: the one in `WEBHOOK_TOKEN`, or the one before it
//! while it is rotated. Without a secret nobody is let in.

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::http::Request;
use crate::secrets::{Origin, Secrets};
use crate::settings::{SettingError, unusable};

/// The setting that holds the secret.
pub const WEBHOOK_TOKEN: &str = "WEBHOOK_TOKEN";

/// Shorter secrets can be guessed.
const SHORTEST: usize = 16;

/// Whether the request carries anything that could be the secret.
pub(super) fn is_sent(request: &Request) -> bool {
    offered(request).any(|offered| !offered.is_empty())
}

/// Whether the request carries a valid secret. One that was rotated a moment ago
/// may be newer than ours, which is then read again.
pub(super) async fn is_shown(secrets: &Secrets, request: &Request) -> anyhow::Result<bool> {
    let offered: Vec<&str> = offered(request).collect();
    if !secrets.has(WEBHOOK_TOKEN) {
        return Ok(false);
    }
    let known = secrets.read().await;
    if is_valid(known.get(WEBHOOK_TOKEN)?, &offered) {
        return Ok(true);
    }
    if known.origin == Origin::Fetched || secrets.direct(WEBHOOK_TOKEN).is_some() {
        return Ok(false);
    }
    match secrets.read_again().await {
        Some(known) => Ok(is_valid(known.get(WEBHOOK_TOKEN)?, &offered)),
        None => Ok(false),
    }
}

/// Fails at start for a secret that is set directly and can be guessed.
pub fn check_at_start(secrets: &Secrets) -> Result<(), SettingError> {
    secrets.direct(WEBHOOK_TOKEN).map_or(Ok(()), check)
}

/// Whether nobody can guess this secret.
pub fn check(secret: &SecretString) -> Result<(), SettingError> {
    if values(secret).count() == 0 || values(secret).any(|value| value.len() < SHORTEST) {
        return Err(unusable(
            WEBHOOK_TOKEN,
            format!("a secret of less than {SHORTEST} characters can be guessed"),
        ));
    }
    Ok(())
}

/// The value that is shown to others; it comes first.
pub fn current(secret: &SecretString) -> Option<&str> {
    values(secret).next()
}

/// The values that are valid: the current one and, while it is rotated, the
/// previous one.
fn values(secret: &SecretString) -> impl Iterator<Item = &str> {
    let separated = secret.expose_secret().split([',', '\n']);
    separated.map(str::trim).filter(|value| !value.is_empty())
}

fn offered(request: &Request) -> impl Iterator<Item = &str> {
    let bearer = request.header("authorization").filter_map(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    request
        .header("x-unbreakable-token")
        .chain(bearer)
        .map(str::trim)
        .take(4)
}

fn is_valid(secret: Option<&SecretString>, offered: &[&str]) -> bool {
    let Some(secret) = secret else { return false };
    let mut valid = false;
    for value in values(secret).filter(|value| SHORTEST <= value.len()) {
        for offered in offered {
            valid |= is_equal(value, offered);
        }
    }
    valid
}

/// Takes the same time wherever two values differ: what is compared are their
/// hashes, to the last byte.
fn is_equal(one: &str, other: &str) -> bool {
    let (one, other) = (Sha256::digest(one), Sha256::digest(other));
    let difference = one.iter().zip(other.iter());
    difference.fold(0, |sum, (one, other)| sum | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CURRENT: &str = "current-secret-of-the-hook";
    const PREVIOUS: &str = "previous-secret-of-the-hook";

    fn valid(headers: &Value) -> bool {
        let event = json!({"requestContext": {"httpMethod": "POST"}, "headers": headers});
        let request = Request::of(&event).unwrap();
        let secret = SecretString::from(format!("{CURRENT},\n {PREVIOUS} ,short"));
        let offered: Vec<&str> = offered(&request).collect();
        is_valid(Some(&secret), &offered)
    }

    #[test]
    fn current_and_previous_secret_are_accepted_in_both_headers() {
        for secret in [CURRENT, PREVIOUS] {
            assert!(valid(&json!({"X-Unbreakable-Token": secret})));
            assert!(valid(&json!({"Authorization": format!("bearer {secret}")})));
        }
    }

    #[test]
    fn everything_else_is_not() {
        for headers in [
            json!({}),
            json!({"x-unbreakable-token": ""}),
            json!({"x-unbreakable-token": "short"}),
            json!({"x-unbreakable-token": format!("{CURRENT},")}),
            json!({"x-unbreakable-token": format!("{CURRENT},{PREVIOUS}")}),
            json!({"authorization": CURRENT}),
            json!({"authorization": format!("Basic {CURRENT}")}),
            json!({"x-token": CURRENT}),
        ] {
            assert!(!valid(&headers), "{headers}");
        }
        assert!(!is_valid(None, &[CURRENT]));
        assert!(!is_valid(Some(&SecretString::from("")), &[""]));
    }
}

//! Keys: who may read and change what.
//!
//! A key is `ubk_<id>_<secret>`. What is kept of a secret is its hash; while it
//! is rotated, two are valid.

mod scope;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::declaration::Declaration;
use crate::hash::sha256;
use crate::state::{Author, AuthorKind};
use crate::value::Value;

pub use scope::{Action, BadScope, Limit, Pattern, Scope};

const PREFIX: &str = "ubk_";

/// How many secrets of a key are valid at once.
const VALID_SECRETS: usize = 2;

/// The longest key that is looked at.
const LONGEST: usize = 200;

/// The hash of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(String);

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Which key it is.
    pub id: String,
    /// Who holds it, as the history says.
    pub name: String,
    /// What stands behind the name.
    pub holder: KeyHolder,
    /// The valid secrets, the newest first.
    pub secrets: Vec<SecretHash>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// Who holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyHolder {
    /// A person.
    Person,
    /// A program.
    Machine,
    /// Everybody: it is shipped to browsers, and reads public flags alone.
    Browser,
}

/// What a caller presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The key that it says to be.
    pub id: String,
    hash: SecretHash,
}

/// A new secret of a key: shown once, and kept as its hash.
#[derive(Debug)]
pub struct Issued {
    /// What the holder is given.
    pub text: SecretString,
    /// What is kept.
    pub hash: SecretHash,
}

/// Why a caller gets nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is nobody that is known: 401.
    #[error("the key is missing, unknown or over")]
    Unknown,
    /// It may not do this: 403.
    #[error("the key may not {action} `{flag}` in `{set}` like this")]
    Forbidden {
        /// What.
        action: Action,
        /// Where.
        set: String,
        /// Of which flag.
        flag: String,
    },
}

/// A secret for the key of this id, of these random bytes.
pub fn issue(id: &str, random: [u8; 32]) -> Issued {
    let secret = URL_SAFE_NO_PAD.encode(random);
    let hash = SecretHash(sha256(&secret));
    Issued {
        text: SecretString::from(format!("{PREFIX}{id}_{secret}")),
        hash,
    }
}

/// The id of a new key, of these random bytes.
pub fn key_id(random: [u8; 8]) -> String {
    random
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

/// Letters that nobody takes for another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl Presented {
    /// What the text says; nothing if it is no key.
    pub fn parse(text: &SecretString) -> Option<Self> {
        let text = text.expose_secret().trim();
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_readable = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if LONGEST < text.len() || !is_readable || secret.is_empty() {
            return None;
        }
        Some(Self {
            id: id.to_owned(),
            hash: SecretHash(sha256(secret)),
        })
    }
}

/// The key that was presented, if it is `key`, which was looked up by its id. One
/// that is unknown costs the same as a wrong secret.
pub fn verify<'a>(
    key: Option<&'a Key>,
    presented: &Presented,
    now: Timestamp,
) -> Result<&'a Key, Denied> {
    let nobody = SecretHash("0".repeat(64));
    let mut is_valid = subtle::Choice::from(0);
    for index in 0..VALID_SECRETS {
        let valid = key
            .and_then(|key| key.secrets.get(index))
            .unwrap_or(&nobody);
        is_valid |= valid.0.as_bytes().ct_eq(presented.hash.0.as_bytes());
    }
    let is_over = |key: &Key| key.expires.is_some_and(|expires| expires <= now);
    key.filter(|key| bool::from(is_valid) && key.id == presented.id && !is_over(key))
        .ok_or(Denied::Unknown)
}

impl Key {
    /// Makes a secret the newest; the one before stays valid, older ones do not.
    pub fn rotate(&mut self, hash: SecretHash) {
        self.secrets.insert(0, hash);
        self.secrets.truncate(VALID_SECRETS);
    }

    /// Ends the secrets before the newest.
    pub fn end_rotation(&mut self) {
        self.secrets.truncate(1);
    }

    /// Who a change is by; nobody, if the key is shipped to browsers.
    pub fn author(&self) -> Option<Author> {
        let kind = match self.holder {
            KeyHolder::Person => AuthorKind::Person,
            KeyHolder::Machine => AuthorKind::Machine,
            KeyHolder::Browser => return None,
        };
        let name = self.name.clone();
        Some(Author { name, kind })
    }

    /// Whether it may do this to a flag, and where there is a value, with it.
    pub fn admit(
        &self,
        action: Action,
        set: &str,
        flag: &str,
        value: Option<&Value>,
    ) -> Result<(), Denied> {
        let reads_only = self.holder == KeyHolder::Browser && action != Action::Read;
        let admits = |scope: &Scope| scope.admits(action, set, flag, value);
        if !reads_only && self.scopes.iter().any(admits) {
            return Ok(());
        }
        Err(Denied::Forbidden {
            action,
            set: set.to_owned(),
            flag: flag.to_owned(),
        })
    }

    /// Whether it may read a flag of this set.
    pub fn reads(&self, set: &str, flag: &Declaration) -> bool {
        let is_shown = flag.public || self.holder != KeyHolder::Browser;
        is_shown && self.admit(Action::Read, set, &flag.name, None).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key(holder: KeyHolder, scopes: &[&str]) -> Key {
        Key {
            id: "abc".to_owned(),
            name: "ann".to_owned(),
            holder,
            secrets: vec![issue("abc", [1; 32]).hash],
            scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
            expires: Some(second(100)),
        }
    }

    fn presented(random: u8) -> Presented {
        Presented::parse(&issue("abc", [random; 32]).text).unwrap()
    }

    #[test]
    fn key_is_known_by_its_valid_secrets() {
        let mut key = key(KeyHolder::Person, &[]);
        let verified =
            |key: &Key, random, now| verify(Some(key), &presented(random), second(now)).is_ok();
        assert!(verified(&key, 1, 99));
        assert!(!verified(&key, 1, 100), "it has expired");
        assert!(!verified(&key, 2, 0));
        assert_eq!(verify(None, &presented(1), second(0)), Err(Denied::Unknown));

        key.rotate(issue("abc", [2; 32]).hash);
        assert!(verified(&key, 1, 0) && verified(&key, 2, 0));
        key.rotate(issue("abc", [3; 32]).hash);
        assert!(!verified(&key, 1, 0) && verified(&key, 2, 0) && verified(&key, 3, 0));
        key.end_rotation();
        assert!(!verified(&key, 2, 0) && verified(&key, 3, 0));

        key.id = "another".to_owned();
        assert!(!verified(&key, 3, 0));
    }

    #[test]
    fn key_without_secrets_is_nobody() {
        let mut key = key(KeyHolder::Person, &[]);
        key.secrets.clear();
        let zeros = Presented {
            id: "abc".to_owned(),
            hash: SecretHash("0".repeat(64)),
        };
        // No secret has this hash; nobody may have it either.
        assert!(verify(Some(&key), &presented(1), second(0)).is_err());
        assert!(verify(None, &zeros, second(0)).is_err());
    }

    #[test]
    fn text_that_is_no_key_is_not_looked_up() {
        for text in [
            "",
            "ubk_",
            "ubk_abc",
            "ubk_abc_",
            "ubk__x",
            "abc_def",
            "ubk_a/b_x",
            &"ubk_a_".repeat(99),
        ] {
            assert_eq!(Presented::parse(&SecretString::from(text)), None, "{text}");
        }
    }

    #[test]
    fn secret_is_in_no_debug_text() {
        let issued = issue("abc", [7; 32]);
        let secret = URL_SAFE_NO_PAD.encode([7; 32]);
        let presented = Presented::parse(&issued.text).unwrap();
        assert!(!format!("{issued:?} {presented:?}").contains(&secret));
    }

    #[test]
    fn ids_are_readable() {
        assert_eq!(key_id([0, 31, 32, 63, 255, 1, 2, 3]), "a9a99bcd");
    }

    #[test]
    fn browser_reads_public_flags_and_nothing_else() {
        let mut flag = crate::step::percent();
        let browser = key(KeyHolder::Browser, &["read:prod", "change:prod"]);
        assert!(!browser.reads("prod", &flag));
        flag.public = true;
        assert!(browser.reads("prod", &flag));
        assert!(!browser.reads("other", &flag));
        assert!(
            browser
                .admit(Action::Change, "prod", "percent", None)
                .is_err()
        );
        assert_eq!(browser.author(), None);
    }

    #[test]
    fn refusal_names_what_was_asked_for() {
        let refused = key(KeyHolder::Machine, &["change:prod/promo*<=20"]).admit(
            Action::Change,
            "prod",
            "promoSocks",
            Some(&Value::Integer(21)),
        );
        assert_eq!(
            refused.unwrap_err().to_string(),
            "the key may not change `promoSocks` in `prod` like this"
        );
    }
}

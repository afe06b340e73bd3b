//! Signed links to a report: `/v/<id>?e=<expiry>&k=<key id>&s=<signature>`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The longest link that is promised.
pub const LONGEST: usize = 160;

/// 128 bits of the signature are sent: enough that nobody guesses one.
const SIGNATURE_BYTES: usize = 16;

/// The keys that sign and check links: the first signs, all are accepted.
#[derive(Debug)]
pub struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: String,
    secret: SecretString,
}

/// Why a key ring cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidKeys {
    /// Nothing to sign with.
    #[error("no key: write `<id>:<secret>`, during a rotation `<new>:<secret>,<old>:<secret>`")]
    Empty,
    /// An entry is not an id and a secret.
    #[error("key {0} is not `<id>:<secret>` with an id of 1 to 8 letters or digits")]
    Malformed(usize),
    /// A secret can be guessed.
    #[error("the secret of key `{0}` is shorter than 32 characters")]
    Weak(String),
}

/// Why a link opens nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refused {
    /// The key is not in the ring; it may have been rotated in meanwhile.
    #[error("the link was signed with a key that is not known")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the link was changed")]
    Forged,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
}

impl Keys {
    /// Reads `<id>:<secret>[,<id>:<secret>…]`, the signing key first.
    pub fn parse(text: &SecretString) -> Result<Self, InvalidKeys> {
        let keys: Vec<Key> = text
            .expose_secret()
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .enumerate()
            .map(|(index, entry)| key(index + 1, entry))
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(InvalidKeys::Empty);
        }
        Ok(Self(keys))
    }

    /// A link to `path` (such as `/v/<id>`) below `base` that ends at `expiry`.
    pub fn sign(&self, base: &str, path: &str, expiry: Timestamp) -> String {
        let key = &self.0[0];
        let expiry = expiry.as_second();
        let signature = URL_SAFE_NO_PAD.encode(&mac(key, path, expiry)[..SIGNATURE_BYTES]);
        format!(
            "{}{path}?e={expiry}&k={}&s={signature}",
            base.trim_end_matches('/'),
            key.id
        )
    }

    /// Whether the parameters of a link open `path` at `now`.
    pub fn check(
        &self,
        path: &str,
        expiry: i64,
        key_id: &str,
        signature: &str,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let key = self
            .0
            .iter()
            .find(|key| key.id == key_id)
            .ok_or(Refused::UnknownKey)?;
        let sent = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| Refused::Forged)?;
        if sent.len() != SIGNATURE_BYTES {
            return Err(Refused::Forged);
        }
        keyed(key, path, expiry)
            .verify_truncated_left(&sent)
            .map_err(|_| Refused::Forged)?;
        if expiry <= now.as_second() {
            return Err(Refused::Expired);
        }
        Ok(())
    }
}

fn key(position: usize, entry: &str) -> Result<Key, InvalidKeys> {
    let (id, secret) = entry
        .split_once(':')
        .ok_or(InvalidKeys::Malformed(position))?;
    let readable =
        (1..=8).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !readable {
        return Err(InvalidKeys::Malformed(position));
    }
    if secret.len() < 32 {
        return Err(InvalidKeys::Weak(id.to_owned()));
    }
    Ok(Key {
        id: id.to_owned(),
        secret: SecretString::from(secret.to_owned()),
    })
}

fn mac(key: &Key, path: &str, expiry: i64) -> Vec<u8> {
    keyed(key, path, expiry).finalize().into_bytes().to_vec()
}

fn keyed(key: &Key, path: &str, expiry: i64) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(format!("report\n{path}\n{expiry}\n{}", key.id).as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/v/019a9f3e-0000-7000-8000-000000000000";

    fn ring(text: &str) -> Keys {
        Keys::parse(&SecretString::from(text.to_owned())).unwrap()
    }

    fn secret(letter: &str) -> String {
        letter.repeat(32)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn parts(link: &str) -> (i64, String, String) {
        let url = link.split_once('?').unwrap().1.to_owned();
        let mut values = url
            .split('&')
            .map(|pair| pair.split_once('=').unwrap().1.to_owned());
        (
            values.next().unwrap().parse().unwrap(),
            values.next().unwrap(),
            values.next().unwrap(),
        )
    }

    #[test]
    fn link_of_a_rotated_key_still_opens() {
        let link = ring(&format!("a:{}", secret("x"))).sign("https://r.example", PATH, at(2_000));
        let (expiry, id, signature) = parts(&link);

        let rotated = ring(&format!("b:{},a:{}", secret("y"), secret("x")));
        assert_eq!(
            rotated.check(PATH, expiry, &id, &signature, at(1_000)),
            Ok(())
        );

        let dropped = ring(&format!("b:{}", secret("y")));
        assert_eq!(
            dropped.check(PATH, expiry, &id, &signature, at(1_000)),
            Err(Refused::UnknownKey)
        );
    }

    #[test]
    fn changed_link_is_refused() {
        let keys = ring(&format!("a:{}", secret("x")));
        let (expiry, id, signature) = parts(&keys.sign("https://r.example", PATH, at(2_000)));

        let other = "/v/019a9f3e-0000-7000-8000-000000000001";
        assert_eq!(
            keys.check(other, expiry, &id, &signature, at(1)),
            Err(Refused::Forged)
        );
        assert_eq!(
            keys.check(PATH, expiry + 1, &id, &signature, at(1)),
            Err(Refused::Forged)
        );
        assert_eq!(
            keys.check(PATH, expiry, &id, &signature[..8], at(1)),
            Err(Refused::Forged)
        );
        assert_eq!(
            keys.check(PATH, expiry, &id, "", at(1)),
            Err(Refused::Forged)
        );
        assert_eq!(
            keys.check(PATH, expiry, &id, &signature, at(2_000)),
            Err(Refused::Expired)
        );
    }

    #[test]
    fn link_on_an_api_gateway_stays_within_160_characters() {
        let keys = ring(&format!("20261120:{}", secret("x")));

        let link = keys.sign(
            "https://abcdefghij.execute-api.ap-southeast-2.amazonaws.com/Prod/",
            PATH,
            "2027-01-01T00:00:00Z".parse().unwrap(),
        );

        assert!(link.len() <= LONGEST, "{} characters: {link}", link.len());
    }

    #[test]
    fn unusable_keys_are_told_without_the_secret() {
        let refused = |text: &str| Keys::parse(&SecretString::from(text.to_owned())).unwrap_err();

        assert_eq!(refused(" , "), InvalidKeys::Empty);
        assert_eq!(refused("justasecret"), InvalidKeys::Malformed(1));
        assert_eq!(refused("a:short"), InvalidKeys::Weak("a".to_owned()));
        let debug = format!("{:?}", ring(&format!("a:{}", secret("x"))));
        assert!(!debug.contains(&secret("x")), "{debug}");
    }
}

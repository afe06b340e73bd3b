//! Signed links to a report: `/v/<id>?e=<expiry>&k=<key id>&s=<signature>`.
//!
//! A link opens what it names and nothing beside it; [`Scope`] says what can be
//! named.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::validation::ValidationId;

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

/// What a link opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// The start page, and with it everything.
    Start,
    /// The history of one pipeline and comparison.
    History {
        /// The pipeline.
        pipeline: &'a str,
        /// The comparison.
        comparison: &'a str,
    },
    /// One evaluation.
    Evaluation(ValidationId),
    /// What the flags are now.
    Changes,
    /// The history of one flag.
    Flag(&'a str),
    /// Every problem with how far its answer is.
    Problems,
    /// One problem, by its id.
    Problem(&'a str),
    /// How often problems closed after a flag was changed because of them.
    Remedies,
    /// The badge of one pipeline and comparison, which is meant to be seen.
    Badge {
        /// The pipeline.
        pipeline: &'a str,
        /// The comparison.
        comparison: &'a str,
    },
}

/// What a link says for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket<'a> {
    /// When it ends, in seconds of Unix time.
    pub expiry: i64,
    /// The key that signed it.
    pub key: &'a str,
    /// The signature.
    pub signature: &'a str,
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
    /// Links would be longer than is promised.
    #[error(
        "the address of the report leaves no room for links of {LONGEST} characters: \
         shorten it, or the id of the first key"
    )]
    NoRoom,
}

/// Why a link opens nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refused {
    /// The key is not in the ring; it may have been added since.
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
    /// How much longer a link to one evaluation is than the address that it
    /// begins with, the slash between them included.
    pub fn evaluation_adds(&self) -> usize {
        const WITHOUT_ID: usize =
            "/v/".len() + 36 + "?e=".len() + 10 + "&k=".len() + "&s=".len() + 22;
        WITHOUT_ID + self.0[0].id.len()
    }

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

    /// The parameters of a link that opens `scope` until `expiry`.
    pub fn sign(&self, scope: Scope<'_>, expiry: Timestamp) -> String {
        let key = &self.0[0];
        let expiry = expiry.as_second();
        let signature = keyed(key, scope, expiry).finalize().into_bytes();
        let signature = URL_SAFE_NO_PAD.encode(&signature[..SIGNATURE_BYTES]);
        format!("e={expiry}&k={}&s={signature}", key.id)
    }

    /// Whether a link opens `scope` at `now`.
    pub fn check(
        &self,
        scope: Scope<'_>,
        ticket: Ticket<'_>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        // A rotation may keep the id and change the secret.
        let keys: Vec<&Key> = self.0.iter().filter(|key| key.id == ticket.key).collect();
        if keys.is_empty() {
            return Err(Refused::UnknownKey);
        }
        let sent = URL_SAFE_NO_PAD
            .decode(ticket.signature)
            .map_err(|_| Refused::Forged)?;
        if sent.len() != SIGNATURE_BYTES {
            return Err(Refused::Forged);
        }
        let is_by = |key: &&Key| {
            let signed = keyed(key, scope, ticket.expiry);
            signed.verify_truncated_left(&sent).is_ok()
        };
        if !keys.iter().any(is_by) {
            return Err(Refused::Forged);
        }
        if ticket.expiry <= now.as_second() {
            return Err(Refused::Expired);
        }
        Ok(())
    }
}

impl fmt::Display for Scope<'_> {
    /// What is signed. No two scopes read the same: where a name could hold the
    /// separator, its length stands before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (page, pipeline, comparison) = match self {
            Self::Start => return f.write_str("/"),
            Self::Evaluation(id) => return write!(f, "/v/{id}"),
            Self::Changes => return f.write_str("/changes"),
            Self::Flag(name) => return write!(f, "/changes/{name}"),
            Self::Problems => return f.write_str("/problems"),
            Self::Problem(id) => return write!(f, "/problems/{id}"),
            Self::Remedies => return f.write_str("/remedies"),
            Self::History {
                pipeline,
                comparison,
            } => ("/history", pipeline, comparison),
            Self::Badge {
                pipeline,
                comparison,
            } => ("/badge.svg", pipeline, comparison),
        };
        write!(f, "{page}?{}:{pipeline}:{comparison}", pipeline.len())
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

fn keyed(key: &Key, scope: Scope<'_>, expiry: i64) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(format!("report\n{scope}\n{expiry}\n{}", key.id).as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019a9f3e-0000-7000-8000-000000000000";
    const OTHER: &str = "019a9f3e-0000-7000-8000-000000000001";

    fn evaluation(id: &str) -> Scope<'static> {
        Scope::Evaluation(id.parse().unwrap())
    }

    fn ring(text: &str) -> Keys {
        Keys::parse(&SecretString::from(text.to_owned())).unwrap()
    }

    fn secret(letter: &str) -> String {
        letter.repeat(32)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// The parameters as the reader who opens the link sends them.
    fn ticket(parameters: &str) -> Ticket<'_> {
        let mut values = parameters
            .split('&')
            .map(|pair| pair.split_once('=').unwrap().1);
        let mut next = || values.next().unwrap();
        Ticket {
            expiry: next().parse().unwrap(),
            key: next(),
            signature: next(),
        }
    }

    #[test]
    fn link_of_a_rotated_key_still_opens() {
        let link = ring(&format!("a:{}", secret("x"))).sign(evaluation(ID), at(2_000));

        let rotated = ring(&format!("b:{},a:{}", secret("y"), secret("x")));
        assert_eq!(
            rotated.check(evaluation(ID), ticket(&link), at(1_000)),
            Ok(())
        );

        let renewed = ring(&format!("a:{},a:{}", secret("y"), secret("x")));
        assert_eq!(
            renewed.check(evaluation(ID), ticket(&link), at(1_000)),
            Ok(())
        );

        let dropped = ring(&format!("b:{}", secret("y")));
        assert_eq!(
            dropped.check(evaluation(ID), ticket(&link), at(1_000)),
            Err(Refused::UnknownKey)
        );
    }

    #[test]
    fn changed_link_is_refused() {
        let keys = ring(&format!("a:{}", secret("x")));
        let link = keys.sign(evaluation(ID), at(2_000));
        let sent = ticket(&link);
        let check = |scope, sent, now| keys.check(scope, sent, at(now));

        assert_eq!(check(evaluation(OTHER), sent, 1), Err(Refused::Forged));
        for changed in [
            Ticket {
                expiry: sent.expiry + 1,
                ..sent
            },
            Ticket {
                signature: &sent.signature[..8],
                ..sent
            },
            Ticket {
                signature: "",
                ..sent
            },
        ] {
            assert_eq!(check(evaluation(ID), changed, 1), Err(Refused::Forged));
        }
        assert_eq!(check(evaluation(ID), sent, 2_000), Err(Refused::Expired));
    }

    #[test]
    fn link_opens_one_scope_however_names_are_split() {
        let keys = ring(&format!("a:{}", secret("x")));
        let history = |pipeline, comparison| Scope::History {
            pipeline,
            comparison,
        };
        let scopes = [
            Scope::Start,
            evaluation(ID),
            evaluation(OTHER),
            Scope::Changes,
            Scope::Flag(""),
            Scope::Flag("a"),
            Scope::Problems,
            Scope::Problem(""),
            Scope::Problem("a"),
            Scope::Remedies,
            history("a", "b"),
            history("a:b", ""),
            history("", "a:b"),
            history("1:a", "b"),
            history("a\n2000\na", "b"),
            Scope::Badge {
                pipeline: "a",
                comparison: "b",
            },
        ];

        for scope in scopes {
            let link = keys.sign(scope, at(2_000));
            let opened: Vec<Scope<'_>> = scopes
                .into_iter()
                .filter(|other| keys.check(*other, ticket(&link), at(1)).is_ok())
                .collect();
            assert_eq!(opened, [scope]);
        }
    }

    #[test]
    fn link_on_an_api_gateway_stays_within_160_characters() {
        let keys = ring(&format!("20261120:{}", secret("x")));

        let link = format!(
            "https://abcdefghij.execute-api.ap-southeast-2.amazonaws.com/Prod{}?{}",
            evaluation(ID),
            keys.sign(evaluation(ID), "2027-01-01T00:00:00Z".parse().unwrap()),
        );

        assert!(link.len() <= LONGEST, "{} characters: {link}", link.len());
        let base = "https://abcdefghij.execute-api.ap-southeast-2.amazonaws.com/Prod";
        assert_eq!(base.len() + keys.evaluation_adds(), link.len());
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

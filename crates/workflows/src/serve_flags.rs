//! Flags are read, as OFREP and flagd ask for them.
//!
//! Each answer begins with one strongly consistent read of the key and of the
//! set's revision. The set is read again only if the revision is another one, so
//! what was changed or revoked holds in the very next answer of every process.
//!
//! While the table cannot be read, keys and the set hold for five minutes as they
//! were read last, and answers say that they may be stale. What ends or moves does
//! so all the same.

mod kept;

use flags::key::{Action, Denied, Key, Presented, verify};
use flags::{BadContext, Bulk, Context, Declaration, Evaluation, Rules, is_known};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use store::Flags;

pub use kept::Kept;

/// What flags are read with.
#[derive(Debug)]
pub struct Services {
    /// Where they are.
    pub flags: Flags,
    /// Which set it is.
    pub set: String,
    /// What runs rules.
    pub rules: Rules,
    /// The set as it was read last.
    pub kept: Kept,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// One flag.
    One {
        /// Which.
        flag: &'a str,
        /// Who asks, as the body says.
        body: &'a [u8],
    },
    /// All flags.
    All {
        /// Who asks, as the body says.
        body: &'a [u8],
    },
    /// The document that flagd reads.
    Flagd {
        /// Of which set.
        set: &'a str,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// One flag, or why there is no value.
    One(Evaluation),
    /// Many flags.
    Many(Bulk),
    /// Whoever asks has the answer already.
    Known {
        /// Its tag.
        etag: String,
    },
    /// The request says nothing of who asks.
    Bad {
        /// What is asked about, where it is one flag.
        flag: Option<String>,
        /// Why.
        why: BadContext,
    },
    /// Nobody knows who asks.
    Unknown,
    /// Whoever asks may read nothing.
    Forbidden,
    /// There is no such set.
    NoSet,
}

/// Answers a question.
pub async fn serve_flags(
    services: &Services,
    presented: Option<&Presented>,
    question: Question<'_>,
    if_none_match: Option<&str>,
    now: Timestamp,
) -> anyhow::Result<Outcome> {
    let id = presented.map(|key| key.id.as_str());
    let read = services.read(id, now).await?;
    let key = match presented {
        Some(presented) => verify(read.key.as_ref(), presented, now),
        None => Err(Denied::Unknown),
    };
    let Ok(key) = key else {
        return Ok(Outcome::Unknown);
    };
    if !may_read(key, &services.set) {
        return Ok(Outcome::Forbidden);
    }
    let context = match question {
        Question::One { body, .. } | Question::All { body } => Context::parse(body),
        Question::Flagd { .. } => Ok(Context::default()),
    };
    let context = match context {
        Ok(context) => context,
        Err(why) => {
            return Ok(Outcome::Bad {
                flag: asked_about(question),
                why,
            });
        }
    };
    let Some(set) = &read.set else {
        return Ok(Outcome::NoSet);
    };
    let set = flags::Set {
        stale: read.is_stale,
        ..set.as_set()
    };
    let sees = |flag: &Declaration| key.reads(&services.set, flag);
    let many = match question {
        Question::One { flag, .. } => {
            let found = set.evaluate(&services.rules, flag, &context, sees, now);
            return Ok(Outcome::One(found));
        }
        Question::All { .. } => set.bulk(&services.rules, &context, sees, now),
        Question::Flagd { set: name } if name == services.set => set.flagd(sees, now),
        Question::Flagd { .. } => return Ok(Outcome::NoSet),
    };
    if if_none_match.is_some_and(|known| is_known(known, &many.etag)) {
        return Ok(Outcome::Known { etag: many.etag });
    }
    Ok(Outcome::Many(many))
}

/// Whether a key reads anything of a set at all.
fn may_read(key: &Key, set: &str) -> bool {
    let reads = |scope: &flags::key::Scope| scope.action == Action::Read && scope.set == set;
    key.scopes.iter().any(reads)
}

fn asked_about(question: Question<'_>) -> Option<String> {
    match question {
        Question::One { flag, .. } => Some(flag.to_owned()),
        Question::All { .. } | Question::Flagd { .. } => None,
    }
}

impl Outcome {
    /// The body of an answer about a request that says nothing of who asks.
    pub fn bad(flag: Option<&str>, why: &BadContext) -> Json {
        let mut body = json!({"errorCode": "INVALID_CONTEXT", "errorDetails": why.to_string()});
        if let Some(flag) = flag {
            body["key"] = flag.into();
        }
        body
    }
}

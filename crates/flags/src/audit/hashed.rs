//! The text that is hashed of a record. It is a form of its own, whatever a record
//! is called in the code or stored as: if it changed, no old entry would hold any
//! more. A field that comes later must be left out of it where there is none.

use jiff::Timestamp;
use serde::Serialize;

use super::{Because, Cause, Record};
use crate::hash::Digest;
use crate::state::{Author, AuthorKind, Since};
use crate::value::Value;

/// The text of a record that follows the entry of this digest.
pub(super) fn text(record: &Record, previous: Option<&Digest>) -> String {
    let hashed = (previous, Hashed::of(record));
    serde_json::to_string(&hashed).expect("a record is always JSON")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hashed<'a> {
    set: &'a str,
    flag: &'a str,
    version: u64,
    at: Timestamp,
    cause: HashedCause<'a>,
    before: &'a Value,
    after: &'a Value,
    ends: Option<Timestamp>,
    change: &'a str,
    batch: Option<&'a str>,
    by: HashedAuthor<'a>,
    why: &'a str,
    triggered_by: &'a str,
    problem: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum HashedCause<'a> {
    Word(&'static str),
    Superseded { superseded: HashedSince<'a> },
    Aborted { aborted: HashedAborted<'a> },
}

#[derive(Serialize)]
struct HashedSince<'a> {
    change: &'a str,
    by: HashedAuthor<'a>,
    at: Timestamp,
}

#[derive(Serialize)]
struct HashedAborted<'a> {
    wanted: &'a str,
    because: Because,
}

#[derive(Serialize)]
struct HashedAuthor<'a> {
    name: &'a str,
    hand: AuthorKind,
}

impl<'a> Hashed<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            set: &record.set,
            flag: &record.flag,
            version: record.version,
            at: record.at,
            cause: HashedCause::of(&record.cause),
            before: &record.before,
            after: &record.after,
            ends: record.ends,
            change: &record.change,
            batch: record.batch.as_deref(),
            by: HashedAuthor::of(&record.by),
            why: &record.why,
            triggered_by: &record.triggered_by,
            problem: record.problem.as_deref(),
        }
    }
}

impl<'a> HashedCause<'a> {
    fn of(cause: &'a Cause) -> Self {
        match cause {
            Cause::Superseded(Since { change, by, at }) => Self::Superseded {
                superseded: HashedSince {
                    change,
                    by: HashedAuthor::of(by),
                    at: *at,
                },
            },
            Cause::Aborted(aborted) => Self::Aborted {
                aborted: HashedAborted {
                    wanted: &aborted.wanted,
                    because: aborted.because,
                },
            },
            plain => Self::Word(plain.word()),
        }
    }
}

impl<'a> HashedAuthor<'a> {
    fn of(author: &'a Author) -> Self {
        Self {
            name: &author.name,
            hand: author.kind,
        }
    }
}

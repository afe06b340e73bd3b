//! Where the items lie. Names of sets and flags are plain words, so nothing in
//! them separates parts of a key.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::item::{self, Key};
use crate::months::moment;

pub(super) fn set(set: &str) -> String {
    format!("set#{set}")
}

pub(super) fn head(name: &str) -> Key {
    at(set(name), "head")
}

pub(super) fn flag(name: &str, flag: &str) -> Key {
    at(set(name), format!("f#{flag}"))
}

/// Sorts by the version.
pub(super) fn change(set: &str, flag: &str, version: u64) -> Key {
    at(format!("h#{set}#{flag}"), format!("{version:012}"))
}

/// What the months of everything that was written down of a set begin with.
pub(super) fn log(set: &str) -> String {
    format!("log#{set}#")
}

/// Everything that was written down of a set because of a problem.
pub(super) fn because(set: &str, problem: &str) -> String {
    format!("because#{set}#{problem}")
}

/// Sorts by the time.
pub(super) fn logged(pk: String, at: Timestamp, flag: &str, version: u64) -> Key {
    self::at(pk, format!("{}#{flag}#{version:012}", moment(at)))
}

pub(super) fn timer(set: &str, flag: &str) -> Key {
    at(format!("t#{set}#{flag}"), "timer")
}

pub(super) fn event(change: &str, set: &str, flag: &str, version: u64) -> Key {
    at(
        format!("out#{change}"),
        format!("event#{set}#{flag}#{version:012}"),
    )
}

pub(super) fn rules(set: &str) -> String {
    format!("rule#{set}")
}

pub(super) fn rule(set: &str, id: &str) -> Key {
    at(rules(set), id)
}

/// A problem is named by callers in their own words.
pub(super) fn watch(set: &str, problem: &str) -> Key {
    at(format!("watch#{set}#{}", item::escaped(problem)), "watch")
}

/// The same.
pub(super) fn remark(set: &str, problem: &str, id: &str) -> Key {
    at(format!("say#{set}#{}", item::escaped(problem)), id)
}

pub(super) fn prepared(request: &str) -> Key {
    at(format!("wait#{request}"), "change")
}

pub(super) fn repeat(key: &str, hash: &str) -> Key {
    at(format!("req#{key}#{hash}"), "req")
}

pub(super) fn key(id: &str) -> Key {
    at(format!("key#{id}"), "key")
}

fn at(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

//! Problems: what the tenant found to be wrong, and what people say about it.

use crate::event::RecordedEvent;
use crate::question::Tag;

/// Something that the tenant found to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The id, such as `-6478017825120311599_1641223491837V2`.
    pub id: String,
    /// The number that people use, such as `P-22013994`.
    pub display_id: String,
    /// What is wrong; in API v1, which has no titles, the type of the event
    /// that leads to it.
    pub title: String,
    /// Whether it still is.
    pub status: ProblemStatus,
    /// How bad it is, such as `PERFORMANCE`.
    pub severity: String,
    /// What it is felt on: `APPLICATION`, `SERVICE`, `INFRASTRUCTURE` or
    /// `ENVIRONMENT`.
    pub impact: String,
    /// The entities that it is felt on.
    pub impacted: Vec<EntityRef>,
    /// How many entities it touches, felt or not.
    pub affected: usize,
    /// Those of them that are named; API v1 only counts them.
    pub touched: Vec<EntityRef>,
    /// The entity that it comes from, where the tenant knows it.
    pub root_cause: Option<EntityRef>,
    /// The tags of the entities.
    pub tags: Vec<Tag>,
    /// When it began, in milliseconds since 1970.
    pub start_ms: i64,
    /// When it ended; nothing while it goes on.
    pub end_ms: Option<i64>,
    /// The id of the problem that it has become a part of; API v1 does not say.
    pub merged_into: Option<String>,
    /// The deployments that the tenant itself thinks are part of it, the latest
    /// first.
    pub evidence: Vec<RecordedEvent>,
}

impl Problem {
    /// Whether this has the form of an id, which [`crate::Dynatrace::problem`] reads:
    /// two numbers, and in most tenants a version. Numbers that people use do not.
    pub fn is_id(text: &str) -> bool {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let Some((hash, began)) = text.split_once('_') else {
            return false;
        };
        let (began, version) = began.split_once('V').unwrap_or((began, "0"));
        is_number(hash.strip_prefix('-').unwrap_or(hash)) && is_number(began) && is_number(version)
    }
}

/// Whether a problem goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemStatus {
    /// It goes on.
    Open,
    /// It is over, or a part of another one.
    Closed,
}

/// An entity as a problem names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityRef {
    /// The id, such as `SERVICE-CB6A2EB13C7858F4`.
    pub id: String,
    /// The name that people see; empty when the entity no longer exists.
    pub name: String,
    /// The type, such as `SERVICE`.
    pub type_: String,
}

/// What somebody said about a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The id.
    pub id: String,
    /// When it was said, in milliseconds since 1970.
    pub created_ms: i64,
    /// Who said it; in v2, whose token was used.
    pub author: String,
    /// Where it was said.
    pub context: Option<String>,
    /// What was said.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_told_from_what_people_say() {
        for (text, is_id) in [
            ("-6478017825120311599_1641223491837V2", true),
            ("6478017825120311599_1641223491837V2", true),
            ("-6478017825120311599_1641223491837", true),
            ("P-22013994", false),
            ("755", false),
            ("-_1641223491837V2", false),
            ("1_2V", false),
            ("1_V2", false),
            ("1_2V2/comments", false),
            ("../1_2V2", false),
            ("", false),
        ] {
            assert_eq!(Problem::is_id(text), is_id, "{text}");
        }
    }
}

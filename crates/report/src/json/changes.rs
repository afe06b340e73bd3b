//! Flags and what became of them.

use flags::state::{AuthorKind, End};
use flags::{Entry, Record, Value};
use schemars::JsonSchema;
use serde::Serialize;

use super::Time;
use crate::frame::Frame;
use crate::page::broken;
use crate::records::{self, Answered, FlagNow};

/// All flags of a set.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Changes<'a> {
    /// When this was written.
    written_at: Time,
    /// The set.
    set: &'a str,
    /// The flags by name.
    flags: Vec<Flag<'a>>,
}

/// The history of one flag, or a part of it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FlagHistory<'a> {
    /// When this was written.
    written_at: Time,
    /// The set.
    set: &'a str,
    /// What it is now; null if it is no longer declared.
    now: Option<Flag<'a>>,
    /// The entries, the newest first.
    entries: Vec<Written<'a>>,
    /// Why the entries are not what was written, if they are not.
    broken: Option<String>,
    /// Where older entries are.
    older: Option<&'a str>,
}

/// One flag.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Flag<'a> {
    /// Its name.
    name: &'a str,
    /// The type of its values.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What everybody is answered; null if that depends on who asks.
    value: Option<serde_json::Value>,
    /// Who is answered what, where that depends on who asks.
    audience: Option<String>,
    /// What is declared.
    default: serde_json::Value,
    /// What it is for.
    description: Option<&'a str>,
    /// Its version; 0 if nobody touched it.
    version: u64,
    /// When the value ends by itself at the latest.
    until: Option<Time>,
    /// The value after that.
    then: Option<serde_json::Value>,
    /// The problems that hold it.
    problems: Vec<&'a str>,
    /// Where it moves to.
    moves_to: Option<serde_json::Value>,
    /// When it arrives there.
    arrives_at: Option<Time>,
    /// What was written down when this value was set, or of the last change.
    change: Option<Written<'a>>,
    /// Where its history is.
    history: Option<&'a str>,
}

/// An entry of a history.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    /// The version that the change made.
    version: u64,
    /// When it took effect.
    at: Time,
    /// What happened.
    cause: &'static str,
    /// The value before.
    before: serde_json::Value,
    /// The value after.
    after: serde_json::Value,
    /// When it ends by itself at the latest.
    ends: Option<Time>,
    /// The id of the change.
    change: &'a str,
    /// The changes that were made together.
    batch: Option<&'a str>,
    /// Who.
    by: &'a str,
    /// What stands behind the name.
    #[schemars(extend("enum" = ["person", "machine", "rule", "clock"]))]
    hand: &'static str,
    /// Why, in their words.
    why: &'a str,
    /// What made them, in the words of the caller.
    triggered_by: &'a str,
    /// Because of which problem.
    problem: Option<&'a str>,
    /// The digest of the entry.
    digest: String,
    /// The digest of the entry before it.
    previous: Option<String>,
}

impl<'a> Changes<'a> {
    pub(super) fn of(frame: &Frame<'_>, changes: &records::Changes<'a>) -> Self {
        Self {
            written_at: frame.now.into(),
            set: changes.set,
            flags: changes
                .flags
                .iter()
                .map(|flag| Flag::of(frame, flag))
                .collect(),
        }
    }
}

impl<'a> FlagHistory<'a> {
    pub(super) fn of(frame: &Frame<'_>, history: &records::FlagHistory<'a>) -> Self {
        Self {
            written_at: frame.now.into(),
            set: history.set,
            now: history.now.map(|flag| Flag::of(frame, flag)),
            entries: history
                .entries
                .iter()
                .map(|one| Written::from(&one.entry))
                .collect(),
            broken: broken(history.entries),
            older: history.older,
        }
    }
}

impl<'a> Flag<'a> {
    fn of(frame: &Frame<'_>, flag: &'a FlagNow<'_>) -> Self {
        let now = frame.now;
        let assignment = flag.assignment(now);
        let end = assignment.map(|assignment| &assignment.end);
        let answered = flag.answered(now);
        let audience = answered.in_words();
        let moves = flag.moves(now);
        Self {
            name: &flag.declaration.name,
            kind: flag.declaration.kind.as_str(),
            value: match answered {
                Answered::Same(value) => Some(value.to_json()),
                Answered::Split(_) | Answered::Rule => None,
            },
            audience,
            default: flag.declaration.default.to_json(),
            description: flag.declaration.description.as_deref(),
            version: flag.state.map_or(0, |state| state.version),
            until: end.and_then(End::at_the_latest).map(Time::from),
            then: flag.then(now).as_ref().map(Value::to_json),
            problems: end
                .into_iter()
                .flat_map(End::holders)
                .map(|(problem, _)| problem)
                .collect(),
            moves_to: moves.map(|(to, _)| to.to_json()),
            arrives_at: moves.map(|(_, at)| at.into()),
            change: flag.entry.map(Written::from),
            history: flag.history.as_deref(),
        }
    }
}

impl<'a> From<&'a Entry> for Written<'a> {
    fn from(entry: &'a Entry) -> Self {
        let Record {
            version,
            at,
            cause,
            before,
            after,
            ends,
            change,
            batch,
            by,
            why,
            triggered_by,
            problem,
            set: _,
            flag: _,
        } = &entry.record;
        Self {
            version: *version,
            at: (*at).into(),
            cause: cause.word(),
            before: before.to_json(),
            after: after.to_json(),
            ends: ends.map(Time::from),
            change,
            batch: batch.as_deref(),
            by: &by.name,
            hand: match by.kind {
                AuthorKind::Person => "person",
                AuthorKind::Machine => "machine",
                AuthorKind::Rule => "rule",
                AuthorKind::Clock => "clock",
            },
            why,
            triggered_by,
            problem: problem.as_deref(),
            digest: entry.digest.to_string(),
            previous: entry.previous.as_ref().map(ToString::to_string),
        }
    }
}

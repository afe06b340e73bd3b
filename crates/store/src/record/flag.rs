//! What was said of a flag.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use flags::state::{self, AuthorKind};
use flags::{Digest, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record;
use crate::StoreError;
use crate::item::{self, Item};

/// What was said of a flag, as an attribute.
pub(crate) fn attribute(state: &state::State) -> AttributeValue {
    item::json_attribute(&State::from(state.clone()))
}

/// What was said of the flag that is stored; nothing, if nobody touched it.
pub(crate) fn read(item: &Item) -> Result<Option<state::State>, StoreError> {
    let state: Option<State> = item::optional_json(item, "state")?;
    Ok(state.map(Into::into))
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    version: u64,
    #[serde(rename = "words")]
    assignments: Vec<Assignment>,
    #[serde(default)]
    pruned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<Recent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
}

#[derive(Serialize, Deserialize)]
struct Assignment {
    change: String,
    by: Author,
    at: Timestamp,
    version: u64,
    course: Course,
    end: End,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<Since>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Course {
    Steady(Value),
    Ramp(Ramp),
}

#[derive(Serialize, Deserialize)]
struct Ramp {
    from: Value,
    to: Value,
    start: Timestamp,
    end: Timestamp,
    way: Way,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Way {
    #[serde(rename_all = "camelCase")]
    Evenly {
        step_seconds: i64,
    },
    Steps(Steps),
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Steps(Vec<Step>);

#[derive(Serialize, Deserialize)]
struct Step {
    at: Timestamp,
    value: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum End {
    Never,
    Lease(Timestamp),
    Holds(Holders),
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Holders(BTreeMap<String, Holder>);

#[derive(Serialize, Deserialize)]
struct Holder {
    until: Timestamp,
    #[serde(default)]
    closed: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Author {
    name: String,
    #[serde(rename = "hand")]
    kind: AuthorKind,
}

#[derive(Serialize, Deserialize)]
struct Recent {
    change: String,
    at: Timestamp,
    #[serde(rename = "hand")]
    kind: AuthorKind,
    #[serde(default)]
    reversal: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Since {
    change: String,
    by: Author,
    at: Timestamp,
}

record!(State = state::State {
    same: version, pruned, previous, digest;
    each: assignments, recent;
});

record!(Assignment = state::Assignment {
    same: change, at, version;
    inner: by, course, end;
    maybe: kept;
});

record!(enum Course = state::Course {
    Steady(value),
    Ramp(ramp),
});

record!(Ramp = flags::Ramp {
    same: from, to, start, end;
    inner: way;
});

record!(enum Way = flags::Way {
    Evenly { same: step_seconds; },
    Steps(steps),
});

record!(Step = flags::Step {
    same: at, value;
});

record!(enum End = state::End {
    Never,
    Lease(until),
    Holds(holders),
});

record!(Holder = state::Holder {
    same: until, closed;
});

record!(Author = state::Author {
    same: name, kind;
});

record!(Recent = state::Recent {
    same: change, at, kind, reversal, problem;
});

record!(Since = state::Since {
    same: change, at;
    inner: by;
});

impl From<Vec<flags::Step>> for Steps {
    fn from(steps: Vec<flags::Step>) -> Self {
        Self(steps.into_iter().map(Into::into).collect())
    }
}

impl From<Steps> for Vec<flags::Step> {
    fn from(Steps(steps): Steps) -> Self {
        steps.into_iter().map(Into::into).collect()
    }
}

impl From<BTreeMap<String, state::Holder>> for Holders {
    fn from(holders: BTreeMap<String, state::Holder>) -> Self {
        let holders = holders.into_iter();
        Self(holders.map(|(id, holder)| (id, holder.into())).collect())
    }
}

impl From<Holders> for BTreeMap<String, state::Holder> {
    fn from(Holders(holders): Holders) -> Self {
        let holders = holders.into_iter();
        holders.map(|(id, holder)| (id, holder.into())).collect()
    }
}

//! Rules that are applied, which are a part of the document of their problem.

use std::collections::BTreeMap;

use flags::Value;
use jiff::Timestamp;
use release::rule::application;
use serde::{Deserialize, Serialize};

use super::flag::Since;
use super::record;
use super::rule::Rule;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Application {
    rule: String,
    at: Timestamp,
    state: State,
}

#[expect(clippy::large_enum_variant, reason = "as large as what it stands for")]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
enum State {
    #[serde(rename_all = "camelCase")]
    Applying {
        as_matched: Rule,
    },
    Holding {
        flags: BTreeMap<String, Became>,
    },
    Kept {
        flags: BTreeMap<String, Became>,
    },
    Ended {
        flags: BTreeMap<String, Back>,
    },
    Shadowed,
    Refused {
        why: String,
    },
    NotNeeded {
        why: String,
    },
    GaveUp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "became")]
enum Became {
    Set { before: Value, after: Value },
    Already,
    Blamed,
    Taken { by: String },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "became")]
enum Back {
    Given { value: Value },
    Shared,
    Later,
    Superseded { by: Since },
    Ended,
    Blamed,
    Gone,
}

record!(Application = application::Application {
    same: rule, at;
    inner: state;
});

record!(enum State = application::State {
    Applying { inner: as_matched; },
    Holding { values: flags; },
    Kept { values: flags; },
    Ended { values: flags; },
    Shadowed,
    Refused { same: why; },
    NotNeeded { same: why; },
    GaveUp,
});

record!(enum Became = application::Became {
    Set { same: before, after; },
    Already,
    Blamed,
    Taken { same: by; },
});

record!(enum Back = application::Back {
    Given { same: value; },
    Shared,
    Later,
    Superseded { inner: by; },
    Ended,
    Blamed,
    Gone,
});

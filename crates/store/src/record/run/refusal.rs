//! Why a runbook is not run.

use jiff::Timestamp;
use release::runbook;
use serde::{Deserialize, Serialize};

use super::record;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "because")]
pub(super) enum Refusal {
    Action {
        why: Unreadable,
    },
    Foreign {
        place: String,
    },
    Unlisted {
        what: String,
    },
    Ambiguous {
        what: String,
    },
    NotFor {
        alias: String,
        what: String,
    },
    Hidden {
        alias: String,
    },
    Variable {
        alias: String,
        name: String,
        why: Misfit,
    },
    Limit {
        alias: String,
        entity: String,
    },
    TooLarge {
        alias: String,
    },
    Template {
        alias: String,
        why: Unfit,
    },
    Changed {
        alias: String,
    },
    Denied {
        who: String,
    },
    SwitchedOff,
    Cooldown {
        target: String,
        until: Timestamp,
    },
    TooOften {
        target: String,
        count: u32,
        hours: i64,
    },
    Rejected {
        status: u16,
        text: String,
    },
    NotTaken {
        status: u16,
    },
    CheckFailed {
        why: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "because")]
pub(super) enum Needless {
    Closed,
    Older,
    Stale { minutes: i64 },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "because", content = "what")]
pub(super) enum Unreadable {
    Type(String),
    Credentials,
    Query,
    Path,
    Form,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub(super) enum Misfit {
    Missing { property: String },
    Type { wanted: String, said: String },
    Template,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is", content = "what")]
pub(super) enum Unfit {
    Gone,
    Renamed(String),
    Organization(String),
    Project(String),
    Playbook(String),
    NoLimit,
    NoCheck,
    OnlyChecks(String),
    NoVariables(String),
    Needs(String),
    Password(String),
    Inventory,
}

record!(enum Refusal = runbook::Refusal {
    Action { inner: why; },
    Foreign { same: place; },
    Unlisted { same: what; },
    Ambiguous { same: what; },
    NotFor { same: alias, what; },
    Hidden { same: alias; },
    Variable { same: alias, name; inner: why; },
    Limit { same: alias, entity; },
    TooLarge { same: alias; },
    Template { same: alias; inner: why; },
    Changed { same: alias; },
    Denied { same: who; },
    SwitchedOff,
    Cooldown { same: target, until; },
    TooOften { same: target, count, hours; },
    Rejected { same: status, text; },
    NotTaken { same: status; },
    CheckFailed { same: why; },
});

record!(enum Needless = runbook::Needless {
    Closed,
    Older,
    Stale { same: minutes; },
});

record!(enum Unreadable = runbook::Unreadable {
    Type(text),
    Credentials,
    Query,
    Path,
    Form,
});

record!(enum Misfit = runbook::Misfit {
    Missing { same: property; },
    Type { same: wanted, said; },
    Template,
});

record!(enum Unfit = runbook::Unfit {
    Gone,
    Renamed(name),
    Organization(name),
    Project(name),
    Playbook(name),
    NoLimit,
    NoCheck,
    OnlyChecks(text),
    NoVariables(names),
    Needs(names),
    Password(name),
    Inventory,
});

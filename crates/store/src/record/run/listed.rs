//! A runbook, as it was listed when a run of it was decided.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use release::runbook::{self, Check, Compat, Kind, Mode, Older};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Runbook {
    alias: String,
    on: String,
    #[serde(flatten)]
    means: Means,
    aliases: Vec<String>,
    causes: Causes,
    variables: BTreeMap<String, Variable>,
    limit: Option<Hosts>,
    mode: Mode,
    check: Check,
    timeout: SignedDuration,
    cooldown: SignedDuration,
    per_day: u32,
    proof: Option<Proof>,
    older: Older,
    compat: Compat,
}

/// A template, as it was stored before there were requests, or an address.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Means {
    Template(Template),
    Request { url: String },
}

#[derive(Serialize, Deserialize)]
struct Template {
    kind: Kind,
    #[serde(rename = "template")]
    id: u64,
    name: String,
    organization: Option<String>,
    playbook: Option<String>,
    project: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Causes {
    events: Vec<String>,
    sources: Vec<String>,
    tag: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Hosts {
    These(String),
    Entity(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Variable {
    Const(Value),
    From { property: String, is: Shape },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
enum Shape {
    Int { min: i64, max: i64 },
    Number { min: f64, max: f64 },
    Bool,
    Text { matches: String },
}

#[derive(Serialize, Deserialize)]
struct Proof {
    artifact: String,
    equals: Value,
}

record!(Runbook = runbook::Runbook {
    same: alias, on, aliases, mode, check, timeout, cooldown, per_day, older, compat;
    inner: means, causes;
    maybe: limit, proof;
    values: variables;
});

record!(enum Means = runbook::Means {
    Template(template),
    Request { same: url; },
});

record!(Template = runbook::Template {
    same: kind, id, name, organization, playbook, project;
});

record!(Causes = runbook::Causes {
    same: events, sources, tag;
});

record!(enum Hosts = runbook::Hosts {
    These(pattern),
    Entity(hosts),
});

record!(enum Variable = runbook::Variable {
    Const(value),
    From { same: property; inner: is; },
});

record!(enum Shape = runbook::Shape {
    Int { same: min, max; },
    Number { same: min, max; },
    Bool,
    Text { same: matches; },
});

record!(Proof = runbook::Proof {
    same: artifact, equals;
});

//! Runs of runbooks, which are a part of the document of their problem.

mod ended;
mod listed;
mod refusal;

use jiff::Timestamp;
use release::runbook::{self, Kind, Marking, Purpose};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::ended::{Ended, Unwell};
use self::listed::Runbook;
use self::refusal::{Needless, Refusal};
use super::configuration::Cause;
use super::record;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    id: String,
    runbook: Runbook,
    problem: String,
    cause: Cause,
    about: About,
    input: Input,
    holds: bool,
    guards: bool,
    allowed: Option<String>,
    checked: Option<Ended>,
    named: Option<u64>,
    state: State,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    display: Option<String>,
    title: Option<String>,
    severity: Option<String>,
    url: Option<String>,
    entities: Vec<Entity>,
}

#[derive(Serialize, Deserialize)]
struct Entity {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    entity: String,
}

#[derive(Serialize, Deserialize)]
struct Input {
    variables: Map<String, Value>,
    limit: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
enum State {
    Asked,
    Joined {
        problem: String,
    },
    Waiting {
        since: Timestamp,
    },
    Intended {
        attempt: Attempt,
    },
    Unknown {
        attempt: Attempt,
        why: String,
    },
    Again {
        first: Attempt,
    },
    Launched {
        attempt: Attempt,
        job: JobAt,
        status: String,
        explanation: String,
        differs: Vec<String>,
        others: Vec<JobAt>,
    },
    Aborting {
        attempt: Attempt,
        job: JobAt,
        why: Abort,
        since: Timestamp,
        wished: Option<Timestamp>,
    },
    Verifying {
        ended: Ended,
    },
    Healed {
        ended: Ended,
        closed: Timestamp,
    },
    Late {
        ended: Ended,
        closed: Timestamp,
    },
    Unconfirmed {
        ended: Ended,
    },
    Unhealed {
        ended: Ended,
    },
    Failed {
        ended: Ended,
        why: Unwell,
    },
    Aborted {
        purpose: Purpose,
        job: JobAt,
        why: Abort,
        status: String,
    },
    Stuck {
        purpose: Purpose,
        job: JobAt,
        why: Abort,
    },
    Gone {
        purpose: Purpose,
        job: JobAt,
    },
    Lost {
        purpose: Purpose,
        why: String,
    },
    Shadowed {
        checked: Option<Ended>,
    },
    Refused {
        why: Refusal,
    },
    NotNeeded {
        why: Needless,
    },
    GaveUp,
}

#[derive(Serialize, Deserialize)]
struct Attempt {
    purpose: Purpose,
    floor: u64,
    marking: Marking,
    at: Timestamp,
    deadline: Timestamp,
    second: bool,
}

#[derive(Serialize, Deserialize)]
struct JobAt {
    id: u64,
    kind: Kind,
    page: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "because")]
enum Abort {
    Differs { differences: String },
    Overdue,
    Closed,
    Person { who: String },
}

record!(Run = runbook::Run {
    same: id, problem, holds, guards, allowed, named;
    inner: runbook, cause, about, input, state;
    maybe: checked;
});

record!(About = runbook::About {
    same: display, title, severity, url;
    each: entities;
});

record!(Entity = runbook::Entity {
    same: kind, name, entity;
});

record!(Input = runbook::Input {
    same: variables, limit;
});

record!(enum State = runbook::State {
    Asked,
    Joined { same: problem; },
    Waiting { same: since; },
    Intended { inner: attempt; },
    Unknown { same: why; inner: attempt; },
    Again { inner: first; },
    Launched { same: status, explanation, differs; inner: attempt, job; each: others; },
    Aborting { same: since, wished; inner: attempt, job, why; },
    Verifying { inner: ended; },
    Healed { same: closed; inner: ended; },
    Late { same: closed; inner: ended; },
    Unconfirmed { inner: ended; },
    Unhealed { inner: ended; },
    Failed { inner: ended, why; },
    Aborted { same: purpose, status; inner: job, why; },
    Stuck { same: purpose; inner: job, why; },
    Gone { same: purpose; inner: job; },
    Lost { same: purpose, why; },
    Shadowed { maybe: checked; },
    Refused { inner: why; },
    NotNeeded { inner: why; },
    GaveUp,
});

record!(Attempt = runbook::Attempt {
    same: purpose, floor, marking, at, deadline, second;
});

record!(JobAt = runbook::JobAt {
    same: id, kind, page;
});

record!(enum Abort = runbook::Abort {
    Differs { same: differences; },
    Overdue,
    Closed,
    Person { same: who; },
});

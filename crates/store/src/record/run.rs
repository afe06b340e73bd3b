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

/// A run, without what the document of its problem says already.
#[derive(Serialize, Deserialize)]
pub(super) struct Run {
    id: String,
    runbook: Runbook,
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

/// What a run tells of its problem. That stays what it was when it was decided:
/// what a launch would tell again must be what it told.
#[derive(Serialize, Deserialize)]
struct About {
    #[serde(default, skip_serializing_if = "Told::is_of_document")]
    display: Told,
    #[serde(default, skip_serializing_if = "Told::is_of_document")]
    title: Told,
    severity: Option<String>,
    url: Option<String>,
    entities: Vec<Entity>,
}

/// A text that is told of a problem.
#[derive(Default, Serialize, Deserialize)]
#[serde(untagged)]
enum Told {
    /// What the document says.
    #[default]
    #[serde(skip)]
    OfDocument,
    /// What it does not say, or not any more.
    Other(Option<String>),
}

/// What the document of a problem says of it.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) id: &'a str,
    pub(super) display: Option<&'a str>,
    pub(super) title: Option<&'a str>,
}

#[expect(
    clippy::struct_field_names,
    reason = "the name under which it is stored"
)]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again: Option<Timestamp>,
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
    /// `unhealed` is of a time when the problem was followed for half an hour only.
    #[serde(alias = "unhealed")]
    Unconfirmed {
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

impl Run {
    /// A run as a part of this document.
    pub(super) fn within(document: Document<'_>, run: runbook::Run) -> Self {
        let runbook::Run {
            id,
            runbook,
            problem: _,
            cause,
            about,
            input,
            holds,
            guards,
            allowed,
            checked,
            named,
            state,
        } = run;
        Self {
            id,
            runbook: runbook.into(),
            cause: cause.into(),
            about: About {
                display: Told::beside(document.display, about.display),
                title: Told::beside(document.title, about.title),
                severity: about.severity,
                url: about.url,
                entities: about.entities.into_iter().map(Into::into).collect(),
            },
            input: input.into(),
            holds,
            guards,
            allowed,
            checked: checked.map(Into::into),
            named,
            state: state.into(),
        }
    }

    /// The run that was a part of this document.
    pub(super) fn of(self, document: Document<'_>) -> runbook::Run {
        let About {
            display,
            title,
            severity,
            url,
            entities,
        } = self.about;
        runbook::Run {
            id: self.id,
            runbook: self.runbook.into(),
            problem: document.id.to_owned(),
            cause: self.cause.into(),
            about: runbook::About {
                display: display.or(document.display),
                title: title.or(document.title),
                severity,
                url,
                entities: entities.into_iter().map(Into::into).collect(),
            },
            input: self.input.into(),
            holds: self.holds,
            guards: self.guards,
            allowed: self.allowed,
            checked: self.checked.map(Into::into),
            named: self.named,
            state: self.state.into(),
        }
    }
}

impl Told {
    fn beside(document: Option<&str>, told: Option<String>) -> Self {
        if told.as_deref() == document {
            Self::OfDocument
        } else {
            Self::Other(told)
        }
    }

    fn or(self, document: Option<&str>) -> Option<String> {
        match self {
            Self::OfDocument => document.map(str::to_owned),
            Self::Other(told) => told,
        }
    }

    fn is_of_document(&self) -> bool {
        matches!(self, Self::OfDocument)
    }
}

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
    Unknown { same: why, again; inner: attempt; },
    Again { inner: first; },
    Launched { same: status, explanation, differs; inner: attempt, job; each: others; },
    Aborting { same: since, wished; inner: attempt, job, why; },
    Verifying { inner: ended; },
    Healed { same: closed; inner: ended; },
    Late { same: closed; inner: ended; },
    Unconfirmed { inner: ended; },
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

//! What a job or a receiver has left behind.

use jiff::Timestamp;
use release::runbook;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::JobAt;
use super::record;

#[derive(Serialize, Deserialize)]
pub(super) struct Ended {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<JobAt>,
    status: String,
    at: Timestamp,
    seconds: Option<u64>,
    counts: Option<Counts>,
    #[serde(default)]
    artifacts: Map<String, Value>,
    task: Option<Task>,
    #[serde(default)]
    tail: String,
    #[serde(default)]
    explanation: String,
    #[serde(default)]
    revision: String,
}

#[derive(Serialize, Deserialize)]
struct Counts {
    ok: u64,
    changed: u64,
    failures: u64,
    dark: u64,
    skipped: u64,
}

#[derive(Serialize, Deserialize)]
struct Task {
    name: String,
    host: String,
    message: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "because")]
pub(super) enum Unwell {
    Status {
        status: String,
    },
    NoHosts,
    Hosts {
        failures: u64,
        dark: u64,
    },
    Uncounted,
    NoProof {
        artifact: String,
    },
    Disproved {
        artifact: String,
        is: String,
        wanted: String,
    },
}

record!(Ended = runbook::Ended {
    same: status, at, seconds, artifacts, tail, explanation, revision;
    maybe: job, counts, task;
});

record!(Counts = runbook::Counts {
    same: ok, changed, failures, dark, skipped;
});

record!(Task = runbook::Task {
    same: name, host, message;
});

record!(enum Unwell = runbook::Unwell {
    Status { same: status; },
    NoHosts,
    Hosts { same: failures, dark; },
    Uncounted,
    NoProof { same: artifact; },
    Disproved { same: artifact, is, wanted; },
});

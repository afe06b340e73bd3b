//! Everything the controller remembers.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::auth::Users;
use super::faults::Planned;
use super::job::{Job, Plan};
use super::template::{JobTemplate, WorkflowTemplate};

/// The state behind one controller; all access goes through one lock.
#[derive(Default)]
pub(super) struct State {
    pub(super) clock: Clock,
    pub(super) users: Users,
    pub(super) templates: BTreeMap<u64, JobTemplate>,
    pub(super) workflows: BTreeMap<u64, WorkflowTemplate>,
    pub(super) plans: BTreeMap<u64, Plan>,
    pub(super) jobs: BTreeMap<u64, Job>,
    /// Launches whose answer was cut and that are not written down yet.
    pub(super) uncommitted: Vec<Uncommitted>,
    pub(super) newest_job: u64,
    pub(super) events_delay: Duration,
    pub(super) cancel_ignored: bool,
    pub(super) approvals: usize,
    pub(super) faults: Vec<Planned>,
    pub(super) calls: Vec<Call>,
}

/// A launch that will be there later.
pub(super) struct Uncommitted {
    pub(super) at: i64,
    pub(super) template: u64,
    pub(super) user: u64,
    pub(super) body: Value,
}

/// Where the controller's time comes from.
#[derive(Clone, Copy, Default)]
pub(super) enum Clock {
    #[default]
    Real,
    Set(i64),
}

/// A call the controller received.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// The decoded path below the prefix.
    pub path: String,
    /// The decoded query.
    pub query: Vec<(String, String)>,
    /// The body, where it is JSON.
    pub body: Value,
    /// The language that answers shall be in.
    pub language: Option<String>,
    /// What was answered, or nothing if the connection was left without answer.
    pub status: Option<u16>,
}

impl State {
    #[expect(
        clippy::disallowed_methods,
        reason = "the controller is a remote with a clock of its own"
    )]
    pub(super) fn now(&self) -> i64 {
        match self.clock {
            Clock::Real => Timestamp::now().as_millisecond(),
            Clock::Set(ms) => ms,
        }
    }

    pub(super) fn add_template(&mut self, template: JobTemplate) -> u64 {
        let id = self.next_template();
        self.templates.insert(id, template);
        id
    }

    pub(super) fn add_workflow(&mut self, template: WorkflowTemplate) -> u64 {
        let id = self.next_template();
        self.workflows.insert(id, template);
        id
    }

    /// Both kinds of template share one space of ids.
    fn next_template(&self) -> u64 {
        let used = self.templates.keys().chain(self.workflows.keys());
        used.max().map_or(18, |id| id + 1)
    }

    pub(super) fn next_job(&mut self) -> u64 {
        self.newest_job = self.newest_job.max(811) + 1;
        self.newest_job
    }
}

/// How the controller writes times.
pub(super) fn time(ms: Option<i64>) -> Value {
    let Some(ms) = ms else {
        return Value::Null;
    };
    let at = Timestamp::from_millisecond(ms).expect("the clock shows a year below 9999");
    Value::String(at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string())
}

//! A job and the moves that it can make.
//!
//! | From | To | Why |
//! |---|---|---|
//! | new | pending | it is written down completely |
//! | pending | waiting | nothing blocks it: another job of the same template does, unless the template allows several |
//! | pending | canceled | somebody wished so |
//! | pending | failed | what it depends on has failed |
//! | waiting | running | the machine that runs it has begun |
//! | running | successful | the playbook has ended well, on any number of hosts, also on none |
//! | running | failed | a task failed, it took too long, or the machine was lost |
//! | running | error | it could not be run |
//! | running | canceled | somebody wished so |
//!
//! There are no other moves. A wish to end a job that is new or waiting is
//! remembered and comes true at the next state that can be ended.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is written down.
    New,
    /// It waits for others, or for capacity.
    Pending,
    /// It waits for the machine that runs it.
    Waiting,
    /// It runs.
    Running,
    /// It ended well, as the playbook says.
    Successful,
    /// Something failed.
    Failed,
    /// It could not be run.
    Error,
    /// Somebody ended it.
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::New,
        Self::Pending,
        Self::Waiting,
        Self::Running,
        Self::Successful,
        Self::Failed,
        Self::Error,
        Self::Canceled,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Successful => "successful",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Canceled => "canceled",
        }
    }

    /// Whether a job may go from here to there in one step.
    pub fn may_become(self, to: Self) -> bool {
        match self {
            Self::New => to == Self::Pending,
            Self::Pending => matches!(to, Self::Waiting | Self::Canceled | Self::Failed),
            Self::Waiting => to == Self::Running,
            Self::Running => to.is_ended(),
            Self::Successful | Self::Failed | Self::Error | Self::Canceled => false,
        }
    }

    /// Whether it changes no more.
    pub fn is_ended(self) -> bool {
        matches!(
            self,
            Self::Successful | Self::Failed | Self::Error | Self::Canceled
        )
    }
}

/// A move that no job makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IllegalMove {
    /// There is no such job.
    Unknown(u64),
    /// It leads from one state to another that does not follow it.
    NoSuchWay(Status, Status),
    /// Another job of the same template has to end first.
    Blocked(u64),
}

impl fmt::Display for IllegalMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(id) => write!(f, "there is no job {id}"),
            Self::NoSuchWay(from, to) => {
                write!(f, "no job goes from {} to {}", from.word(), to.word())
            }
            Self::Blocked(by) => write!(f, "job {by} has to end first"),
        }
    }
}

impl std::error::Error for IllegalMove {}

/// What a launch makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A run of a playbook.
    Job,
    /// A run of a workflow, or of a job template that is cut into slices.
    Workflow,
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: u64,
    /// Its kind.
    pub kind: Kind,
    /// The template that it was made of.
    pub template: u64,
    /// How far it is.
    pub status: Status,
    /// Since when it is there, in milliseconds.
    pub since: i64,
    /// Who launched it.
    pub launched_by: u64,
    /// `manual` or `relaunch`.
    pub launch_type: &'static str,
    /// All its variables.
    pub extra_vars: Map<String, Value>,
    /// Its hosts; empty for all.
    pub limit: String,
    /// `run` or `check`.
    pub job_type: String,
    /// What the launch asked for and did not get.
    pub ignored: Map<String, Value>,
    /// When it was written down, began and ended, in milliseconds.
    pub created: i64,
    /// When it began to run.
    pub started: Option<i64>,
    /// When it ended.
    pub finished: Option<i64>,
    /// Whether somebody wished that it ends.
    pub cancel_wished: bool,
    /// What its end left behind.
    pub end: Option<End>,
}

/// How a job ends.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// One of the four.
    pub status: Status,
    /// On how many hosts what happened.
    pub counts: Counts,
    /// What `set_stats` has set.
    pub artifacts: Value,
    /// The tasks that failed.
    pub tasks: Vec<Task>,
    /// Everything that it put out.
    pub output: String,
    /// Why it could not be run.
    pub explanation: String,
}

impl End {
    /// It changed something on so many hosts, and nothing failed.
    pub fn well(hosts: u64) -> Self {
        Self {
            status: Status::Successful,
            counts: Counts {
                ok: hosts,
                changed: hosts,
                ..Counts::default()
            },
            artifacts: Value::Object(Map::new()),
            tasks: Vec::new(),
            output: "PLAY RECAP\n".to_owned(),
            explanation: String::new(),
        }
    }

    /// A task failed on a host.
    pub fn failed(task: &str, host: &str, message: &str) -> Self {
        Self {
            status: Status::Failed,
            counts: Counts {
                failures: 1,
                ..Counts::default()
            },
            tasks: vec![Task {
                task: task.to_owned(),
                host: host.to_owned(),
                message: message.to_owned(),
                unreachable: false,
            }],
            output: format!("\u{1b}[0;31mfatal: [{host}]: FAILED! => {message}\u{1b}[0m\n"),
            ..Self::well(0)
        }
    }

    /// It could not be run.
    pub fn error(explanation: &str) -> Self {
        Self {
            status: Status::Error,
            explanation: explanation.to_owned(),
            output: String::new(),
            ..Self::well(0)
        }
    }
}

/// On how many hosts what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All was as it should be.
    pub ok: u64,
    /// Something was changed.
    pub changed: u64,
    /// A task failed.
    pub failures: u64,
    /// It could not be reached.
    pub dark: u64,
    /// A task was left out.
    pub skipped: u64,
}

/// A task that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub task: String,
    /// The host.
    pub host: String,
    /// What the module said.
    pub message: String,
    /// Whether the host could not be reached.
    pub unreachable: bool,
}

/// What becomes of jobs by the clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How long one is pending.
    pub pending: Duration,
    /// How long it runs.
    pub running: Duration,
    /// How it ends.
    pub end: End,
}

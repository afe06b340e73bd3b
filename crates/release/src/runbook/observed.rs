//! What is known when a step is decided.

use jiff::{SignedDuration, Timestamp};

use super::settings::Mode;
use super::{Ended, Form, JobAt};
use crate::problem::Problem;
use crate::remediation::{Guard, Paused};

/// What is the case, whatever is found out.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// Whether the tenant said in this pass how the problem stands.
    pub heard: bool,
    /// Whether the problem became a part of another one, and nobody can say of
    /// which.
    pub lost: bool,
    /// What the runbook and the installation allow: see [`Mode::under`].
    pub mode: Mode,
    /// Whether the operator still lists the runbook as it was decided.
    pub listed: bool,
    /// How old a notification may be.
    pub max_age: SignedDuration,
    /// Whether anything may be begun.
    pub paused: Paused,
    /// What a person said of this run.
    pub permission: Option<Permission>,
    /// Now.
    pub now: Timestamp,
}

/// What a person says of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It shall be run.
    Given {
        /// Who.
        who: String,
    },
    /// It shall not be run, or shall end.
    Refused {
        /// Who.
        who: String,
    },
}

/// What was found out since the last step. What is `None` was not asked yet.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Who holds the change: a problem, or nobody.
    pub holder: Option<Option<String>>,
    /// The guard of the target.
    pub guard: Option<Guard>,
    /// What the template asks for.
    pub form: Option<Answer<Form>>,
    /// The jobs of this user above the floor, relaunches not among them, the
    /// lowest id first: those with the marker, or all where there is none.
    pub found: Option<Answer<Vec<Found>>>,
    /// The job.
    pub job: Option<Answer<Shown>>,
    /// What the job has left behind.
    pub ended: Option<Answer<Ended>>,
    /// What became of the launch that was just made.
    pub launched: Option<Launched>,
    /// Whether the wish that a job ends was just made, however it was answered.
    pub wished: bool,
}

/// What the controller answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// This.
    Is(T),
    /// That there is no such thing.
    Gone,
    /// Nothing that could be used, for this reason.
    Unheard(String),
}

/// What became of a launch, or of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launched {
    /// It was launched.
    Job(Found),
    /// A receiver has done it.
    Done(Box<Ended>),
    /// The controller or the receiver said no.
    Refused {
        /// The status of its answer.
        status: u16,
        /// Why.
        text: String,
    },
    /// It was not sent, for this reason.
    NotSent(String),
    /// Nobody can say, for this reason.
    Unknown(String),
}

/// A job that is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The job.
    pub job: JobAt,
    /// The controller's word for how far it is.
    pub status: String,
    /// How it differs from what was ordered, in words.
    pub differences: Vec<String>,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The controller's word.
    pub status: String,
    /// Why it waits.
    pub explanation: String,
}

impl Shown {
    /// Whether it changes no more. A word that is not known is no end.
    pub fn is_ended(&self) -> bool {
        ["successful", "failed", "error", "canceled"].contains(&self.status.as_str())
    }

    /// Whether it has not begun.
    pub fn is_queued(&self) -> bool {
        ["new", "pending", "waiting"].contains(&self.status.as_str())
    }
}

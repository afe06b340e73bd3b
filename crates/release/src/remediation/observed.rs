//! What is known when a step is decided.

use jiff::Timestamp;

use super::{Guard, Policy, Runs};
use crate::change::Remedy;
use crate::pause::Stopped;
use crate::problem::Problem;

/// Whether the place may be changed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paused {
    /// It may.
    No,
    /// A person or the calendar says that it may not.
    Yes(Stopped),
    /// Nobody could ask.
    Unknown,
}

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
    /// What is allowed.
    pub policy: Policy,
    /// Whether the place may be changed.
    pub paused: Paused,
    /// Now.
    pub now: Timestamp,
}

/// What was found out since the last step. What is `None` was not asked yet.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Who holds the culprit: a problem, or nobody.
    pub holder: Option<Option<String>>,
    /// The guard of the place.
    pub guard: Option<Guard>,
    /// What was made in answer to the culprit, if anything.
    pub answer: Option<Option<Made>>,
    /// What runs in the place.
    pub runs: Option<Running>,
    /// What the answer, or the rollback of CodeDeploy, brings.
    pub brought: Option<Remedy>,
    /// What would be put in place of the culprit, if there is anything.
    pub remedy: Option<Option<Remedy>>,
    /// How the deployment of the heal stands, if CodeDeploy shows it.
    pub heal: Option<Option<Shown>>,
    /// What became of the call that was just made.
    pub created: Option<Created>,
}

/// What was made in answer to a culprit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
}

/// What runs in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// As seen from the culprit.
    pub runs: Runs,
    /// CodeDeploy's record of its rollback, where one runs.
    pub rollback: Option<Made>,
    /// Whether the culprit is under way, or was stopped before it had ended by
    /// itself.
    pub unfinished: bool,
}

/// How the deployment of a heal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is under way.
    NotYet,
    /// It succeeded, at this time if CodeDeploy knows.
    Well(Option<Timestamp>),
    /// It failed or was stopped, for this reason, at this time.
    Badly(String, Option<Timestamp>),
}

/// What became of the wish to take the culprit back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is under way under this id.
    Deployment(String),
    /// Somebody else is changing the place, or has just changed it.
    Busy,
    /// CodeDeploy does not take it; trying again does not help.
    Refused(String),
}

//! The kinds of change: what may cause a problem, where it is made, and what
//! takes it back.
//!
//! Code that decides by kind matches on these, so that a further kind is met by
//! the compiler everywhere. What is the same of all kinds is asked here.

pub mod words;

use std::fmt;

use jiff::Timestamp;

use crate::configuration::Configuration;
use crate::deployment::{Deployment, Group, Origin};

/// A change that may cause a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A revision was deployed.
    Deployment(Deployment),
    /// A flag got another value.
    Flag(FlagChange),
    /// A configuration was announced, with the action that takes it back.
    Configuration(Configuration),
}

/// What is changed, and guarded against being healed in a circle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A deployment group.
    Group(Group),
    /// A flag.
    Flag(Flag),
    /// What the run of a runbook changes: [`crate::runbook::Run::target`].
    Runbook(String),
}

/// What takes a culprit back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// What this deployment released is deployed again.
    Redeploy(Deployment),
    /// A flag is what it was before the culprit.
    Restore(FlagValue),
}

/// A flag of a set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flag {
    /// The set.
    pub set: String,
    /// The name within the set.
    pub name: String,
}

/// A flag got another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagChange {
    /// The id of the change.
    pub id: String,
    /// The flag.
    pub flag: Flag,
    /// The version of the flag that it made.
    pub version: u64,
    /// When it took effect.
    pub at: Timestamp,
    /// The value before, as people read it.
    pub before: String,
    /// The value after; of a ramp, the one that it moves to.
    pub after: String,
    /// Who made it.
    pub by: String,
}

/// A flag with the value that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagValue {
    /// The flag.
    pub flag: Flag,
    /// The value, as people read it.
    pub value: String,
}

impl Change {
    /// Its id in the service that made it.
    pub fn id(&self) -> &str {
        match self {
            Self::Deployment(deployment) => &deployment.id,
            Self::Flag(change) => &change.id,
            Self::Configuration(configuration) => &configuration.event.id,
        }
    }

    /// What it changed.
    pub fn place(&self) -> Place {
        match self {
            Self::Deployment(deployment) => Place::Group(deployment.group.clone()),
            Self::Flag(change) => Place::Flag(change.flag.clone()),
            Self::Configuration(configuration) => Place::Runbook(configuration.target.clone()),
        }
    }

    /// When it began.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Deployment(deployment) => deployment.at,
            Self::Flag(change) => change.at,
            Self::Configuration(configuration) => configuration.event.at,
        }
    }

    /// Whether it took another one back.
    pub fn is_heal(&self) -> bool {
        match self {
            Self::Deployment(deployment) => deployment.origin == Origin::Heal,
            // What takes these back is no candidate.
            Self::Flag(_) | Self::Configuration(_) => false,
        }
    }
}

impl Remedy {
    /// What it is told from others by: the deployment that released it first, or
    /// the value of a flag.
    pub fn id(&self) -> &str {
        match self {
            Self::Redeploy(deployment) => &deployment.id,
            Self::Restore(flag) => &flag.value,
        }
    }

    /// Whether one write puts it in place.
    pub fn is_at_once(&self) -> bool {
        match self {
            Self::Redeploy(_) => false,
            Self::Restore(_) => true,
        }
    }

    /// What enters the ledger once it was made under this id. The history of a
    /// flag is kept with the flag.
    #[must_use]
    pub fn made(&self, id: &str, at: Timestamp) -> Option<Change> {
        match self {
            Self::Redeploy(target) => Some(Change::Deployment(Deployment {
                id: id.to_owned(),
                at,
                execution: None,
                origin: Origin::Heal,
                ..target.clone()
            })),
            Self::Restore(_) => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => group.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Runbook(target) => f.write_str(target),
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, name } = self;
        write!(f, "{set}/{name}")
    }
}

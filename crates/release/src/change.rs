//! The kinds of change: what may cause a problem, where it is made, and what is
//! put in its place.
//!
//! Code that decides by kind matches on these, so that a further kind is met by
//! the compiler everywhere. What is the same of all kinds is asked here.

use std::fmt;

use jiff::Timestamp;

use crate::deployment::{Deployment, Group, Origin};

/// A change that may cause a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A revision was deployed.
    Deployment(Deployment),
}

/// What is changed, and guarded against being healed in a circle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A deployment group.
    Group(Group),
}

/// What is put in the place of a culprit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// What this deployment released is deployed again.
    Redeploy(Deployment),
}

impl Change {
    /// Its id in the service that made it.
    pub fn id(&self) -> &str {
        match self {
            Self::Deployment(deployment) => &deployment.id,
        }
    }

    /// What it changed.
    pub fn place(&self) -> Place {
        match self {
            Self::Deployment(deployment) => Place::Group(deployment.group.clone()),
        }
    }

    /// When it began.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Deployment(deployment) => deployment.at,
        }
    }

    /// Whether it took another one back.
    pub fn is_heal(&self) -> bool {
        match self {
            Self::Deployment(deployment) => deployment.origin == Origin::Heal,
        }
    }
}

impl Remedy {
    /// The change that brought it first.
    pub fn id(&self) -> &str {
        match self {
            Self::Redeploy(deployment) => &deployment.id,
        }
    }

    /// The change that it is once it was made in place of `culprit`, under this
    /// id.
    #[must_use]
    pub fn made(&self, culprit: &Change, id: &str, at: Timestamp) -> Change {
        match (self, culprit) {
            (Self::Redeploy(target), Change::Deployment(culprit)) => {
                Change::Deployment(Deployment {
                    id: id.to_owned(),
                    group: culprit.group.clone(),
                    at,
                    execution: None,
                    origin: Origin::Heal,
                    ..target.clone()
                })
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => group.fmt(f),
        }
    }
}

//! The kinds of change: what may cause a problem, where it is made, and what is
//! put in its place.
//!
//! Code that decides by kind matches on these, so that a further kind is met by
//! the compiler everywhere. What is the same of all kinds is asked here.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::deployment::{Deployment, Group, Origin};

/// A change that may cause a problem. It is stored as what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
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

/// What is put in the place of a culprit. It is stored as what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Remediation;
    use crate::remediation::{Actor, State};

    /// As it was stored before there were kinds.
    const STORED: &str = r#"{
        "culprit": {
            "id": "d-2",
            "group": {"application": "Shop", "name": "Production"},
            "at": "2026-11-29T10:00:00Z",
            "execution": null,
            "identity": "two",
            "version": "2",
            "origin": "release"
        },
        "holds": true,
        "stopped": false,
        "state": {
            "state": "deploying",
            "heal": {
                "target": {
                    "id": "d-1",
                    "group": {"application": "Shop", "name": "Production"},
                    "at": "2026-11-28T10:00:00Z",
                    "execution": "e-1",
                    "identity": "one",
                    "location": "s3:bucket/one.zip",
                    "version": "1",
                    "origin": "release"
                },
                "by": "ours",
                "marker": "[unbreakable:P-1:d-2]",
                "at": "2026-11-29T10:05:00Z"
            },
            "deployment": "d-3"
        }
    }"#;

    #[test]
    fn remediation_is_stored_as_it_was_before_there_were_kinds() {
        let read: Remediation = serde_json::from_str(STORED).unwrap();

        let State::Deploying { heal, deployment } = &read.state else {
            panic!("{:?}", read.state);
        };
        let Remedy::Redeploy(target) = &heal.remedy;
        assert_eq!((target.id.as_str(), heal.by), ("d-1", Actor::Ours));
        assert_eq!((read.culprit.id(), deployment.as_str()), ("d-2", "d-3"));
        assert_eq!(read.culprit.place().to_string(), "Shop/Production");
        let stored: serde_json::Value = serde_json::from_str(STORED).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), stored);
    }
}

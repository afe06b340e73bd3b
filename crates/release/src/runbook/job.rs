//! Where a job is, what it is for and how it is recognised.

use serde::{Deserialize, Serialize};

use super::Kind;

/// Where a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobAt {
    /// Its id.
    pub id: u64,
    /// Its kind, which a template that is cut into slices does not share.
    pub kind: Kind,
    /// Where people see it.
    pub page: Option<String>,
}

/// What a job is launched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// To say what it would change.
    Check,
    /// To change it.
    Real,
}

/// How a job is recognised as ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Marking {
    /// Its variables name the run.
    Variables,
    /// The template takes no variables: it is the only one of this user above the
    /// floor.
    Sole,
}

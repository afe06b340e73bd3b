//! Everything that led to a verdict, in the shape in which it is stored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use monspec::{Finding, Verdict};
use serde::{Deserialize, Serialize};

use crate::approval::Answer;
use crate::window::Window;

/// The evidence of one verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The verdict.
    pub verdict: Verdict,
    /// What it says to the approval.
    pub answer: Answer,
    /// Why the numbers were not judged, where they were not.
    pub reason: Option<String>,
    /// What the approval summary adds, such as a first release.
    pub note: Option<String>,
    /// Every signature, judged.
    pub findings: Vec<Evidenced>,
    /// The entities that were asked for or answered, per service entry and
    /// environment.
    pub entities: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// When the verdict fell.
    pub judged_at: Timestamp,
}

/// A finding and how its numbers were obtained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidenced {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// How the observation was obtained.
    pub source: Asked,
    /// How the baseline was obtained, where one was asked for.
    pub compare: Option<Asked>,
}

/// One question to the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The environment.
    pub environment: String,
    /// The window, after shifting.
    pub window: Window,
    /// The metric selector or its v1 counterpart.
    pub selector: String,
    /// The request, without host and token.
    pub query: String,
    /// What the tenant warned about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

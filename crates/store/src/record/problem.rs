//! A problem, and what was said about it.
//!
//! What is counted, and whether it has settled, stands beside the document:
//! queries and conditions need it there.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::problem::{self, Arrival};
use serde::{Deserialize, Serialize};

use super::application::Application;
use super::change::Change;
use super::outbox::Entry;
use super::record;
use super::remediation::Remediation;
use super::run::{Document, Run};
use crate::StoreError;
use crate::item::{self, Item};

/// The document of a problem, as an attribute.
pub(crate) fn attribute(problem: &problem::Problem) -> AttributeValue {
    item::json_attribute(&Problem::from(problem.clone()))
}

/// The problem that is stored in this item.
pub(crate) fn read(item: &Item) -> Result<problem::Problem, StoreError> {
    let Problem {
        id,
        display_id,
        title,
        noticed,
        arrival,
        began,
        closed,
        merged_into,
        impacted,
        root_cause,
        cause,
        remediations,
        applications,
        runs,
        next_older,
        comments,
        give_up_at,
    } = item::json(item, "problem")?;
    let document = Document {
        id: &id,
        display: display_id.as_deref(),
        title: title.as_deref(),
    };
    let runs = runs.into_iter().map(|run| run.of(document)).collect();
    Ok(problem::Problem {
        id,
        display_id,
        title,
        noticed,
        arrival,
        began,
        closed,
        merged_into,
        impacted,
        root_cause,
        cause: cause.into(),
        remediations: remediations.into_iter().map(Into::into).collect(),
        applications: applications.into_iter().map(Into::into).collect(),
        runs,
        next_older: next_older.map(Into::into),
        comments: comments.into_iter().map(Into::into).collect(),
        faults: item::number(item, "faults")?,
        waits: item::number(item, "waits")?,
        give_up_at,
        phase: item::plain(item, "phase")?,
    })
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    id: String,
    #[serde(default)]
    display_id: Option<String>,
    #[serde(default)]
    title: Option<String>,
    noticed: Timestamp,
    arrival: Arrival,
    #[serde(default)]
    began: Option<Timestamp>,
    #[serde(default)]
    closed: Option<Timestamp>,
    #[serde(default)]
    merged_into: Option<String>,
    #[serde(default)]
    impacted: Vec<String>,
    #[serde(default)]
    root_cause: Option<String>,
    #[serde(rename = "finding")]
    cause: Cause,
    #[serde(default)]
    remediations: Vec<Remediation>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    applications: Vec<Application>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    runs: Vec<Run>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_older: Option<Change>,
    #[serde(default)]
    comments: Vec<Entry>,
    give_up_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum Cause {
    Pending,
    Test,
    NotProduction,
    Over,
    #[serde(rename = "nothingDeployed")]
    NothingChanged,
    Blamed,
    #[serde(rename = "tooManyGroups")]
    TooManyPlaces {
        #[serde(rename = "groups")]
        places: usize,
    },
    Ambiguous {
        #[serde(rename = "deployments")]
        changes: Vec<String>,
    },
    GaveUp,
}

impl From<problem::Problem> for Problem {
    fn from(problem: problem::Problem) -> Self {
        let problem::Problem {
            id,
            display_id,
            title,
            noticed,
            arrival,
            began,
            closed,
            merged_into,
            impacted,
            root_cause,
            cause,
            remediations,
            applications,
            runs,
            next_older,
            comments,
            faults: _,
            waits: _,
            give_up_at,
            phase: _,
        } = problem;
        let document = Document {
            id: &id,
            display: display_id.as_deref(),
            title: title.as_deref(),
        };
        let runs = runs.into_iter().map(|run| Run::within(document, run));
        let runs = runs.collect();
        Self {
            id,
            display_id,
            title,
            noticed,
            arrival,
            began,
            closed,
            merged_into,
            impacted,
            root_cause,
            cause: cause.into(),
            remediations: remediations.into_iter().map(Into::into).collect(),
            applications: applications.into_iter().map(Into::into).collect(),
            runs,
            next_older: next_older.map(Into::into),
            comments: comments.into_iter().map(Into::into).collect(),
            give_up_at,
        }
    }
}

record!(enum Cause = problem::Cause {
    Pending,
    Test,
    NotProduction,
    Over,
    NothingChanged,
    Blamed,
    TooManyPlaces { same: places; },
    Ambiguous { same: changes; },
    GaveUp,
});

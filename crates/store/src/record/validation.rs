//! What was asked for, and its verdict.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use monspec::Verdict;
use release::approval::Answer;
use release::execution::{self, ExecutionMode};
use release::otherwise;
use release::validation::{self, ApprovalAction, ValidationId};
use release::window::Window;
use serde::{Deserialize, Serialize};

use super::change::{Deployment, Group, Groups};
use super::record;
use crate::StoreError;
use crate::item::{self, Item};

/// What was asked for, as an attribute.
pub(crate) fn registration(registration: &validation::Registration) -> AttributeValue {
    item::json_attribute(&Registration::from(registration.clone()))
}

/// The verdict, as an attribute.
pub(crate) fn judgement(judgement: &validation::Judgement) -> AttributeValue {
    item::json_attribute(&Judgement::from(judgement.clone()))
}

/// What is stored of what was asked for.
pub(crate) fn registered(item: &Item) -> Result<validation::Registration, StoreError> {
    item::json::<Registration>(item, "registration").map(Into::into)
}

/// What is stored of the verdict, if it fell.
pub(crate) fn judged(item: &Item) -> Result<Option<validation::Judgement>, StoreError> {
    let judgement = item::optional_json::<Judgement>(item, "judgement")?;
    Ok(judgement.map(Into::into))
}

/// How many bytes of its item a registration takes.
pub fn registration_len(registration: &validation::Registration) -> usize {
    item::json_text(&Registration::from(registration.clone())).len()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    id: ValidationId,
    pipeline: String,
    execution: Option<String>,
    mode: ExecutionMode,
    registrant: Registrant,
    comparison: String,
    window: Window,
    approval: Option<ApprovalAction>,
    spec: String,
    sources: Vec<SourceRevision>,
    version: String,
    deployments: Vec<Deployment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    untaught: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_groups: Vec<Group>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    otherwise: Vec<Otherwise>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    compare_groups: Vec<Group>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    compared: BTreeMap<String, Groups>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    environments: Vec<Environments>,
    result_hook: Option<String>,
    registered_at: Timestamp,
    due_at: Timestamp,
    give_up_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Registrant {
    Action { stage: String, action: String },
    Direct,
}

#[derive(Serialize, Deserialize)]
struct SourceRevision {
    name: String,
    revision: String,
    summary: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Otherwise {
    stage: String,
    action: String,
    since: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Environments {
    source: String,
    compare: Option<String>,
    entries: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Judgement {
    verdict: Verdict,
    answer: Answer,
    summary: String,
    at: Timestamp,
}

record!(Registration = validation::Registration {
    same: id, pipeline, execution, mode, comparison, window, approval, spec, version,
        untaught, result_hook, registered_at, due_at, give_up_at, expires_at;
    inner: registrant;
    each: sources, deployments, source_groups, otherwise, compare_groups, environments;
    values: compared;
});

record!(SourceRevision = execution::SourceRevision {
    same: name, revision, summary;
});

record!(Otherwise = otherwise::Otherwise {
    same: stage, action, since;
});

record!(Environments = validation::Environments {
    same: source, compare, entries;
});

record!(Judgement = validation::Judgement {
    same: verdict, answer, summary, at;
});

impl From<validation::Registrant> for Registrant {
    fn from(registrant: validation::Registrant) -> Self {
        match registrant {
            validation::Registrant::Action { stage, action } => Self::Action { stage, action },
            validation::Registrant::Direct => Self::Direct,
        }
    }
}

impl From<Registrant> for validation::Registrant {
    fn from(registrant: Registrant) -> Self {
        match registrant {
            Registrant::Action { stage, action } => Self::Action { stage, action },
            Registrant::Direct => Self::Direct,
        }
    }
}

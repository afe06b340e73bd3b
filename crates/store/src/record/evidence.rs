//! The evidence of a verdict.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use monspec::{BoundSide, OpenProblems, Outcome, Verdict};
use release::approval::Answer;
use release::evidence::{self, About, Unjudged};
use serde::{Deserialize, Serialize};

use super::record;
use super::window::Window;
use crate::StoreError;
use crate::item::Item;
use crate::packed::{self, fits, pack_json};

/// What fits of it, as an attribute.
pub(crate) fn attribute(evidence: &evidence::Evidence) -> AttributeValue {
    let record = |evidence: &evidence::Evidence| Evidence::from(evidence.clone());
    pack_json(&record(&evidence.within(|some| fits(&record(some)))))
}

/// What is stored of it.
pub(crate) fn read(item: &Item) -> Result<evidence::Evidence, StoreError> {
    packed::json::<Evidence>(item, "body").map(Into::into)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evidence {
    verdict: Verdict,
    answer: Answer,
    reason: Option<String>,
    note: Option<String>,
    findings: Vec<Evidenced>,
    entities: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    judged_at: Timestamp,
    /// Records of earlier versions have none.
    #[serde(default)]
    context: Context,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    unjudged: Option<Unjudged>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problems>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    entity_counts: BTreeMap<String, BTreeMap<String, usize>>,
}

#[derive(Serialize, Deserialize)]
struct Problems {
    service: String,
    environment: String,
    policy: OpenProblems,
    outcome: Outcome,
    count: usize,
    open: Vec<OpenProblem>,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct OpenProblem {
    id: String,
    name: String,
    since: Timestamp,
    until: Option<Timestamp>,
    address: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Link {
    about: About,
    name: String,
    address: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Evidenced {
    #[serde(flatten)]
    finding: Finding,
    source: Asked,
    compare: Option<Asked>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    address: Address,
    metric: String,
    aggregate: String,
    side: BoundSide,
    outcome: Outcome,
    accepted: bool,
    observation: Option<f64>,
    baseline: Option<f64>,
    #[serde(default, skip_serializing_if = "Coverage::is_empty")]
    coverage: Coverage,
    /// Records of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tolerance: Option<f64>,
    upper_limit: Option<f64>,
    lower_limit: Option<f64>,
    margin: Option<f64>,
    reason: String,
}

#[derive(PartialEq, Eq, Default, Serialize, Deserialize)]
struct Coverage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    observation: Option<Answered>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    baseline: Option<Answered>,
}

impl Coverage {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Answered {
    answered: usize,
    entities: usize,
}

#[derive(Serialize, Deserialize)]
struct Address {
    service: String,
    method: Option<String>,
    signature: usize,
}

#[derive(Serialize, Deserialize)]
struct Asked {
    environment: String,
    window: Window,
    selector: String,
    query: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

record!(Evidence = evidence::Evidence {
    same: verdict, answer, reason, note, entities, judged_at;
    inner: context;
    each: findings;
});

record!(Context = evidence::Context {
    same: unjudged, entity_counts;
    each: problems, links;
});

record!(Problems = evidence::Problems {
    same: service, environment, policy, outcome, count, reason;
    each: open;
});

record!(OpenProblem = evidence::OpenProblem {
    same: id, name, since, until, address;
});

record!(Link = evidence::Link {
    same: about, name, address;
});

record!(Evidenced = evidence::Evidenced {
    inner: finding, source;
    maybe: compare;
});

record!(Finding = monspec::Finding {
    same: metric, aggregate, side, outcome, accepted, observation, baseline, tolerance,
        upper_limit, lower_limit, margin, reason;
    inner: address, coverage;
});

record!(Coverage = monspec::Coverage {
    maybe: observation, baseline;
});

record!(Answered = monspec::Answered {
    same: answered, entities;
});

record!(Address = monspec::Address {
    same: service, method, signature;
});

record!(Asked = evidence::Asked {
    same: environment, selector, query, warnings;
    inner: window;
});

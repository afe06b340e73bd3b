//! One evaluation.

mod answer;
mod context;

use std::collections::BTreeMap;

use release::deployment::Deployment;
use release::validation::Registrant;
use schemars::JsonSchema;
use serde::Serialize;

use super::Time;
use super::finding::Finding;
use super::history::Outline;
use crate::frame::Frame;
use crate::records;
use answer::Answers;
use context::{Link, Problems, unjudged};

/// One validation, from its registration to its answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Evaluation<'a> {
    /// When this was written.
    written_at: Time,
    /// The pipeline.
    pipeline: &'a str,
    /// The comparison.
    comparison: &'a str,
    #[serde(flatten)]
    outline: Outline<'a>,
    /// The action that registered it; null for a direct call.
    registered_by: Option<Action<'a>>,
    /// The approval that it answers.
    answers_to: Option<Action<'a>>,
    /// When the first look is taken.
    due_at: Time,
    /// When waiting ends in a visible state.
    give_up_at: Time,
    /// What the execution released.
    sources: Vec<Source<'a>>,
    /// The deployments that the verdict is about.
    deployments: Vec<Deployed<'a>>,
    /// Why the numbers were not judged, where they were not.
    reason: Option<&'a str>,
    /// What the approval says besides.
    note: Option<&'a str>,
    /// What kept the numbers from being judged.
    #[schemars(extend("enum" = ["healed", "overtaken", "tainted", "ownBaseline", "unmeasured", null]))]
    unjudged: Option<&'static str>,
    /// The problems that were open on each judged environment.
    problems: Vec<Problems<'a>>,
    /// Where more is to be seen.
    links: Vec<Link<'a>>,
    /// Every signature, judged, in the order of the monspec.
    findings: Vec<Finding<'a>>,
    /// The entities that were asked for or answered, per service entry and environment.
    entities: Option<&'a BTreeMap<String, BTreeMap<String, Vec<String>>>>,
    /// How many there are where not all are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_counts: Option<&'a BTreeMap<String, BTreeMap<String, usize>>>,
    #[serde(flatten)]
    answers: Answers<'a>,
    /// The monspec that judged it.
    monspec: Monspec<'a>,
}

/// An action of the pipeline.
#[derive(Serialize, JsonSchema)]
struct Action<'a> {
    /// The stage that holds it.
    stage: &'a str,
    /// Its name.
    action: &'a str,
}

/// One source of a pipeline execution.
#[derive(Serialize, JsonSchema)]
struct Source<'a> {
    /// The source action or artifact.
    name: &'a str,
    /// The revision: a commit, an object version.
    revision: &'a str,
    /// A commit message or the like.
    summary: Option<&'a str>,
}

/// A revision that reached a group.
#[derive(Serialize, JsonSchema)]
struct Deployed<'a> {
    /// CodeDeploy's id.
    id: &'a str,
    /// The CodeDeploy application.
    application: &'a str,
    /// The deployment group within it.
    group: &'a str,
    /// When it began to reach the group.
    at: Time,
    /// What a person calls it.
    version: &'a str,
}

/// The monspec that judged a validation.
#[derive(Serialize, JsonSchema)]
struct Monspec<'a> {
    /// The hash of its text.
    sha256: &'a str,
    /// Its text, as long as it is stored.
    text: Option<&'a str>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn of(frame: &Frame<'_>, evaluation: &records::Evaluation<'a>) -> Self {
        let validation = evaluation.validation;
        let registration = &validation.registration;
        let evidence = evaluation.evidence;
        let context = evidence.map(|evidence| &evidence.context);
        let source = |source: &'a release::execution::SourceRevision| Source {
            name: &source.name,
            revision: &source.revision,
            summary: source.summary.as_deref(),
        };
        Self {
            written_at: frame.now.into(),
            pipeline: &registration.pipeline,
            comparison: &registration.comparison,
            outline: validation.into(),
            registered_by: match &registration.registrant {
                Registrant::Action { stage, action } => Some(Action { stage, action }),
                Registrant::Direct => None,
            },
            answers_to: registration.approval.as_ref().map(|approval| Action {
                stage: &approval.stage,
                action: &approval.action,
            }),
            due_at: registration.due_at.into(),
            give_up_at: validation.waits_until().into(),
            sources: registration.sources.iter().map(source).collect(),
            deployments: registration.deployments.iter().map(deployed).collect(),
            reason: evidence.and_then(|evidence| evidence.reason.as_deref()),
            note: evidence.and_then(|evidence| evidence.note.as_deref()),
            unjudged: evidence.and_then(|evidence| evidence.context.unjudged.map(unjudged)),
            problems: context
                .iter()
                .flat_map(|one| &one.problems)
                .map(Problems::from)
                .collect(),
            links: context
                .iter()
                .flat_map(|one| &one.links)
                .map(Link::from)
                .collect(),
            findings: evidence
                .map(|evidence| evidence.findings.iter().map(Finding::from).collect())
                .unwrap_or_default(),
            entities: evidence.map(|evidence| &evidence.entities),
            entity_counts: context
                .map(|context| &context.entity_counts)
                .filter(|counts| !counts.is_empty()),
            answers: validation.into(),
            monspec: Monspec {
                sha256: &registration.spec,
                text: evaluation.spec,
            },
        }
    }
}

fn deployed(deployment: &Deployment) -> Deployed<'_> {
    Deployed {
        id: &deployment.id,
        application: &deployment.group.application,
        group: &deployment.group.name,
        at: deployment.at.into(),
        version: &deployment.version,
    }
}

//! The place of a registration within its pipeline: execution, approval,
//! deployments.

use std::collections::BTreeMap;

use anyhow::Context as _;
use delivery::job::JobContext;
use delivery::pipeline::{
    ActionKind, ActionRun, Execution, ExecutionKind, Mode, RunStatus, Structure, Target,
};
use delivery::{CodePipeline, DeliveryError};
use futures_util::future::{join, try_join};
use jiff::Timestamp;
use monspec::{Comparison, ServiceEntry};
use release::deployment::{Deployment, Group, Origin};
use release::validation::{ApprovalAction, ExecutionMode, Registrant, SourceRevision};

use super::parameters::Parameters;
use super::{Refusal, Stop};

/// Where a registration stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) pipeline: String,
    pub(super) execution: Option<String>,
    pub(super) mode: Option<ExecutionMode>,
    pub(super) registrant: Option<Registrant>,
    pub(super) approval: Option<ApprovalAction>,
    pub(super) sources: Vec<SourceRevision>,
    pub(super) deployed: Vec<Deployed>,
    pub(super) compare_groups: Vec<Group>,
}

/// A deployment of the execution that is judged.
#[derive(Clone, Debug)]
pub(super) struct Deployed {
    pub(super) id: String,
    group: Group,
    at: Timestamp,
}

impl Placed {
    /// A registration that no execution belongs to.
    pub(super) fn outside(pipeline: String) -> Self {
        Self {
            pipeline,
            execution: None,
            mode: None,
            registrant: None,
            approval: None,
            sources: Vec::new(),
            deployed: Vec::new(),
            compare_groups: Vec::new(),
        }
    }
}

impl Deployed {
    pub(super) fn deployment(
        &self,
        identity: &str,
        version: &str,
        execution: Option<&str>,
    ) -> Deployment {
        Deployment {
            id: self.id.clone(),
            group: self.group.clone(),
            at: self.at,
            execution: execution.map(str::to_owned),
            identity: identity.to_owned(),
            version: version.to_owned(),
            origin: Origin::Release,
        }
    }
}

/// The place of a job; `None` for an execution that takes a stage back.
pub(super) async fn placed(
    pipeline: &CodePipeline,
    job: &JobContext,
    parameters: &Parameters,
    compared: &[(&ServiceEntry, &Comparison)],
) -> Result<Option<Placed>, Stop> {
    let named = match (&parameters.execution, &job.execution) {
        (Some(given), Some(told)) if given != told => {
            return Err(Refusal::configuration(format!(
                "the parameters name execution {given}, but this job belongs to {told}"
            ))
            .into());
        }
        (Some(id), _) | (None, Some(id)) => Some(id.clone()),
        (None, None) => None,
    };
    let read = if let Some(execution) = named {
        Read::of(pipeline, &job.pipeline, execution).await?
    } else {
        let structure = structure(pipeline, &job.pipeline).await?;
        let id = in_stage(pipeline, job, &structure).await?;
        Read {
            execution: execution(pipeline, &job.pipeline, &id).await,
            structure,
            id,
        }
    };
    let registrant = Registrant::Action {
        stage: job.stage.clone(),
        action: job.action.clone(),
    };
    read.place(&job.pipeline, registrant, parameters, compared)
}

/// The place of a direct call that names its execution.
pub(super) async fn placed_directly(
    pipeline: &CodePipeline,
    name: String,
    parameters: &Parameters,
    compared: &[(&ServiceEntry, &Comparison)],
) -> Result<Option<Placed>, Stop> {
    let execution = parameters
        .execution
        .clone()
        .expect("only calls that name an execution are placed");
    let read = Read::of(pipeline, &name, execution).await?;
    read.place(&name, Registrant::Direct, parameters, compared)
}

/// The execution in the stage of a job that does not say which one it is.
async fn in_stage(
    pipeline: &CodePipeline,
    job: &JobContext,
    structure: &Structure,
) -> Result<String, Stop> {
    if structure.mode == Mode::Parallel {
        return Err(Refusal::configuration(
            "executions of this pipeline run in parallel, so the job cannot tell which one it belongs to: \
             add the execution as fourth part, `Comparison,minutes,ApprovalAction,#{codepipeline.PipelineExecutionId}`",
        )
        .into());
    }
    let found = pipeline
        .execution_in_stage(&job.pipeline, &job.stage)
        .await
        .context("cannot learn which execution is in the job's stage")?;
    found.ok_or_else(|| {
        Refusal::configuration(format!("no execution is in stage `{}`", job.stage)).into()
    })
}

/// What CodePipeline says of a pipeline and one execution.
struct Read {
    structure: Structure,
    id: String,
    execution: Result<(Execution, Vec<ActionRun>), Stop>,
}

impl Read {
    /// Asks for everything at once.
    async fn of(pipeline: &CodePipeline, name: &str, id: String) -> Result<Self, Stop> {
        let (structure, execution) =
            join(structure(pipeline, name), execution(pipeline, name, &id)).await;
        Ok(Self {
            structure: structure?,
            id,
            execution,
        })
    }

    /// An approval that does not exist is told before an execution that does
    /// not: it is what whoever wrote the parameters can correct.
    fn place(
        self,
        name: &str,
        registrant: Registrant,
        parameters: &Parameters,
        compared: &[(&ServiceEntry, &Comparison)],
    ) -> Result<Option<Placed>, Stop> {
        let Self {
            structure,
            id,
            execution,
        } = self;
        let approval = parameters
            .approval
            .as_deref()
            .map(|action| approval(name, &structure, action))
            .transpose()?;
        let (execution, runs) = execution?;
        if execution.kind == ExecutionKind::Rollback {
            return Ok(None);
        }
        let deployed = deployed(&structure, &runs, &registrant);
        Ok(Some(Placed {
            pipeline: name.to_owned(),
            compare_groups: compare_groups(compared, &structure, &deployed),
            execution: Some(id),
            mode: Some(mode(structure.mode)),
            registrant: Some(registrant),
            approval,
            sources: sources(execution),
            deployed,
        }))
    }
}

async fn execution(
    pipeline: &CodePipeline,
    name: &str,
    id: &str,
) -> Result<(Execution, Vec<ActionRun>), Stop> {
    try_join(pipeline.execution(name, id), pipeline.runs(name, id))
        .await
        .map_err(|error| {
            not_found(
                error,
                &format!("the pipeline `{name}` has no execution {id}"),
            )
        })
}

async fn structure(pipeline: &CodePipeline, name: &str) -> Result<Structure, Stop> {
    pipeline
        .structure(name)
        .await
        .map_err(|error| not_found(error, &format!("there is no pipeline `{name}`")))
}

fn not_found(error: DeliveryError, text: &str) -> Stop {
    match error {
        DeliveryError::NotFound { .. } => Refusal::configuration(text).into(),
        other => Stop::Fault(other.into()),
    }
}

/// The approval action of this name; it must be one, and the only one.
fn approval(pipeline: &str, structure: &Structure, name: &str) -> Result<ApprovalAction, Refusal> {
    let named: Vec<(&str, &ActionKind)> = structure
        .stages
        .iter()
        .flat_map(|stage| stage.actions.iter().map(move |action| (stage, action)))
        .filter(|(_, action)| action.name == name)
        .map(|(stage, action)| (stage.name.as_str(), &action.kind))
        .collect();
    let approvals: Vec<&str> = named
        .iter()
        .filter(|(_, kind)| **kind == ActionKind::Approval)
        .map(|(stage, _)| *stage)
        .collect();
    match (approvals.as_slice(), named.is_empty()) {
        ([stage], _) => Ok(ApprovalAction {
            stage: (*stage).to_owned(),
            action: name.to_owned(),
        }),
        ([], true) => Err(Refusal::configuration(format!(
            "the pipeline `{pipeline}` has no action `{name}`; {}",
            known_approvals(structure)
        ))),
        ([], false) => Err(Refusal::configuration(format!(
            "the action `{name}` of the pipeline `{pipeline}` is not an approval; {}",
            known_approvals(structure)
        ))),
        (several, _) => Err(Refusal::configuration(format!(
            "`{name}` is ambiguous: the stages {} each have an approval of this name; give them different names",
            several.join(", ")
        ))),
    }
}

fn known_approvals(structure: &Structure) -> String {
    let approvals: Vec<String> = structure
        .stages
        .iter()
        .flat_map(|stage| &stage.actions)
        .filter(|action| action.kind == ActionKind::Approval)
        .map(|action| format!("`{}`", action.name))
        .collect();
    if approvals.is_empty() {
        "it has no approval actions".to_owned()
    } else {
        format!("its approval actions are {}", approvals.join(", "))
    }
}

fn mode(mode: Mode) -> ExecutionMode {
    match mode {
        Mode::Superseded => ExecutionMode::Superseded,
        Mode::Queued => ExecutionMode::Queued,
        Mode::Parallel => ExecutionMode::Parallel,
    }
}

fn sources(execution: Execution) -> Vec<SourceRevision> {
    execution
        .sources
        .into_iter()
        .map(|source| SourceRevision {
            name: source.name,
            revision: source.revision,
            summary: source.summary,
        })
        .collect()
}

/// The deployments that the verdict is about: those of the registering action's
/// own stage that were done before it began, else those of the latest stage
/// before it that deployed anything.
fn deployed(structure: &Structure, runs: &[ActionRun], registrant: &Registrant) -> Vec<Deployed> {
    let stages = structure.stages.as_slice();
    let (last, run_order) = match registrant {
        Registrant::Action { stage, action } => {
            let position = stages.iter().position(|declared| declared.name == *stage);
            let order = position.and_then(|position| {
                let own = stages[position]
                    .actions
                    .iter()
                    .find(|declared| declared.name == *action);
                own.map(|own| own.run_order)
            });
            (position, order)
        }
        Registrant::Direct => (stages.len().checked_sub(1), None),
    };
    let Some(last) = last else { return Vec::new() };
    stages[..=last]
        .iter()
        .enumerate()
        .rev()
        .map(|(position, stage)| {
            let before = |action: &str| {
                let declared = stage
                    .actions
                    .iter()
                    .find(|declared| declared.name == action);
                position < last
                    || declared.is_none_or(|declared| {
                        run_order.is_none_or(|order| declared.run_order < order)
                    })
            };
            newest_per_group(
                runs.iter()
                    .filter(|run| run.stage == stage.name && before(&run.action)),
            )
        })
        .find(|deployed| !deployed.is_empty())
        .unwrap_or_default()
}

fn newest_per_group<'a>(runs: impl Iterator<Item = &'a ActionRun>) -> Vec<Deployed> {
    let mut newest: BTreeMap<Group, Deployed> = BTreeMap::new();
    for run in runs.filter(|run| run.status == RunStatus::Succeeded) {
        let (ActionKind::CodeDeploy(target), Some(id)) = (&run.kind, &run.external_id) else {
            continue;
        };
        let deployed = Deployed {
            id: id.clone(),
            group: group(target),
            at: run.started,
        };
        let known = newest
            .entry(deployed.group.clone())
            .or_insert_with(|| deployed.clone());
        if known.at < deployed.at {
            *known = deployed;
        }
    }
    newest.into_values().collect()
}

/// The groups behind the compared environments. An environment compared with
/// itself is where this build was deployed; another one is recognised by the
/// tutorial's convention, a group named like the environment or like the value
/// of one of its tags.
fn compare_groups(
    compared: &[(&ServiceEntry, &Comparison)],
    structure: &Structure,
    deployed: &[Deployed],
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (entry, comparison) in compared {
        let Some(name) = &comparison.compare else {
            continue;
        };
        if comparison.compares_environment_with_itself() {
            groups.extend(deployed.iter().map(|deployed| deployed.group.clone()));
            continue;
        }
        let tags = entry
            .environments
            .get(name)
            .map(|environment| environment.tags.as_slice());
        let values = tags
            .unwrap_or_default()
            .iter()
            .filter_map(|tag| tag.value.as_deref());
        let names: Vec<&str> = values.chain([name.as_str()]).collect();
        let declared = structure.stages.iter().flat_map(|stage| &stage.actions);
        groups.extend(declared.filter_map(|action| match &action.kind {
            ActionKind::CodeDeploy(target) if names.contains(&target.group.as_str()) => {
                Some(group(target))
            }
            _ => None,
        }));
    }
    groups.sort();
    groups.dedup();
    groups
}

fn group(target: &Target) -> Group {
    Group {
        application: target.application.clone(),
        name: target.group.clone(),
    }
}

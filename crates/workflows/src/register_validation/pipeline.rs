//! The place of a registration within its pipeline: execution, approval,
//! deployments.

use delivery::CodePipeline;
use delivery::job::JobContext;
use delivery::pipeline::{ActionKind, ExecutionKind, Mode, Structure};
use monspec::{Comparison, ServiceEntry};
use release::deployment::Group;
use release::validation::{ApprovalAction, ExecutionMode, Registrant, SourceRevision};

use super::parameters::Parameters;
use super::{Refusal, Stop};
use crate::execution::{Deployed, Read, deployed, group, sources};

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

/// The place of a job; `None` for an execution that takes a stage back.
pub(super) async fn placed(
    pipeline: &CodePipeline,
    job: &JobContext,
    parameters: &Parameters,
    compared: &[(&ServiceEntry, &Comparison)],
) -> Result<Option<Placed>, Stop> {
    let read = Read::of_job(
        pipeline,
        job,
        parameters.execution.as_deref(),
        "add the execution as fourth part, \
         `Comparison,minutes,ApprovalAction,#{codepipeline.PipelineExecutionId}`",
    )
    .await?;
    let registrant = Registrant::Action {
        stage: job.stage.clone(),
        action: job.action.clone(),
    };
    place(read, &job.pipeline, registrant, parameters, compared)
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
    place(read, &name, Registrant::Direct, parameters, compared)
}

/// An approval that does not exist is told before an execution that does not:
/// it is what whoever wrote the parameters can correct.
fn place(
    read: Read,
    name: &str,
    registrant: Registrant,
    parameters: &Parameters,
    compared: &[(&ServiceEntry, &Comparison)],
) -> Result<Option<Placed>, Stop> {
    let Read {
        structure,
        id,
        execution,
    } = read;
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
        sources: sources(execution.sources),
        deployed,
    }))
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

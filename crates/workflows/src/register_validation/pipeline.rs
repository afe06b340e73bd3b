//! The place of a registration within its pipeline: execution, approval,
//! deployments.

use std::collections::{BTreeMap, BTreeSet};

use delivery::CodePipeline;
use delivery::job::JobContext;
use delivery::pipeline::{Action, ActionKind, Mode, Stage, Structure};
use jiff::Timestamp;
use monspec::{Comparison, ServiceEntry};
use release::behind::Behind;
use release::deployment::{Deployment, Group, Origin};
use release::execution::{ExecutionMode, SourceRevision};
use release::grouping::{Grouping, Place, SETTING, behind_compared, behind_sources};
use release::otherwise::Otherwise;
use release::validation::{ApprovalAction, Registrant};

use super::otherwise::{brought, deploys_otherwise, unnamed};
use super::parameters::Parameters;
use super::{Refusal, Stop};
use crate::execution::{Deployed, Read, Released, deploys_to, is_before, needs_verdict, sources};

/// Where a registration stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) pipeline: String,
    pub(super) execution: Option<String>,
    pub(super) mode: Option<ExecutionMode>,
    pub(super) registrant: Option<Registrant>,
    pub(super) approval: Option<ApprovalAction>,
    pub(super) sources: Vec<SourceRevision>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) untaught: Option<String>,
    pub(super) source_groups: Vec<Group>,
    pub(super) otherwise: Vec<Otherwise>,
    pub(super) compared: BTreeMap<String, Vec<Group>>,
}

impl Placed {
    /// A registration that no execution belongs to. What is behind its
    /// environments is known as far as an operator listed it.
    pub(super) fn outside(
        pipeline: String,
        compared: &[(&ServiceEntry, &Comparison)],
        listed: &Behind,
    ) -> Self {
        let (known, place) = (BTreeSet::new(), Place::default());
        let source = behind_sources(compared, listed, &known, &place);
        Self {
            pipeline,
            execution: None,
            mode: None,
            registrant: None,
            approval: None,
            sources: Vec::new(),
            deployments: Vec::new(),
            untaught: None,
            source_groups: source.groups.into_iter().collect(),
            otherwise: Vec::new(),
            compared: by_entry(compared, listed, &known, &place),
        }
    }
}

/// The place of a job; `None` for an execution that takes a stage back.
pub(super) async fn placed(
    pipeline: &CodePipeline,
    job: &JobContext,
    parameters: &Parameters,
    compared: &[(&ServiceEntry, &Comparison)],
    listed: &Behind,
    now: Timestamp,
) -> Result<Placed, Stop> {
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
    place(
        read,
        &job.pipeline,
        registrant,
        parameters,
        compared,
        listed,
        now,
    )
}

/// The place of a direct call that names its execution.
pub(super) async fn placed_directly(
    pipeline: &CodePipeline,
    name: String,
    parameters: &Parameters,
    compared: &[(&ServiceEntry, &Comparison)],
    listed: &Behind,
    now: Timestamp,
) -> Result<Placed, Stop> {
    let execution = parameters
        .execution
        .clone()
        .expect("only calls that name an execution are placed");
    let read = Read::of(pipeline, &name, execution).await?;
    place(
        read,
        &name,
        Registrant::Direct,
        parameters,
        compared,
        listed,
        now,
    )
}

/// A missing approval is reported before a missing execution: the author of the
/// parameters can correct it.
fn place(
    read: Read,
    name: &str,
    registrant: Registrant,
    parameters: &Parameters,
    compared: &[(&ServiceEntry, &Comparison)],
    listed: &Behind,
    now: Timestamp,
) -> Result<Placed, Stop> {
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
    needs_verdict(&execution)?;
    let sources = sources(execution.sources);
    let released = Released {
        structure: &structure,
        execution: &id,
        sources: &sources,
        runs: &runs,
    };
    let About {
        deployed,
        untaught,
        source_groups,
        compared,
    } = about(&released, &registrant, compared, listed)?;
    let otherwise = brought(&released, &registrant, &deployed, now);
    let deployments = deployed
        .iter()
        .map(|deployed| deployed.deployment(&released, Origin::Release))
        .collect();
    Ok(Placed {
        pipeline: name.to_owned(),
        mode: Some(mode(structure.mode)),
        registrant: Some(registrant),
        approval,
        deployments,
        untaught,
        source_groups,
        otherwise,
        compared,
        execution: Some(id),
        sources,
    })
}

/// The approval action of this name; it must be one, and the only one.
pub(super) fn approval(
    pipeline: &str,
    structure: &Structure,
    name: &str,
) -> Result<ApprovalAction, Refusal> {
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

/// What a registration is about.
struct About {
    deployed: Vec<Deployed>,
    untaught: Option<String>,
    source_groups: Vec<Group>,
    compared: BTreeMap<String, Vec<Group>>,
}

/// The deployments that the window has to belong to, and whether it is known
/// which of them the verdict is about.
fn about(
    released: &Released<'_>,
    registrant: &Registrant,
    compared: &[(&ServiceEntry, &Comparison)],
    listed: &Behind,
) -> Result<About, Refusal> {
    let structure = released.structure;
    let stage = own_stage(structure, registrant);
    let place = stage.map(|stage| place_of(structure, registrant, stage));
    let place = place.unwrap_or_default();
    let known = released.groups();
    let source = behind_sources(compared, listed, &known, &place);
    if let Some(stage) = stage {
        let named = named(compared, listed, &known, &place);
        has_its_place(structure, registrant, stage, &named)?;
    }

    let otherwise = stage.and_then(deploys_otherwise);
    // What a stage brought by other means is not what an earlier one did.
    let deployed = if otherwise.is_some() && source.groups.is_disjoint(&place.own) {
        Vec::new()
    } else {
        let mut deployed = released.before(registrant);
        deployed.retain(|deployed| source.groups.contains(&deployed.group));
        deployed
    };
    let untaught = untaught(compared, otherwise, &deployed, &known, &source);
    Ok(About {
        deployed,
        untaught,
        source_groups: source.groups.into_iter().collect(),
        compared: by_entry(compared, listed, &known, &place),
    })
}

/// Why the verdict teaches nothing, where that is so.
fn untaught(
    compared: &[(&ServiceEntry, &Comparison)],
    otherwise: Option<(&Action, &str)>,
    deployed: &[Deployed],
    known: &BTreeSet<Group>,
    source: &Grouping,
) -> Option<String> {
    if let Some((action, provider)) = otherwise {
        return Some(format!(
            "The ledger does not learn its verdict: `{}` deploys by {provider} in the same stage.",
            action.name
        ));
    }
    let environments: BTreeSet<String> = compared
        .iter()
        .map(|(_, comparison)| format!("`{}`", comparison.source))
        .collect();
    let environments = environments.into_iter().collect::<Vec<_>>().join(", ");
    if deployed.is_empty() && !known.is_empty() {
        return Some(format!(
            "No deployment before it reached a group behind {environments}; set {SETTING} if the \
             group has another name."
        ));
    }
    let groups = source.groups.iter().map(Group::to_string);
    let groups = groups.collect::<Vec<_>>().join(" and ");
    (!source.told_apart).then(|| {
        format!(
            "The ledger does not learn its verdict: {groups} may be behind {environments}; set \
             {SETTING} to name one."
        )
    })
}

/// The groups behind the compared environment of each service entry.
fn by_entry(
    compared: &[(&ServiceEntry, &Comparison)],
    listed: &Behind,
    known: &BTreeSet<Group>,
    place: &Place,
) -> BTreeMap<String, Vec<Group>> {
    let groups = compared.iter().map(|(entry, comparison)| {
        let groups = behind_compared(entry, comparison, listed, known, place);
        (entry.id.clone(), groups.into_iter().collect())
    });
    groups.collect()
}

fn own_stage<'a>(structure: &'a Structure, registrant: &Registrant) -> Option<&'a Stage> {
    let Registrant::Action { stage, .. } = registrant else {
        return None;
    };
    let mut stages = structure.stages.iter();
    stages.find(|declared| declared.name == *stage)
}

/// The groups behind the source environments that something names.
pub(super) fn named(
    compared: &[(&ServiceEntry, &Comparison)],
    listed: &Behind,
    known: &BTreeSet<Group>,
    place: &Place,
) -> BTreeSet<Group> {
    let only_named = Place {
        unnamed: BTreeSet::new(),
        ..place.clone()
    };
    behind_sources(compared, listed, known, &only_named).groups
}

/// What the pipeline deploys up to the registrant.
pub(super) fn place_of(structure: &Structure, registrant: &Registrant, own: &Stage) -> Place {
    let groups = |stages: &[Stage]| {
        let actions = stages.iter().flat_map(|stage| &stage.actions);
        actions.filter_map(deploys_to).collect()
    };
    let mut stages = structure.stages.split(|stage| stage.name == own.name);
    Place {
        own: groups(std::slice::from_ref(own)),
        earlier: stages.next().map(groups).unwrap_or_default(),
        unnamed: unnamed(structure, registrant, own),
    }
}

/// Refuses a registration before which none of these groups can have been
/// deployed to, although one of them is later in its stage. They are named: what
/// nothing names may be anything, such as the tests.
pub(super) fn has_its_place(
    structure: &Structure,
    registrant: &Registrant,
    own: &Stage,
    groups: &BTreeSet<Group>,
) -> Result<(), Refusal> {
    let stages = structure.stages.iter();
    let deploys = stages.flat_map(|stage| stage.actions.iter().map(move |action| (stage, action)));
    let (before, after): (Vec<_>, Vec<_>) = deploys
        .filter(|(_, action)| deploys_to(action).is_some_and(|group| groups.contains(&group)))
        .partition(|(stage, action)| is_before(structure, registrant, &stage.name, &action.name));
    let mut after = after.into_iter();
    let later = after.find(|(stage, _)| stage.name == own.name);
    match (later, registrant) {
        (Some((_, deploy)), Registrant::Action { action, .. }) if before.is_empty() => {
            Err(Refusal::configuration(format!(
                "`{action}` does not run after `{}`, which deploys what it registers for: \
                 give `{action}` a runOrder above {}",
                deploy.name, deploy.run_order
            )))
        }
        _ => Ok(()),
    }
}

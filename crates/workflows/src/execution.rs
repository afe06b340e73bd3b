//! The execution that a job belongs to, and what it deployed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use delivery::job::{Job, JobContext};
use delivery::pipeline::{
    Action, ActionKind, ActionRun, Execution, ExecutionKind, Mode, RunStatus, Source, Stage,
    Structure,
};
use delivery::{CodePipeline, DeliveryError};
use futures_util::future::{join, try_join};
use jiff::Timestamp;
use release::content::{Given, Making};
use release::deployment::{Deployment, Group, Origin};
use release::execution::{SourceRevision, version_label};
use release::validation::Registrant;

use crate::refusal::{Refusal, Stop};
use crate::remedy::codedeploy::group;

/// A deployment of the execution.
#[derive(Clone, Debug)]
pub(crate) struct Deployed {
    pub(crate) id: String,
    pub(crate) group: Group,
    pub(crate) at: Timestamp,
    pub(crate) stage: String,
    given: Given,
}

impl Deployed {
    /// As the ledger keeps it: one entry, whichever function enters it.
    pub(crate) fn deployment(&self, released: &Released<'_>, origin: Origin) -> Deployment {
        let sources = match self.given.sources.as_slice() {
            [] => released.sources,
            own => own,
        };
        Deployment {
            id: self.id.clone(),
            group: self.group.clone(),
            at: self.at,
            execution: Some(released.execution.to_owned()),
            identity: self.given.identity(&self.id),
            location: None,
            digest: None,
            version: version_label(sources, Some(released.execution)),
            origin,
        }
    }
}

/// What an execution released, and what it did so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Released<'a> {
    pub(crate) structure: &'a Structure,
    pub(crate) execution: &'a str,
    pub(crate) sources: &'a [SourceRevision],
    pub(crate) runs: &'a [ActionRun],
}

impl Released<'_> {
    /// The deployments that an action or another caller can be about: the newest
    /// to each group that was done before it.
    pub(crate) fn before(&self, registrant: &Registrant) -> Vec<Deployed> {
        let mut newest: BTreeMap<Group, Deployed> = BTreeMap::new();
        let runs = self.runs.iter();
        let done = runs.filter(|run| run.status == RunStatus::Succeeded);
        for run in done.filter(|run| is_before(self.structure, registrant, &run.stage, &run.action))
        {
            let (ActionKind::CodeDeploy(target), Some(id)) = (&run.kind, &run.external_id) else {
                continue;
            };
            let deployed = Deployed {
                id: id.clone(),
                group: group(target),
                at: run.started,
                stage: run.stage.clone(),
                given: self.given(run),
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

    /// Every group that the pipeline deploys to, as it is declared and as it ran.
    pub(crate) fn groups(&self) -> BTreeSet<Group> {
        let actions = self
            .structure
            .stages
            .iter()
            .flat_map(|stage| &stage.actions);
        let declared = actions.filter_map(deploys_to);
        let ran = self.runs.iter().filter_map(|run| match &run.kind {
            ActionKind::CodeDeploy(target) => Some(group(target)),
            _ => None,
        });
        declared.chain(ran).collect()
    }

    /// What a deploy action was given: told by its declaration, which names its
    /// artifacts and who makes them, and by what the execution released.
    fn given(&self, run: &ActionRun) -> Given {
        let declared = action(self.structure, &run.stage, &run.action);
        let roots = declared.and_then(|action| {
            let inputs = action.inputs.iter().map(String::as_str);
            self.structure.roots(inputs)
        });
        let place = run.inputs.first().and_then(|input| input.place.as_ref());
        let built = roots.as_ref().is_some_and(|roots| roots.built);
        Given {
            sources: roots
                .and_then(|roots| self.of(&roots.sources))
                .unwrap_or_default(),
            making: if built { Making::Built } else { Making::Taken },
            place: place.map(|(bucket, key)| format!("s3:{bucket}/{key}")),
        }
    }

    /// The revisions of these artifacts; nothing if that of any is unknown, as
    /// half of them would be another content.
    fn of(&self, artifacts: &BTreeSet<&str>) -> Option<Vec<SourceRevision>> {
        let revision = |name: &&str| self.sources.iter().find(|source| source.name == **name);
        artifacts
            .iter()
            .map(|name| revision(name).cloned())
            .collect()
    }
}

/// Whether an action is done when the registrant begins: that of an earlier
/// stage, or one of its own stage that has a place before it. One that is not
/// declared any more counts as done.
pub(crate) fn is_before(
    structure: &Structure,
    registrant: &Registrant,
    stage: &str,
    name: &str,
) -> bool {
    let Registrant::Action {
        stage: own,
        action: registering,
    } = registrant
    else {
        return true;
    };
    if stage == own {
        let own = action(structure, own, registering).map(|own| own.run_order);
        let order = action(structure, stage, name).map(|declared| declared.run_order);
        return match (order, own) {
            (Some(order), Some(own)) => order < own,
            _ => true,
        };
    }
    let position = |name: &str| {
        let mut stages = structure.stages.iter();
        stages.position(|declared| declared.name == name)
    };
    position(stage).is_some_and(|at| position(own).is_some_and(|own| at < own))
}

/// The place of an action in the order of its stage.
pub(crate) fn run_order(stage: &Stage, action: &str) -> Option<i32> {
    let mut actions = stage.actions.iter();
    let own = actions.find(|declared| declared.name == action);
    own.map(|own| own.run_order)
}

fn action<'a>(structure: &'a Structure, stage: &str, name: &str) -> Option<&'a Action> {
    let mut stages = structure.stages.iter();
    let stage = stages.find(|declared| declared.name == stage)?;
    stage.actions.iter().find(|declared| declared.name == name)
}

/// The group that an action deploys to, if it does.
pub(crate) fn deploys_to(action: &Action) -> Option<Group> {
    match &action.kind {
        ActionKind::CodeDeploy(target) => Some(group(target)),
        _ => None,
    }
}

/// Where in which pipeline a job runs.
pub(crate) async fn context_of(pipeline: &CodePipeline, job: &Job) -> Result<JobContext, Stop> {
    let context = pipeline
        .job_context(&job.id)
        .await
        .context("cannot learn which pipeline the job belongs to")?;
    context.ok_or_else(|| {
        Refusal::configuration("CodePipeline does not say which pipeline this job belongs to")
            .into()
    })
}

/// What CodePipeline says of a pipeline and one execution.
pub(crate) struct Read {
    pub(crate) structure: Structure,
    pub(crate) id: String,
    pub(crate) execution: Result<(Execution, Vec<ActionRun>), Stop>,
}

impl Read {
    /// Asks for everything at once.
    pub(crate) async fn of(pipeline: &CodePipeline, name: &str, id: String) -> Result<Self, Stop> {
        let (structure, execution) =
            join(structure(pipeline, name), execution(pipeline, name, &id)).await;
        Ok(Self {
            structure: structure?,
            id,
            execution,
        })
    }

    /// The execution that a job belongs to. `given` is what its author wrote,
    /// and `how_to_give` says how to where that is needed.
    pub(crate) async fn of_job(
        pipeline: &CodePipeline,
        job: &JobContext,
        given: Option<&str>,
        how_to_give: &str,
    ) -> Result<Self, Stop> {
        match (given, job.execution.as_deref()) {
            (Some(given), Some(told)) if given != told => Err(Refusal::configuration(format!(
                "the parameters name execution {given}, but this job belongs to {told}"
            ))
            .into()),
            (Some(id), _) | (None, Some(id)) => {
                Self::of(pipeline, &job.pipeline, id.to_owned()).await
            }
            (None, None) => {
                let (structure, found) = join(
                    structure(pipeline, &job.pipeline),
                    pipeline.execution_in_stage(&job.pipeline, &job.stage),
                )
                .await;
                let structure = structure?;
                let id = in_stage(job, &structure, found, how_to_give)?;
                Ok(Self {
                    execution: execution(pipeline, &job.pipeline, &id).await,
                    structure,
                    id,
                })
            }
        }
    }
}

/// The execution in the stage of a job that does not say which one it is.
fn in_stage(
    job: &JobContext,
    structure: &Structure,
    found: Result<Option<String>, DeliveryError>,
    how_to_give: &str,
) -> Result<String, Stop> {
    if structure.mode == Mode::Parallel {
        return Err(Refusal::configuration(format!(
            "executions of this pipeline run in parallel, so the job cannot tell which one it belongs to: \
             {how_to_give}",
        ))
        .into());
    }
    let found = found.context("cannot learn which execution is in the job's stage")?;
    found.ok_or_else(|| {
        Refusal::configuration(format!("no execution is in stage `{}`", job.stage)).into()
    })
}

async fn structure(pipeline: &CodePipeline, name: &str) -> Result<Structure, Stop> {
    pipeline
        .structure(name)
        .await
        .map_err(|error| not_found(error, &format!("there is no pipeline `{name}`")))
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

fn not_found(error: DeliveryError, text: &str) -> Stop {
    match error {
        DeliveryError::NotFound { .. } => Refusal::configuration(text).into(),
        other => Stop::Fault(other.into()),
    }
}

/// Nothing is judged of an execution that takes a stage back.
pub(crate) fn needs_verdict(execution: &Execution) -> Result<(), Stop> {
    if execution.kind == ExecutionKind::Rollback {
        let reason = "this execution rolls a stage back: it needs no verdict";
        return Err(Stop::NotNeeded(reason.to_owned()));
    }
    Ok(())
}

/// What an execution releases.
pub(crate) fn sources(sources: Vec<Source>) -> Vec<SourceRevision> {
    sources
        .into_iter()
        .map(|source| SourceRevision {
            name: source.name,
            revision: source.revision,
            summary: source.summary,
        })
        .collect()
}

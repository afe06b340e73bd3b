//! The execution that a job belongs to, and what it deployed.

use std::collections::BTreeMap;

use anyhow::Context as _;
use delivery::job::{Job, JobContext};
use delivery::pipeline::{
    ActionKind, ActionRun, Execution, Mode, RunStatus, Source, Stage, Structure, Target,
};
use delivery::{CodePipeline, DeliveryError};
use futures_util::future::{join, try_join};
use jiff::Timestamp;
use release::content::{Given, Making};
use release::deployment::{Deployment, Group, Origin};
use release::validation::{Registrant, SourceRevision, version_label};

use crate::refusal::{Refusal, Stop};

/// A deployment of the execution .
#[derive(Clone, Debug)]
pub(crate) struct Deployed {
    pub(crate) id: String,
    pub(crate) group: Group,
    pub(crate) at: Timestamp,
}

impl Deployed {
    /// As the ledger keeps it. Whoever enters it, it has one place there.
    pub(crate) fn deployment(
        &self,
        sources: &[SourceRevision],
        execution: Option<&str>,
        origin: Origin,
    ) -> Deployment {
        Deployment {
            id: self.id.clone(),
            group: self.group.clone(),
            at: self.at,
            execution: execution.map(str::to_owned),
            identity: Given {
                sources: sources.to_vec(),
                making: Making::Taken,
                place: None,
            }
            .identity(&self.id),
            location: None,
            digest: None,
            version: version_label(sources, execution),
            origin,
        }
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
                let structure = structure(pipeline, &job.pipeline).await?;
                let id = in_stage(pipeline, job, &structure, how_to_give).await?;
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
async fn in_stage(
    pipeline: &CodePipeline,
    job: &JobContext,
    structure: &Structure,
    how_to_give: &str,
) -> Result<String, Stop> {
    if structure.mode == Mode::Parallel {
        return Err(Refusal::configuration(format!(
            "executions of this pipeline run in parallel, so the job cannot tell which one it belongs to: \
             {how_to_give}",
        ))
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

/// The deployments that a registrant is about: those of its own stage that were
/// done before it began, else those of the latest stage before it that deployed
/// anything.
pub(crate) fn deployed(
    structure: &Structure,
    runs: &[ActionRun],
    registrant: &Registrant,
) -> Vec<Deployed> {
    let stages = structure.stages.as_slice();
    let (last, run_order) = match registrant {
        Registrant::Action { stage, action } => {
            let position = stages.iter().position(|declared| declared.name == *stage);
            let order = position.and_then(|position| run_order(&stages[position], action));
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
            let order = if position == last { run_order } else { None };
            deployed_in(stage, runs, order)
        })
        .find(|deployed| !deployed.is_empty())
        .unwrap_or_default()
}

/// The place of an action in the order of its stage.
pub(crate) fn run_order(stage: &Stage, action: &str) -> Option<i32> {
    let own = stage
        .actions
        .iter()
        .find(|declared| declared.name == action);
    own.map(|own| own.run_order)
}

/// The newest deployment to each group that a stage has done, before a place in
/// its order if one is given.
pub(crate) fn deployed_in(
    stage: &Stage,
    runs: &[ActionRun],
    run_order: Option<i32>,
) -> Vec<Deployed> {
    let before = |action: &str| {
        let declared = stage
            .actions
            .iter()
            .find(|declared| declared.name == action);
        declared.is_none_or(|declared| run_order.is_none_or(|order| declared.run_order < order))
    };
    newest_per_group(
        runs.iter()
            .filter(|run| run.stage == stage.name && before(&run.action)),
    )
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

/// The ledger's word for a target.
pub(crate) fn group(target: &Target) -> Group {
    Group {
        application: target.application.clone(),
        name: target.group.clone(),
    }
}

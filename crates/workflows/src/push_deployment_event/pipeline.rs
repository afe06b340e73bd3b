//! What a pipeline action announces: the deployments of its own execution.

use delivery::job::{Job, JobContext};
use delivery::pipeline::{ActionKind, ActionRun, Execution, ExecutionKind, Stage, Structure};
use dynatrace::EventKind;
use jiff::Timestamp;
use release::deployment::{Deployment, Origin};
use release::validation::{Registrant, SourceRevision};

use super::parameters::{self, Parameters};
use super::targets::Targets;
use super::words::{self, Facts, Spot};
use super::{Plan, Planned, Services, codedeploy};
use crate::execution::{self, Deployed, Read};
use crate::refusal::{Refusal, Stop};

/// Where a job stands, and what was deployed before it.
struct Placed {
    context: JobContext,
    execution: String,
    sources: Vec<SourceRevision>,
    kind: EventKind,
    deployments: Vec<Deployment>,
}

/// Plans what a job announces. What was deployed is in the ledger when this
/// returns, even where the rest cannot be had.
pub(super) async fn plan(
    services: &Services,
    job: &Job,
    asked: Timestamp,
    now: Timestamp,
) -> Result<Planned, Stop> {
    let parameters = parameters::of_job(job.user_parameters()).map_err(Refusal::configuration)?;
    let placing = Box::pin(async {
        let mut placed = placed(services, job, &parameters).await?;
        for deployment in &mut placed.deployments {
            *deployment = codedeploy::enter(&services.store, deployment).await?;
        }
        Ok(placed)
    });
    let targeting = Box::pin(async {
        let Some(environment) = &parameters.environment else {
            return Ok(None);
        };
        let place = parameters.monspec.as_ref();
        let fetched = services.shelf().of_job(place, &job.data).await?;
        Targets::environment(&fetched.monspec, environment)
            .map(Some)
            .map_err(Stop::from)
    });
    let (placed, targets): (Result<Placed, Stop>, Result<Option<Targets>, Stop>) =
        futures_util::future::join(placing, targeting).await;
    let (placed, targets) = (placed?, targets?);
    let Parameters {
        environment,
        attach,
        says,
        ..
    } = parameters;
    let targets = match targets {
        Some(targets) => targets,
        None => Targets::attached(attach.unwrap_or_default()),
    };

    let announced: Vec<&Deployment> = match placed.kind {
        EventKind::Deployment => meant(&placed.deployments, environment.as_deref(), &targets),
        _ => Vec::new(),
    };
    let facts = |deployment| Facts {
        kind: placed.kind,
        says: &says,
        spot: Some(Spot {
            pipeline: &placed.context.pipeline,
            stage: &placed.context.stage,
            action: &placed.context.action,
            execution: &placed.execution,
            sources: &placed.sources,
        }),
        deployment,
        request: None,
        asked,
        now,
    };
    let change = |deployment| words::change(&facts(deployment), &services.settings);
    let changes = if announced.is_empty() {
        vec![change(None)]
    } else {
        announced.iter().map(|each| change(Some(*each))).collect()
    };
    Ok(Planned::Plan(Plan {
        kind: placed.kind,
        changes,
        targets,
        deployments: announced.into_iter().cloned().collect(),
    }))
}

async fn placed(services: &Services, job: &Job, parameters: &Parameters) -> Result<Placed, Stop> {
    let pipeline = &services.pipeline;
    let context = execution::context_of(pipeline, job).await?;
    let read = Read::of_job(
        pipeline,
        &context,
        parameters.execution.as_deref(),
        "write the parameters as a JSON object with \
         `\"executionId\":\"#{codepipeline.PipelineExecutionId}\"`",
    )
    .await?;
    let Read {
        structure,
        id,
        execution,
    } = read;
    let (execution, runs) = execution?;
    let (kind, deployed) = deployed(&structure, &runs, &context, parameters.kind)?;
    // What takes a stage back is nobody's release: it is no cause that could be
    // healed, and no revision that could be healed to.
    let origin = match execution.kind {
        ExecutionKind::Rollback => Origin::Heal,
        ExecutionKind::Standard => Origin::Release,
    };
    let Execution { sources, .. } = execution;
    let sources = execution::sources(sources);
    let deployments = deployed
        .iter()
        .map(|deployed| deployed.deployment(&sources, Some(&id), origin))
        .collect();
    Ok(Placed {
        context,
        execution: id,
        sources,
        kind,
        deployments,
    })
}

/// The kind of the event, and what the execution deployed. A stage that deploys
/// announces its own deployments; another one makes a remark, as in 2018, or,
/// where it is told to announce a deployment, means the last one before it.
fn deployed(
    structure: &Structure,
    runs: &[ActionRun],
    context: &JobContext,
    kind: Option<EventKind>,
) -> Result<(EventKind, Vec<Deployed>), Refusal> {
    let stage = structure
        .stages
        .iter()
        .find(|stage| stage.name == context.stage);
    let deploys = stage.is_some_and(|stage| stage.actions.iter().any(is_deploy));
    let kind = kind.unwrap_or(if deploys {
        EventKind::Deployment
    } else {
        EventKind::Annotation
    });
    if kind != EventKind::Deployment {
        return Ok((kind, Vec::new()));
    }
    let Some(stage) = stage.filter(|_| deploys) else {
        let registrant = Registrant::Action {
            stage: context.stage.clone(),
            action: context.action.clone(),
        };
        return Ok((kind, execution::deployed(structure, runs, &registrant)));
    };
    let own = in_own_stage(stage, runs, &context.action);
    if own.is_empty() {
        return Err(Refusal::configuration(format!(
            "no deploy action of the stage `{}` has succeeded before `{}`: give it a higher runOrder than theirs",
            stage.name, context.action
        )));
    }
    Ok((kind, own))
}

fn in_own_stage(stage: &Stage, runs: &[ActionRun], action: &str) -> Vec<Deployed> {
    let order = execution::run_order(stage, action);
    execution::deployed_in(stage, runs, order)
}

fn is_deploy(action: &delivery::pipeline::Action) -> bool {
    matches!(action.kind, ActionKind::CodeDeploy(_))
}

/// The deployments that the environment is about: a group named like it or like
/// the value of one of its tags, the tutorial's convention, or else all.
fn meant<'d>(
    deployments: &'d [Deployment],
    environment: Option<&str>,
    targets: &Targets,
) -> Vec<&'d Deployment> {
    let names: Vec<&str> = environment
        .into_iter()
        .chain(targets.tag_values())
        .collect();
    let named: Vec<&Deployment> = deployments
        .iter()
        .filter(|deployment| names.contains(&deployment.group.name.as_str()))
        .collect();
    if named.is_empty() {
        deployments.iter().collect()
    } else {
        named
    }
}

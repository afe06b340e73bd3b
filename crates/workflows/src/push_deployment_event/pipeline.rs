//! What a pipeline action announces: the deployments of its own execution.

use std::collections::BTreeSet;

use delivery::job::{Job, JobContext};
use delivery::pipeline::ExecutionKind;
use dynatrace::EventKind;
use jiff::Timestamp;
use release::behind::Behind;
use release::deployment::{Deployment, Group, Origin};
use release::grouping::behind;
use release::validation::Registrant;

use super::parameters::{self, Parameters};
use super::targets::Targets;
use super::words::Spot;
use super::{Plan, Services};
use crate::execution::{self, Deployed, Read, Released};
use crate::refusal::{Refusal, Stop};

/// Where a job stands, and what was deployed before it.
struct Placed {
    spot: Spot,
    kind: EventKind,
    /// Whether the stage itself deployed; else other stages did, perhaps to other
    /// environments.
    is_own: bool,
    deployments: Vec<Deployment>,
}

/// Plans what a job announces. What was deployed is in the ledger when this
/// returns, even where the rest cannot be had.
pub(super) async fn plan(services: &Services, job: &Job, asked: Timestamp) -> Result<Plan, Stop> {
    let says = parameters::of_job(job.user_parameters())?;
    let environment = says.environment.as_deref();
    let placing = Box::pin(async {
        let mut placed = placed(services, job, &says).await?;
        for deployment in &mut placed.deployments {
            *deployment = services.enter(deployment).await?;
        }
        Ok(placed)
    });
    let targeting = Box::pin(async {
        let Some(environment) = environment else {
            return Ok(Targets::attached(says.attach_rules.as_ref()));
        };
        let place = says.monspec.as_ref();
        let fetched = services.spec_fetcher().of_job(place, &job.data).await?;
        Ok(Targets::environment(&fetched.monspec, environment)?)
    });
    let (placed, targets): (Result<Placed, Stop>, Result<Targets, Stop>) =
        futures_util::future::join(placing, targeting).await;
    let (placed, targets) = (placed?, targets?);

    let Placed {
        spot,
        kind,
        is_own,
        deployments,
    } = placed;
    let listed = &services.behind;
    let (deployments, is_sure) = match kind {
        EventKind::Deployment => meant(deployments, is_own, environment, &targets, listed),
        _ => (Vec::new(), true),
    };
    Ok(Plan {
        kind,
        says,
        spot: Some(spot),
        deployments,
        is_sure,
        targets,
        request: None,
        asked,
    })
}

async fn placed(services: &Services, job: &Job, says: &Parameters) -> Result<Placed, Stop> {
    let pipeline = &services.pipeline;
    let place = execution::context_of(pipeline, job).await?;
    let given = says.execution_id.as_deref();
    let how_to_give = "write the parameters as a JSON object with \
        `\"executionId\":\"#{codepipeline.PipelineExecutionId}\"`";
    let read = Read::of_job(pipeline, &place, given, how_to_give).await?;
    let (execution, runs) = read.execution?;
    let sources = execution::sources(execution.sources);
    let released = Released {
        structure: &read.structure,
        execution: &read.id,
        sources: &sources,
        runs: &runs,
    };
    // What takes a stage back is nobody's release: it is no cause that could be
    // healed, and no revision that could be healed to.
    let origin = match execution.kind {
        ExecutionKind::Rollback => Origin::Heal,
        ExecutionKind::Standard => Origin::Release,
    };
    let (kind, is_own, deployed) = deployed(&released, &place, says.kind)?;
    let deployments = deployed.iter();
    let deployments = deployments.map(|deployed| deployed.deployment(&released, origin));
    Ok(Placed {
        kind,
        is_own,
        deployments: deployments.collect(),
        spot: Spot {
            place,
            execution: read.id,
            sources,
        },
    })
}

/// The kind of the event, whether the stage deploys, and what was deployed. A stage that deploys
/// announces its own deployments; another one makes a remark, as in 2018, or,
/// where it is told to announce a deployment, means one of those before it.
fn deployed(
    released: &Released<'_>,
    context: &JobContext,
    kind: Option<EventKind>,
) -> Result<(EventKind, bool, Vec<Deployed>), Refusal> {
    let mut stages = released.structure.stages.iter();
    let stage = stages.find(|stage| stage.name == context.stage);
    let actions = stage
        .map(|stage| stage.actions.as_slice())
        .unwrap_or_default();
    let own: BTreeSet<Group> = actions.iter().filter_map(execution::deploys_to).collect();
    let kind = kind.unwrap_or(if own.is_empty() {
        EventKind::Annotation
    } else {
        EventKind::Deployment
    });
    if kind != EventKind::Deployment {
        return Ok((kind, true, Vec::new()));
    }
    let registrant = Registrant::Action {
        stage: context.stage.clone(),
        action: context.action.clone(),
    };
    let mut deployed = released.before(&registrant);
    if own.is_empty() {
        return Ok((kind, false, deployed));
    }
    deployed.retain(|deployed| own.contains(&deployed.group));
    if deployed.is_empty() {
        return Err(Refusal::configuration(format!(
            "no deploy action of the stage `{}` has succeeded before `{}`: give it a higher runOrder than theirs",
            context.stage, context.action
        )));
    }
    Ok((kind, true, deployed))
}

/// The deployments that the environment is about: those to the groups behind
/// it, or else all that the stage itself made; and whether their groups surely
/// are behind it, which nothing says of several. Where no environment is named,
/// the newest of earlier stages is meant.
fn meant(
    mut deployments: Vec<Deployment>,
    is_own: bool,
    environment: Option<&str>,
    targets: &Targets,
    listed: &Behind,
) -> (Vec<Deployment>, bool) {
    let known: BTreeSet<Group> = deployments.iter().map(|each| each.group.clone()).collect();
    let behind = behind(environment, &targets.tags(), listed, &known);
    let behind = behind.map(|behind| behind.groups).unwrap_or_default();
    if known.iter().any(|group| behind.contains(group)) {
        deployments.retain(|deployment| behind.contains(&deployment.group));
        return (deployments, true);
    }
    if is_own {
        return (deployments, known.len() <= 1);
    }
    let newest = deployments.into_iter().max_by_key(|each| each.at);
    let newest = newest.filter(|_| environment.is_none());
    (newest.into_iter().collect(), true)
}

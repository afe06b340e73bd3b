//! What CodeDeploy, or a caller that is no job, announces.

use anyhow::Context as _;
use delivery::codedeploy::{Maker, Status};
use dynatrace::EventKind;
use jiff::Timestamp;
use release::deployment::Deployment;

use super::parameters::Parameters;
use super::targets::Targets;
use super::{Plan, Services};
use crate::refusal::{Refusal, Stop};
use crate::remedy::codedeploy::recorded;

pub(super) async fn plan(
    services: &Services,
    says: Parameters,
    request: Option<&str>,
    now: Timestamp,
) -> Result<Plan, Stop> {
    let (kind, deployment) = match &says.deployment {
        Some(id) => (EventKind::Deployment, Some(look(services, id).await?)),
        None => (EventKind::Annotation, None),
    };
    let targets = match (&says.environment, &says.monspec, &deployment) {
        (Some(environment), Some(place), _) => {
            let fetched = services.spec_fetcher().at(place).await?;
            Targets::environment(&fetched.monspec, environment)?
        }
        (_, _, Some(deployment)) if says.attach_rules.is_none() => {
            Targets::of_group(&deployment.group, &services.group_tag)
        }
        _ => Targets::attached(says.attach_rules.as_ref()),
    };
    Ok(Plan {
        kind: says.kind.unwrap_or(kind),
        says,
        spot: None,
        deployments: deployment.into_iter().collect(),
        is_sure: true,
        targets,
        request: request.map(str::to_owned),
        asked: now,
    })
}

/// Asks CodeDeploy about a deployment that reaches its group, or has done so. One
/// that succeeded is entered in the ledger; one that is under way may still fail,
/// and its success is announced too.
async fn look(services: &Services, id: &str) -> Result<Deployment, Stop> {
    let found = services.codedeploy.deployment(id).await;
    let Some(found) = found.context("cannot ask CodeDeploy about the deployment")? else {
        let unknown = format!("CodeDeploy knows no deployment `{id}`");
        return Err(Refusal::configuration(unknown).into());
    };
    let nothing = if found.revision.is_none() {
        Some("only restarts the running revision")
    } else if found.maker == Maker::Joining {
        Some("deploys the group's running revision to a joining instance")
    } else if matches!(found.status, Status::Failed | Status::Stopped) {
        Some("did not reach its group")
    } else {
        None
    };
    if let Some(what) = nothing {
        return Err(Stop::NotNeeded(format!("deployment {id} {what}")));
    }
    let deployment = recorded(&found);
    if found.status == Status::Succeeded {
        return Ok(services.enter(&deployment).await?);
    }
    let known = services.ledger.entry(&deployment.group, id).await;
    let known = known.context("cannot look into the ledger")?;
    Ok(known.map_or(deployment, |entry| entry.deployment))
}

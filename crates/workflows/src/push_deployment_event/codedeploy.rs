//! A deployment as CodeDeploy itself knows it.

use anyhow::Context as _;
use delivery::codedeploy::{Maker, Status};
use release::deployment::Deployment;
use store::Ledger;

use super::Services;
use crate::refusal::{Refusal, Stop};
use crate::remedy::codedeploy::recorded;

/// What CodeDeploy says of a deployment.
#[derive(Debug)]
pub(super) enum Known {
    /// It reaches its group, or has done so.
    Reaching(Deployment),
    /// There is nothing to announce, and why.
    Nothing(String),
}

/// Asks CodeDeploy about a deployment. One that succeeded is entered in the
/// ledger; one that is under way may still fail, and its success is announced too.
pub(super) async fn look(services: &Services, id: &str) -> Result<Known, Stop> {
    let found = services
        .codedeploy
        .deployment(id)
        .await
        .context("cannot ask CodeDeploy about the deployment")?;
    let Some(found) = found else {
        return Err(
            Refusal::configuration(format!("CodeDeploy knows no deployment `{id}`")).into(),
        );
    };
    if found.revision.is_none() {
        return Ok(Known::Nothing(format!(
            "deployment {id} only restarts the running revision"
        )));
    }
    if found.maker == Maker::Joining {
        return Ok(Known::Nothing(format!(
            "deployment {id} deploys the group's running revision to a joining instance"
        )));
    }
    if matches!(found.status, Status::Failed | Status::Stopped) {
        return Ok(Known::Nothing(format!(
            "deployment {id} did not reach its group"
        )));
    }
    let deployment = recorded(&found);
    let deployment = match found.status {
        Status::Succeeded => enter(&services.ledger, &deployment).await?,
        _ => known(&services.ledger, &deployment)
            .await?
            .unwrap_or(deployment),
    };
    Ok(Known::Reaching(deployment))
}

/// Enters a deployment in the ledger, where another observer may have entered
/// it already. The answer is what the ledger has.
pub(super) async fn enter(ledger: &Ledger, deployment: &Deployment) -> anyhow::Result<Deployment> {
    ledger
        .record_deployment(deployment)
        .await
        .context("cannot enter the deployment in the ledger")
}

async fn known(ledger: &Ledger, deployment: &Deployment) -> anyhow::Result<Option<Deployment>> {
    let entry = ledger
        .entry(&deployment.group, &deployment.id)
        .await
        .context("cannot look into the ledger")?;
    Ok(entry.map(|entry| entry.deployment))
}

//! What runs in a group, with what only targets and the ledger can say.

use delivery::codedeploy::{self, Status};
use release::deployment::Deployment;
use release::remediation::{Made, Running, Runs};

use super::choice::brought;
use super::view::View;
use crate::remedy::adapter::Context;

/// What runs in the group, as seen from a culprit.
pub(super) async fn running(
    context: Context<'_>,
    view: &View,
    culprit: &Deployment,
) -> anyhow::Result<Running> {
    let runs = runs(context, view, culprit).await?;
    let rollback = match &runs {
        Runs::Rollback { id, .. } => view.made(id).map(made),
        _ => None,
    };
    // What ended by itself before the stop reached it is not our doing.
    let unfinished = view
        .made(&culprit.id)
        .is_some_and(|made| matches!(made.status, Status::Running | Status::Stopped));
    Ok(Running {
        runs,
        rollback,
        unfinished,
    })
}

/// Whether the culprit changed anything, and whether what CodeDeploy brings back
/// is any better.
async fn runs(context: Context<'_>, view: &View, culprit: &Deployment) -> anyhow::Result<Runs> {
    let runs = view.runs(&culprit.id);
    if matches!(runs, Runs::Another(..)) {
        return Ok(runs);
    }
    if let Some(made) = view.made(&culprit.id)
        && made.status != Status::Succeeded
        && context.clients.codedeploy.life(made).await?.is_none()
    {
        return Ok(Runs::Untouched);
    }
    if let Runs::Rollback { id, .. } = &runs
        && let Some(made) = view.made(id)
        && brought(context, view, culprit, made).await?.is_tainted
    {
        return Ok(runs.distrusted());
    }
    Ok(runs)
}

/// A deployment as a step is decided with it.
pub(super) fn made(made: &codedeploy::Deployment) -> Made {
    Made {
        id: made.id.clone(),
        at: made.created,
    }
}

//! A deployment is stopped, an earlier revision is deployed again, and that is
//! watched.

use anyhow::Context as _;
use delivery::codedeploy::{self, Redeployment, Revision, Status};
use release::deployment::Deployment;
use release::remediation::{Created, Heal, Shown};

use super::target;
use super::view::View;
use crate::remedy::adapter::Context;

/// Stops a deployment that is under way, without rolling it back.
pub(super) async fn stop(context: Context<'_>, culprit: &Deployment) -> anyhow::Result<()> {
    let stopping = context.clients.codedeploy.stop(&culprit.id).await;
    stopping.context("cannot stop the culprit's deployment")?;
    Ok(())
}

/// Deploys a revision in the place of a culprit.
pub(super) async fn apply(
    context: Context<'_>,
    view: Option<&View>,
    (culprit, heal): (&Deployment, &Heal),
    revision: &Revision,
) -> anyhow::Result<Created> {
    let made = view.and_then(|view| view.made(&culprit.id));
    let description = format!("{} replaces {}", heal.marker, culprit.id);
    let wish = Redeployment {
        target: &target(&culprit.group),
        config: made.and_then(|made| made.config.as_deref()),
        revision,
        description: &description,
    };
    let created = context.clients.codedeploy.redeploy(&wish).await?;
    Ok(match created {
        codedeploy::Created::Deployment(id) => Created::Deployment(id),
        codedeploy::Created::Busy => Created::Busy,
        codedeploy::Created::Refused(reason) => Created::Refused(reason),
    })
}

/// How a deployment stands, if CodeDeploy shows it.
pub(super) async fn watch(context: Context<'_>, id: &str) -> anyhow::Result<Option<Shown>> {
    Ok(context.clients.codedeploy.deployment(id).await?.map(shown))
}

fn shown(made: codedeploy::Deployment) -> Shown {
    let reason = match (made.status, made.error) {
        (Status::Running, _) => return Shown::NotYet,
        (Status::Succeeded, _) => return Shown::Well(made.completed),
        (_, Some(error)) => error,
        (Status::Stopped, None) => "it was stopped".to_owned(),
        (Status::Failed, None) => "CodeDeploy does not say why".to_owned(),
    };
    Shown::Badly(reason, made.completed)
}

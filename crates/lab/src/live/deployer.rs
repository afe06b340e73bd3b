//! The agent of `CodeDeploy`: it really starts what is deployed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Scene;
use super::environment::Environment;
use fake_aws::codedeploy::{Deployment, DeploymentEnd, DeploymentStatus, Revision};

const PAUSE: Duration = Duration::from_millis(100);

/// The content of a bundle: one service serves as every build.
#[derive(Deserialize)]
struct Bundle {
    build: u32,
}

/// Carries out the deployments of one group, and tells when a build crashes.
pub(super) async fn carry_out(
    scene: Arc<Scene>,
    environment: Arc<Environment>,
    binary: PathBuf,
) -> anyhow::Result<()> {
    let log = super::environment::log_of(scene.folder.path(), environment.name());
    // The flags are about production alone.
    let flags = scene.switches.settings();
    let is_production = environment.name() == scene.production.name();
    let more = if is_production { &flags[..] } else { &[] };
    loop {
        if let Some(deployment) = begun(&scene, environment.name())? {
            let outcome = match bundle::<Bundle>(&scene, &deployment) {
                Ok(bundle) => environment
                    .replace(&binary, bundle.build, &log, more)
                    .await
                    .map(|()| bundle.build),
                Err(error) => Err(error),
            };
            let place = format!("{} ({})", environment.name(), deployment.id);
            let outcome = match outcome {
                Ok(build) => {
                    scene
                        .journal
                        .tell("CodeDeploy", format!("build {build} runs in {place}"));
                    DeploymentEnd::Succeeded
                }
                Err(error) => {
                    scene
                        .journal
                        .tell("CodeDeploy", format!("{place} failed: {error:#}"));
                    DeploymentEnd::Failed
                }
            };
            // If it was stopped in the meantime, it has ended already.
            let _ = scene.world.aws.codedeploy().finish(&deployment.id, outcome);
        }
        if let Some(ended) = environment.crashed().await {
            scene.trouble(format!(
                "build {} in {} ended by itself ({}); its last log line: {}",
                ended.build,
                environment.name(),
                ended.status,
                ended.last
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The deployment that changes the instances of a group now.
pub(super) fn begun(scene: &Scene, group: &str) -> anyhow::Result<Option<Deployment>> {
    let codedeploy = scene.world.aws.codedeploy();
    let active = codedeploy.active(super::APPLICATION, group)?;
    Ok(active.filter(|deployment| deployment.status == DeploymentStatus::InProgress))
}

/// The content of a deployment.
pub(super) fn bundle<T: DeserializeOwned>(
    scene: &Scene,
    deployment: &Deployment,
) -> anyhow::Result<T> {
    let Revision::S3(place) = &deployment.revision else {
        anyhow::bail!("the revision is no bundle in S3");
    };
    let object = scene.world.aws.s3().get(&place.bucket, &place.key);
    let object = object.with_context(|| format!("the bundle {} is gone", place.key))?;
    serde_json::from_slice(&object.body).context("the bundle is not what belongs here")
}

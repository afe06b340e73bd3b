//! Deploy actions, carried out by `CodeDeploy` where it has their group.

use jiff::Timestamp;

use super::spec::{ARTIFACT_BUCKET, Work};
use super::state::{ActionError, ActionRun, Pipeline, Revision};
use super::status::ActionStatus;
use crate::codedeploy::{self, CodeDeploy, DeploymentStatus, fresh_id};
use crate::s3::S3;

/// Where deploy actions are carried out.
#[derive(Debug)]
pub(super) struct Deployments {
    codedeploy: CodeDeploy,
    pub(super) s3: S3,
}

impl Deployments {
    pub(super) fn new(codedeploy: CodeDeploy, s3: S3) -> Self {
        Self { codedeploy, s3 }
    }
}

/// Hands over the deploy actions that have just started, and ends those whose
/// deployment has ended. The answer is whether any action ended.
pub(super) fn follow(pipeline: &mut Pipeline, deployments: &Deployments, now: Timestamp) -> bool {
    let Pipeline {
        spec,
        executions,
        held,
        ..
    } = pipeline;
    let mut ended = false;
    for execution in executions {
        let revision = &execution.revision;
        for run in execution.runs.iter_mut().filter(|run| run.is_running()) {
            let stage = &spec.stages[run.slot.stage];
            let action = &stage.actions[run.slot.action];
            let Work::Deploy {
                application,
                group,
                input_artifact,
            } = &action.work
            else {
                continue;
            };
            if run.external_id.is_some() {
                end(run, &deployments.codedeploy, now);
            } else if deployments.codedeploy.has_group(application, group) {
                let codedeploy = &deployments.codedeploy;
                let Some(bundle) = bundle(revision, input_artifact, deployments) else {
                    let message = format!("nothing made the artifact {input_artifact}");
                    fail(run, "JobFailed", &message, now);
                    ended = true;
                    continue;
                };
                match codedeploy.deploy_by_person(application, group, bundle) {
                    Ok(id) => {
                        run.external_id = Some(id);
                        end(run, codedeploy, now);
                    }
                    Err(refusal) => fail(run, refusal.code(), &refusal.to_string(), now),
                }
            } else {
                run.external_id = Some(fresh_id());
                if !held.contains(&(stage.name.clone(), action.name.clone())) {
                    run.finish(ActionStatus::Succeeded, Some("Succeeded".to_owned()), now);
                }
            }
            ended |= !run.is_running();
        }
    }
    ended
}

/// Ends an action whose deployment has ended.
fn end(run: &mut ActionRun, codedeploy: &CodeDeploy, now: Timestamp) {
    let id = run.external_id.as_deref().unwrap_or_default();
    // Undeclared groups have no deployment with the id.
    let Ok(deployment) = codedeploy.deployment(id) else {
        return;
    };
    match deployment.status {
        DeploymentStatus::Succeeded => {
            run.finish(ActionStatus::Succeeded, Some("Succeeded".to_owned()), now);
        }
        status if status.is_active() => {}
        status => {
            let message = format!("Deployment {id} ended as {}", status.as_str());
            fail(run, "JobFailed", &message, now);
        }
    }
}

fn fail(run: &mut ActionRun, code: &str, message: &str, now: Timestamp) {
    run.finish(ActionStatus::Failed, Some("Failed".to_owned()), now);
    run.error = Some(ActionError::new(code, message));
}

/// What an action deploys: its input artifact.
fn bundle(
    revision: &Revision,
    input_artifact: &str,
    deployments: &Deployments,
) -> Option<codedeploy::Revision> {
    let mut artifacts = revision.artifacts.iter();
    let (_, key) = artifacts.find(|(name, _)| name == input_artifact)?;
    let bundle = codedeploy::Revision::s3(ARTIFACT_BUCKET, key);
    Some(match deployments.s3.get(ARTIFACT_BUCKET, key) {
        Some(object) => bundle.with_etag(&object.etag()),
        None => bundle,
    })
}

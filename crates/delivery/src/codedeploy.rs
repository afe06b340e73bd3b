//! Deployments of a CodeDeploy group: what ran, what runs, and what is made to
//! run again.

use aws_sdk_codedeploy::config::retry::RetryConfig;
use aws_sdk_codedeploy::error::SdkError;
use aws_sdk_codedeploy::operation::create_deployment::CreateDeploymentError;
use aws_sdk_codedeploy::operation::get_application_revision::GetApplicationRevisionError;
use aws_sdk_codedeploy::operation::get_deployment::GetDeploymentError;
use aws_sdk_codedeploy::operation::list_deployments::builders::ListDeploymentsFluentBuilder;
use aws_sdk_codedeploy::operation::stop_deployment::StopDeploymentError;
use aws_sdk_codedeploy::primitives::DateTime;
use aws_sdk_codedeploy::types::{
    AlarmConfiguration, AutoRollbackConfiguration, ComputePlatform, DeploymentCreator,
    DeploymentInfo, DeploymentMode, DeploymentStatus, FileExistsBehavior, RevisionLocation,
    RevisionLocationType, RollbackInfo, TimeRange,
};
use futures_util::future::try_join_all;
use jiff::Timestamp;

mod backwards;
mod life;

pub use backwards::Backwards;
pub use life::Life;

use crate::DeliveryError;
use crate::error::sorted;
use crate::moment::timestamp;
use crate::pipeline::Target;

/// What CodeDeploy takes as a description, in characters.
pub const LONGEST_DESCRIPTION: usize = 256;

/// How many deployments one question may name.
const BATCH: usize = 25;

/// Pages of a group's history that are read at once.
const PAGES: usize = 10;

const LIST: &str = "list the group's deployments";

/// CodeDeploy, through its SDK client.
#[derive(Clone, Debug)]
pub struct CodeDeploy {
    client: aws_sdk_codedeploy::Client,
}

/// A deployment to a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Its id, `d-…`.
    pub id: String,
    /// Where it is deployed.
    pub target: Target,
    /// How it stands.
    pub status: Status,
    /// Who made it.
    pub maker: Maker,
    /// When it was made.
    pub created: Timestamp,
    /// When it ended.
    pub completed: Option<Timestamp>,
    /// What its maker wrote.
    pub description: String,
    /// The configuration it is deployed with.
    pub config: Option<String>,
    /// What it deploys; a restart deploys nothing.
    pub revision: Option<Revision>,
    /// Why it failed.
    pub error: Option<String>,
    /// The deployment that takes it back, if CodeDeploy makes one.
    pub rolled_back_by: Option<String>,
    /// The deployment that it takes back, if CodeDeploy made it for that.
    pub rolls_back: Option<String>,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has not ended.
    Running,
    /// It reached the group.
    Succeeded,
    /// It did not.
    Failed,
    /// It was stopped.
    Stopped,
}

/// Who made a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// CodeDeploy itself, to take another one back.
    Rollback,
    /// CodeDeploy itself, to bring an instance that joins or leaves the group to
    /// what the group runs: nothing changes by that.
    Joining,
    /// Anybody else.
    Other,
}

/// What is deployed.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    location: RevisionLocation,
    /// Whether it is deployed to instances, which have files and scripts.
    on_instances: bool,
}

/// A deployment that answers a problem.
#[derive(Clone, Debug)]
pub struct Redeployment<'a> {
    /// Where.
    pub target: &'a Target,
    /// What; it is complete.
    pub revision: &'a Revision,
    /// How, if not as the group says.
    pub config: Option<&'a str>,
    /// Why, with a marker that finds it again.
    pub description: &'a str,
}

/// What became of the wish to deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is under way under this id.
    Deployment(String),
    /// Another deployment is under way in the group.
    Busy,
    /// CodeDeploy does not take this revision or group; trying again does not
    /// help.
    Refused(String),
}

/// What became of the wish to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It is being stopped.
    Stopping,
    /// It had ended before.
    Ended,
}

impl Revision {
    /// Where the content lies, the same for the same content in the same place.
    pub fn location(&self) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        if let Some(s3) = &self.location.s3_location {
            let version = s3.version.as_ref().or(s3.e_tag.as_ref());
            return format!(
                "s3:{}/{}#{}",
                text(&s3.bucket),
                text(&s3.key),
                version.map(String::as_str).unwrap_or_default()
            );
        }
        if let Some(github) = &self.location.git_hub_location {
            return format!(
                "github:{}@{}",
                text(&github.repository),
                text(&github.commit_id)
            );
        }
        if let Some(content) = &self.location.app_spec_content {
            return format!("appspec:{}", text(&content.sha256));
        }
        #[expect(deprecated, reason = "old deployments still carry it")]
        let string = self
            .location
            .string
            .as_ref()
            .and_then(|string| string.sha256.clone());
        format!("string:{}", string.unwrap_or_default())
    }

    /// The digest of a bundle in S3, if it was named: the same for the same
    /// bytes, unless they are encrypted with a key of KMS.
    pub fn digest(&self) -> Option<String> {
        let tag = self.location.s3_location.as_ref()?.e_tag.as_deref()?;
        let digest = tag.trim_matches('"');
        (!digest.is_empty()).then(|| digest.to_owned())
    }

    /// The bucket and key of a bundle in S3.
    pub fn bundle(&self) -> Option<(&str, &str)> {
        let s3 = self.location.s3_location.as_ref()?;
        Some((s3.bucket.as_deref()?, s3.key.as_deref()?))
    }

    /// The version of the bundle that was named, if one was.
    pub(crate) fn version(&self) -> Option<&str> {
        self.location.s3_location.as_ref()?.version.as_deref()
    }

    /// The tag that the content of the bundle must have, if one was named and
    /// the version does not say it already.
    pub(crate) fn tag(&self) -> Option<&str> {
        let s3 = self.location.s3_location.as_ref()?;
        match s3.version {
            Some(_) => None,
            None => s3.e_tag.as_deref(),
        }
    }

    /// Whether CodeDeploy left the content out when it was asked about the
    /// deployment, so that it has to be completed before it can be deployed.
    fn is_hidden(&self) -> bool {
        self.location.revision_type == Some(RevisionLocationType::AppSpecContent)
            && self
                .location
                .app_spec_content
                .as_ref()
                .is_none_or(|content| content.content.is_none())
    }
}

impl CodeDeploy {
    /// Speaks through this client.
    pub fn new(client: aws_sdk_codedeploy::Client) -> Self {
        Self { client }
    }

    /// One deployment; `None` if CodeDeploy knows none of this id.
    pub async fn deployment(&self, id: &str) -> Result<Option<Deployment>, DeliveryError> {
        let outcome = self.client.get_deployment().deployment_id(id).send().await;
        match outcome {
            Ok(found) => Ok(found.deployment_info.and_then(deployment)),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(sorted("read the deployment", error)),
        }
    }

    /// The deployments that a group was given within a range of time, the newest
    /// first; nothing if they are too many to be read at once.
    async fn listed(
        &self,
        target: &Target,
        range: TimeRange,
    ) -> Result<Option<Vec<Deployment>>, DeliveryError> {
        let list = self.list(target).create_time_range(range);
        let mut pages = list.into_paginator().send();
        let mut ids = Vec::new();
        for _ in 0..PAGES {
            let Some(page) = pages.next().await else {
                return self.deployments(&ids).await.map(Some);
            };
            let page = page.map_err(|error| sorted(LIST, error))?;
            ids.extend(page.deployments.unwrap_or_default());
        }
        Ok(None)
    }

    /// Whether any deployment to a group that was made before a moment
    /// succeeded, but for these. Looking ends with the first one, however many
    /// there are.
    pub async fn has_succeeded(
        &self,
        target: &Target,
        until: Timestamp,
        but_for: &[&str],
    ) -> Result<bool, DeliveryError> {
        let range = TimeRange::builder().end(DateTime::from_millis(until.as_millisecond()));
        let list = self
            .list(target)
            .create_time_range(range.build())
            .include_only_statuses(DeploymentStatus::Succeeded);
        let mut pages = list.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| sorted(LIST, error))?;
            let mut found = page.deployments().iter();
            if found.any(|id| !but_for.contains(&id.as_str())) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn list(&self, target: &Target) -> ListDeploymentsFluentBuilder {
        self.client
            .list_deployments()
            .application_name(&target.application)
            .deployment_group_name(&target.group)
    }

    /// Those of these deployments that CodeDeploy knows, the newest first.
    pub async fn deployments(&self, ids: &[String]) -> Result<Vec<Deployment>, DeliveryError> {
        let batches = ids.chunks(BATCH).map(async |batch| {
            let answer = self
                .client
                .batch_get_deployments()
                .set_deployment_ids(Some(batch.to_vec()))
                .send()
                .await
                .map_err(|error| sorted("read the group's deployments", error))?;
            Ok(answer.deployments_info.unwrap_or_default())
        });
        let mut found: Vec<_> = try_join_all(batches)
            .await?
            .into_iter()
            .flatten()
            .filter_map(deployment)
            .collect();
        found.sort_by_key(|deployment| std::cmp::Reverse(deployment.created));
        Ok(found)
    }

    /// The deployment that was attempted last in a group, and how it stands.
    pub async fn latest(&self, target: &Target) -> Result<Option<(String, Status)>, DeliveryError> {
        let found = self
            .client
            .get_deployment_group()
            .application_name(&target.application)
            .deployment_group_name(&target.group)
            .send()
            .await
            .map_err(|error| sorted("read the deployment group", error))?;
        let latest = found
            .deployment_group_info
            .and_then(|group| group.last_attempted_deployment);
        Ok(latest.and_then(|latest| Some((latest.deployment_id?, status(latest.status.as_ref())))))
    }

    /// Deploys a revision again, so that nothing of the deployment it replaces
    /// can stand in its way: scripts of the bad revision may fail, its alarms
    /// may ring, its files may lie there, and a failure is not rolled back to
    /// the bad revision.
    pub async fn redeploy(&self, wish: &Redeployment<'_>) -> Result<Created, DeliveryError> {
        // Of the rest, CodeDeploy takes these words for instances alone.
        let on_instances = wish.revision.on_instances;
        let overwrite = on_instances.then_some(FileExistsBehavior::Overwrite);
        let outcome = self
            .client
            .create_deployment()
            .application_name(&wish.target.application)
            .deployment_group_name(&wish.target.group)
            .revision(wish.revision.location.clone())
            .set_deployment_config_name(wish.config.map(str::to_owned))
            .description(
                wish.description
                    .chars()
                    .take(LONGEST_DESCRIPTION)
                    .collect::<String>(),
            )
            .ignore_application_stop_failures(on_instances)
            .update_outdated_instances_only(false)
            .auto_rollback_configuration(
                AutoRollbackConfiguration::builder().enabled(false).build(),
            )
            .set_file_exists_behavior(overwrite)
            .override_alarm_configuration(AlarmConfiguration::builder().enabled(false).build())
            .customize()
            // The request has no token: whoever repeats it without looking for
            // what the first one did may deploy twice.
            .config_override(
                aws_sdk_codedeploy::Config::builder().retry_config(RetryConfig::disabled()),
            )
            .send()
            .await;
        match outcome {
            Ok(created) => Ok(match created.deployment_id {
                Some(id) => Created::Deployment(id),
                None => Created::Refused("CodeDeploy answered without a deployment".to_owned()),
            }),
            Err(error) => match error.as_service_error() {
                Some(CreateDeploymentError::DeploymentLimitExceededException(_)) => {
                    Ok(Created::Busy)
                }
                Some(service) if is_final(service) => Ok(Created::Refused(service.to_string())),
                _ => Err(sorted("create the deployment", error)),
            },
        }
    }

    /// Stops a deployment, without CodeDeploy's own rollback.
    pub async fn stop(&self, id: &str) -> Result<Stopped, DeliveryError> {
        let outcome = self
            .client
            .stop_deployment()
            .deployment_id(id)
            .auto_rollback_enabled(false)
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(Stopped::Stopping),
            Err(error) => match error.as_service_error() {
                Some(StopDeploymentError::DeploymentAlreadyCompletedException(_)) => {
                    Ok(Stopped::Ended)
                }
                _ => Err(sorted("stop the deployment", error)),
            },
        }
    }

    /// The revision with its content, where CodeDeploy hides it; `None` if the
    /// application has no such revision any more.
    pub async fn complete(
        &self,
        target: &Target,
        revision: &Revision,
    ) -> Result<Option<Revision>, DeliveryError> {
        if !revision.is_hidden() {
            return Ok(Some(revision.clone()));
        }
        let outcome = self
            .client
            .get_application_revision()
            .application_name(&target.application)
            .revision(revision.location.clone())
            .send()
            .await;
        match outcome {
            Ok(found) => Ok(found.revision.map(|location| Revision {
                location,
                ..revision.clone()
            })),
            Err(error) => match error.as_service_error() {
                Some(GetApplicationRevisionError::RevisionDoesNotExistException(_)) => Ok(None),
                _ => Err(sorted("read the content of the revision", error)),
            },
        }
    }
}

fn deployment(info: DeploymentInfo) -> Option<Deployment> {
    let restart = info.deployment_mode == Some(DeploymentMode::Restart);
    let on_instances = matches!(info.compute_platform, None | Some(ComputePlatform::Server));
    let rollback = info.rollback_info;
    let rollback = rollback.unwrap_or_else(|| RollbackInfo::builder().build());
    Some(Deployment {
        id: info.deployment_id?,
        target: Target {
            application: info.application_name?,
            group: info.deployment_group_name?,
        },
        status: status(info.status.as_ref()),
        maker: maker(info.creator.as_ref()),
        created: timestamp(&info.create_time?)?,
        completed: info.complete_time.as_ref().and_then(timestamp),
        description: info.description.unwrap_or_default(),
        // An empty location is how CodeDeploy says that there is none.
        revision: info
            .revision
            .filter(|revision| !restart && revision.revision_type.is_some())
            .map(|location| Revision {
                location,
                on_instances,
            }),
        config: info.deployment_config_name,
        error: info.error_information.and_then(|error| error.message),
        rolled_back_by: rollback.rollback_deployment_id,
        rolls_back: rollback.rollback_triggering_deployment_id,
    })
}

fn maker(creator: Option<&DeploymentCreator>) -> Maker {
    match creator {
        Some(DeploymentCreator::CodeDeployRollback) => Maker::Rollback,
        Some(
            DeploymentCreator::Autoscaling
            | DeploymentCreator::AutoscalingTermination
            | DeploymentCreator::CodeDeployAutoUpdate,
        ) => Maker::Joining,
        _ => Maker::Other,
    }
}

/// A status that is new to us is taken for one that has not ended: it is looked
/// at again.
fn status(status: Option<&DeploymentStatus>) -> Status {
    match status {
        Some(DeploymentStatus::Succeeded) => Status::Succeeded,
        Some(DeploymentStatus::Failed) => Status::Failed,
        Some(DeploymentStatus::Stopped) => Status::Stopped,
        _ => Status::Running,
    }
}

fn is_unknown<R>(error: &SdkError<GetDeploymentError, R>) -> bool {
    matches!(
        error.as_service_error(),
        Some(
            GetDeploymentError::DeploymentDoesNotExistException(_)
                | GetDeploymentError::InvalidDeploymentIdException(_)
        )
    )
}

/// Whether asking again cannot help until a person has changed something: what
/// is named does not exist or is not valid, or the role may not do it. What is
/// not modelled, such as a denial, has a code all the same.
fn is_final(error: &CreateDeploymentError) -> bool {
    let code = error.meta().code().unwrap_or_default();
    let is_ours = code == "InvalidSignatureException";
    let is_about_the_wish = code.starts_with("Invalid")
        || code.starts_with("AccessDenied")
        || code.ends_with("DoesNotExistException")
        || code.ends_with("RequiredException");
    is_about_the_wish && !is_ours
}

//! When a deployment changed what runs, and where, as its targets tell it.
//!
//! A deployment is asked for, waits, and may end without having touched
//! anything; its own times and its status do not say which. Its targets do, by
//! the events in the life of each:
//!
//! | Target | What changes it |
//! |---|---|
//! | an instance | every event that has begun, but for `DownloadBundle`, which only fetches; `ApplicationStop` counts, because it stops what runs |
//! | an instance of a blue/green deployment | `BlockTraffic`, what runs on the old one before it, and `AllowTraffic` |
//! | a function, a container service, a stack | `AllowTraffic` |

use std::collections::BTreeMap;

use aws_sdk_codedeploy::operation::batch_get_deployment_targets::BatchGetDeploymentTargetsError;
use aws_sdk_codedeploy::operation::list_deployment_targets::ListDeploymentTargetsError;
use aws_sdk_codedeploy::types::{
    DeploymentTarget, LifecycleEvent, LifecycleEventStatus, TargetLabel,
};
use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::{BATCH, CodeDeploy, Deployment};
use crate::DeliveryError;
use crate::error::sorted;
use crate::moment::timestamp;

/// Pages of a deployment's targets that are read.
const PAGES: usize = 10;

/// Questions about targets that are asked at the same time.
const AT_ONCE: usize = 4;

/// The time in which a deployment changed what runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it changed the first instance, or moved the first traffic.
    pub began: Timestamp,
    /// When it ended, unless it goes on.
    pub ended: Option<Timestamp>,
    /// The targets that it has changed, and since when: ids of instances, names
    /// of functions.
    pub reached: BTreeMap<String, Timestamp>,
}

impl CodeDeploy {
    /// The lives of these deployments by their ids. What touched nothing has
    /// none. A deployment with more targets than can be read is out of reach:
    /// half of its life would be a wrong answer.
    pub async fn lives<'d>(
        &self,
        deployments: impl IntoIterator<Item = &'d Deployment>,
    ) -> Result<BTreeMap<String, Life>, DeliveryError> {
        let asked: Vec<_> = deployments
            .into_iter()
            .map(|deployment| self.named_life(deployment).boxed())
            .collect();
        let found: Vec<Option<(String, Life)>> = stream::iter(asked)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn named_life(
        &self,
        deployment: &Deployment,
    ) -> Result<Option<(String, Life)>, DeliveryError> {
        let life = self.life(deployment).await?;
        Ok(life.map(|life| (deployment.id.clone(), life)))
    }

    /// The life of one deployment; `None` if it touched nothing.
    pub async fn life(&self, deployment: &Deployment) -> Result<Option<Life>, DeliveryError> {
        let ids = self.target_ids(&deployment.id).await?;
        let batches: Vec<_> = ids
            .chunks(BATCH)
            .map(|batch| self.targets(deployment, batch).boxed())
            .collect();
        let targets: Vec<Vec<DeploymentTarget>> = stream::iter(batches)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let mut life: Option<Life> = None;
        for target in targets.iter().flatten().filter_map(Changed::of) {
            let at = target.at.unwrap_or(deployment.created);
            let life = life.get_or_insert_with(|| Life {
                began: at,
                ended: deployment.completed,
                reached: BTreeMap::new(),
            });
            life.began = life.began.min(at);
            life.reached.insert(target.id, at);
        }
        Ok(life)
    }

    async fn target_ids(&self, id: &str) -> Result<Vec<String>, DeliveryError> {
        const ACTION: &str = "list the deployment's targets";
        let mut ids = Vec::new();
        let mut next = None;
        for _ in 0..PAGES {
            let asked = self
                .client
                .list_deployment_targets()
                .deployment_id(id)
                .set_next_token(next)
                .send()
                .await;
            let page = match asked {
                Ok(page) => page,
                // It has none yet.
                Err(error)
                    if matches!(
                        error.as_service_error(),
                        Some(ListDeploymentTargetsError::DeploymentNotStartedException(_))
                    ) =>
                {
                    return Ok(Vec::new());
                }
                Err(error) => return Err(sorted(ACTION, error)),
            };
            ids.extend(page.target_ids.unwrap_or_default());
            next = page.next_token;
            if next.is_none() {
                return Ok(ids);
            }
        }
        Err(DeliveryError::TooMany { action: ACTION })
    }

    async fn targets(
        &self,
        deployment: &Deployment,
        ids: &[String],
    ) -> Result<Vec<DeploymentTarget>, DeliveryError> {
        const ACTION: &str = "read the deployment's targets";
        let asked = self
            .client
            .batch_get_deployment_targets()
            .deployment_id(&deployment.id)
            .set_target_ids(Some(ids.to_vec()))
            .send()
            .await;
        let found = match asked {
            Ok(found) => found.deployment_targets.unwrap_or_default(),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(BatchGetDeploymentTargetsError::DeploymentNotStartedException(_))
                ) =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(sorted(ACTION, error)),
        };
        if found.len() < ids.len() {
            return Err(DeliveryError::Unavailable {
                action: ACTION,
                cause: "some of them are missing".into(),
            });
        }
        Ok(found)
    }
}

/// A target that was changed.
struct Changed {
    id: String,
    /// When, if it says so.
    at: Option<Timestamp>,
}

impl Changed {
    fn of(target: &DeploymentTarget) -> Option<Self> {
        if let Some(instance) = &target.instance_target {
            let counts: fn(&str) -> bool = match instance.instance_label {
                Some(TargetLabel::Blue) => |name| name != "AfterBlockTraffic",
                Some(TargetLabel::Green) => |name| name == "AllowTraffic",
                _ => |name| name != "DownloadBundle",
            };
            return first(
                instance.target_id.as_deref(),
                instance.lifecycle_events(),
                counts,
            );
        }
        let moves: fn(&str) -> bool = |name| name == "AllowTraffic";
        if let Some(function) = &target.lambda_target {
            return first(
                function.target_id.as_deref(),
                function.lifecycle_events(),
                moves,
            );
        }
        if let Some(service) = &target.ecs_target {
            return first(
                service.target_id.as_deref(),
                service.lifecycle_events(),
                moves,
            );
        }
        let stack = target.cloud_formation_target.as_ref()?;
        first(stack.target_id.as_deref(), stack.lifecycle_events(), moves)
    }
}

/// The target, changed since the first of the events that count.
fn first(id: Option<&str>, events: &[LifecycleEvent], counts: fn(&str) -> bool) -> Option<Changed> {
    let begun = |event: &&LifecycleEvent| match event.status {
        Some(
            LifecycleEventStatus::InProgress
            | LifecycleEventStatus::Succeeded
            | LifecycleEventStatus::Failed,
        ) => true,
        // What was left out, or is not reached, may say when that was decided.
        Some(LifecycleEventStatus::Pending | LifecycleEventStatus::Skipped) => false,
        _ => event.start_time.is_some(),
    };
    let changed: Vec<&LifecycleEvent> = events
        .iter()
        .filter(|event| event.lifecycle_event_name().is_some_and(counts))
        .filter(begun)
        .collect();
    if changed.is_empty() {
        return None;
    }
    let times = changed
        .iter()
        .filter_map(|event| timestamp(event.start_time.as_ref()?));
    Some(Changed {
        id: id.unwrap_or_default().to_owned(),
        at: times.min(),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_codedeploy::primitives::DateTime;
    use aws_sdk_codedeploy::types::{EcsTarget, InstanceTarget, LambdaTarget};

    use super::*;

    type Told<'a> = (&'a str, &'a str, Option<i64>);

    fn events(told: &[Told<'_>]) -> Vec<LifecycleEvent> {
        let events = told.iter().map(|(name, status, at)| {
            LifecycleEvent::builder()
                .lifecycle_event_name(*name)
                .status(LifecycleEventStatus::from(*status))
                .set_start_time(at.map(DateTime::from_secs))
                .build()
        });
        events.collect()
    }

    /// When a target was changed, in words.
    fn since(target: &DeploymentTarget) -> String {
        match Changed::of(target) {
            None => "never".to_owned(),
            Some(Changed { at: None, .. }) => "at some time".to_owned(),
            Some(Changed { at: Some(at), .. }) => at.as_second().to_string(),
        }
    }

    fn on_instance(label: Option<&str>, told: &[Told<'_>]) -> String {
        let instance = InstanceTarget::builder()
            .target_id("i-1")
            .set_instance_label(label.map(TargetLabel::from))
            .set_lifecycle_events(Some(events(told)))
            .build();
        since(
            &DeploymentTarget::builder()
                .instance_target(instance)
                .build(),
        )
    }

    #[test]
    fn instance_is_changed_by_what_begins_on_it_but_not_by_fetching() {
        let table: [(&[Told<'_>], &str); 6] = [
            (&[], "never"),
            (&[("ApplicationStop", "Pending", None)], "never"),
            (
                &[
                    ("ApplicationStop", "Skipped", Some(1)),
                    ("DownloadBundle", "Failed", Some(2)),
                    ("BeforeInstall", "Skipped", None),
                ],
                "never",
            ),
            (
                &[
                    ("ApplicationStop", "Skipped", None),
                    ("DownloadBundle", "Succeeded", Some(2)),
                    ("BeforeInstall", "Failed", Some(3)),
                ],
                "3",
            ),
            (
                &[
                    ("ApplicationStop", "Succeeded", Some(1)),
                    ("DownloadBundle", "Failed", Some(2)),
                ],
                "1",
            ),
            // It was changed, and nobody says when.
            (&[("Install", "Succeeded", None)], "at some time"),
        ];
        for (told, expected) in table {
            assert_eq!(on_instance(None, told), expected, "{told:?}");
        }
    }

    #[test]
    fn traffic_is_what_changes_where_it_is_moved() {
        let green = [
            ("ApplicationStop", "Succeeded", Some(1)),
            ("Install", "Succeeded", Some(2)),
            ("BeforeAllowTraffic", "Succeeded", Some(3)),
        ];
        assert_eq!(on_instance(Some("Green"), &green), "never");
        let blue = [
            ("BeforeBlockTraffic", "Succeeded", Some(5)),
            ("BlockTraffic", "InProgress", Some(6)),
        ];
        assert_eq!(on_instance(Some("Blue"), &blue), "5");

        let mut told = vec![
            ("Install", "Succeeded", Some(1)),
            ("BeforeAllowTraffic", "Failed", Some(2)),
        ];
        let containers = |told: &[Told<'_>]| {
            let service = EcsTarget::builder()
                .target_id("cluster:service")
                .set_lifecycle_events(Some(events(told)));
            since(
                &DeploymentTarget::builder()
                    .ecs_target(service.build())
                    .build(),
            )
        };
        assert_eq!(containers(&told), "never");
        told.push(("AllowTraffic", "InProgress", Some(4)));
        assert_eq!(containers(&told), "4");
        let function = LambdaTarget::builder()
            .target_id("function")
            .set_lifecycle_events(Some(events(&told)));
        let function = DeploymentTarget::builder().lambda_target(function.build());
        assert_eq!(since(&function.build()), "4");
    }
}

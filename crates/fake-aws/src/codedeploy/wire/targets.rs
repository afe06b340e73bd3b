//! What a deployment is rolled out to, and how far it is there.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{input, page, parse};
use crate::clock::epoch_seconds;
use crate::codedeploy::deployment::Deployment;
use crate::codedeploy::life::{Event, EventStatus};
use crate::codedeploy::machine::Machine;
use crate::codedeploy::service_error::ServiceError;
use crate::codedeploy::words::Platform;

const BATCH_LIMIT: usize = 25;

pub(super) fn list(machine: &Machine, input: Value, size: usize) -> Result<Value, ServiceError> {
    let input: input::Targets = parse(input)?;
    let deployment = begun(machine, input.id()?)?;
    let ids: Vec<&str> = deployment.targets().iter().map(String::as_str).collect();
    page::page("targetIds", &ids, size, input.next_token.as_deref())
}

pub(super) fn batch_get(
    machine: &Machine,
    input: Value,
    now: Timestamp,
) -> Result<Value, ServiceError> {
    let input: input::Targets = parse(input)?;
    let deployment = begun(machine, input.id()?)?;
    let ids = &input.target_ids;
    if ids.is_empty() {
        return Err(ServiceError::DeploymentTargetIdRequired);
    }
    if BATCH_LIMIT < ids.len() {
        return Err(ServiceError::DeploymentTargetListSizeExceeded(BATCH_LIMIT));
    }
    let shown: Result<Vec<Value>, ServiceError> = ids
        .iter()
        .map(|id| {
            let place = deployment.targets().iter().position(|known| known == id);
            let unknown = || ServiceError::DeploymentTargetDoesNotExist(id.clone());
            Ok(target(deployment, place.ok_or_else(unknown)?, now))
        })
        .collect();
    Ok(json!({"deploymentTargets": shown?}))
}

fn begun<'m>(machine: &'m Machine, id: &str) -> Result<&'m Deployment, ServiceError> {
    let deployment = machine.deployment(id)?;
    match deployment.started {
        Some(_) => Ok(deployment),
        None => Err(ServiceError::DeploymentNotStarted(id.to_owned())),
    }
}

fn target(deployment: &Deployment, place: usize, now: Timestamp) -> Value {
    let events = deployment.events(place, now);
    let (kind, name) = match deployment.course.rollout.platform {
        Platform::Server => ("InstanceTarget", "instanceTarget"),
        Platform::Lambda => ("LambdaTarget", "lambdaTarget"),
        Platform::Ecs => ("ECSTarget", "ecsTarget"),
    };
    let shown: Vec<Value> = events.iter().map(event).collect();
    json!({
        "deploymentTargetType": kind,
        name: {
            "deploymentId": deployment.id,
            "targetId": deployment.targets()[place],
            "status": status(&events).as_str(),
            "lifecycleEvents": shown,
        },
    })
}

fn event(event: &Event) -> Value {
    let mut shown = json!({
        "lifecycleEventName": event.name,
        "status": event.status.as_str(),
    });
    if let Some(began) = event.began {
        shown["startTime"] = json!(epoch_seconds(began));
    }
    if let Some(ended) = event.ended {
        shown["endTime"] = json!(epoch_seconds(ended));
    }
    shown
}

/// A target is as far as the event that says most.
fn status(events: &[Event]) -> EventStatus {
    let any = |status| events.iter().any(|event| event.status == status);
    [EventStatus::Failed, EventStatus::InProgress]
        .into_iter()
        .find(|status| any(*status))
        .or_else(|| events.last().map(|event| event.status))
        .unwrap_or(EventStatus::Pending)
}

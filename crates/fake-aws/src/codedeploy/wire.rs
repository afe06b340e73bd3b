//! The operations as they arrive: limits are checked here, state below.

mod input;
mod page;
mod shown;
mod targets;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::deployment::Deployment;
use super::machine::{Machine, StopRequest};
use super::service_error::ServiceError;
use crate::protocol::JsonError;

pub(super) use page::PAGE_SIZE;

const BATCH_LIMIT: usize = 25;

/// One request and how lists are cut.
pub(super) struct Request<'a> {
    pub(super) operation: &'a str,
    pub(super) input: Value,
    pub(super) page_size: usize,
}

pub(super) fn answer(
    machine: &mut Machine,
    request: Request<'_>,
    now: Timestamp,
) -> Result<Value, JsonError> {
    let Request {
        operation,
        input,
        page_size,
    } = request;
    let answer = match operation {
        "GetDeployment" => get_deployment(machine, input),
        "BatchGetDeployments" => batch_get_deployments(machine, input),
        "ListDeployments" => list_deployments(machine, input, page_size),
        "ListDeploymentTargets" => targets::list(machine, input, page_size),
        "BatchGetDeploymentTargets" => targets::batch_get(machine, input, now),
        "GetDeploymentGroup" => get_deployment_group(machine, input),
        "GetApplicationRevision" => get_application_revision(machine, input),
        "CreateDeployment" => create_deployment(machine, input, now),
        "StopDeployment" => stop_deployment(machine, input, now),
        _ => return Err(JsonError::unknown_operation(operation)),
    };
    answer.map_err(|refusal| JsonError {
        code: refusal.code(),
        message: refusal.to_string(),
    })
}

fn get_deployment(machine: &Machine, input: Value) -> Result<Value, ServiceError> {
    let input: input::DeploymentId = parse(input)?;
    let deployment = machine.deployment(input.id()?)?;
    Ok(json!({"deploymentInfo": shown::deployment(machine, deployment)}))
}

fn batch_get_deployments(machine: &Machine, input: Value) -> Result<Value, ServiceError> {
    let input: input::BatchGetDeployments = parse(input)?;
    let ids = input.deployment_ids;
    if ids.is_empty() {
        return Err(ServiceError::DeploymentIdRequired);
    }
    if BATCH_LIMIT < ids.len() {
        return Err(ServiceError::BatchLimitExceeded(BATCH_LIMIT));
    }
    for id in &ids {
        input::check_deployment_id(id)?;
    }
    // Ids of nothing are left out, so the answer can be shorter than the question.
    let known = ids.iter().filter_map(|id| machine.deployment(id).ok());
    let shown = known.map(|deployment| shown::deployment(machine, deployment));
    Ok(json!({"deploymentsInfo": shown.collect::<Vec<_>>()}))
}

fn list_deployments(machine: &Machine, input: Value, size: usize) -> Result<Value, ServiceError> {
    let input: input::ListDeployments = parse(input)?;
    let place = input.place()?;
    if let Some((application, group)) = place {
        machine.group(application, group)?;
    }
    let statuses = input.statuses()?;
    let range = input.create_time_range.unwrap_or_default();
    range.check()?;
    let wanted = |deployment: &&Deployment| {
        place.is_none_or(|(application, group)| deployment.is_in(application, group))
            && (statuses.is_empty() || statuses.contains(&deployment.status))
            && range.contains(deployment.created)
            // Nothing here was made on behalf of another service.
            && input.external_id.is_none()
    };
    let listed = |deployment: &&Deployment| !machine.unlisted.contains(&deployment.id);
    let found = machine.deployments.iter().filter(wanted).filter(listed);
    let ids = shuffled(found.map(|deployment| deployment.id.as_str()).collect());
    page::page("deployments", &ids, size, input.next_token.as_deref())
}

/// The order of the list is not documented, so it is neither of the two that
/// anybody would rely on: every second one, then the others.
fn shuffled(ids: Vec<&str>) -> Vec<&str> {
    let (mut even, mut odd) = (Vec::new(), Vec::new());
    for (position, id) in ids.into_iter().enumerate() {
        if position % 2 == 0 {
            even.push(id);
        } else {
            odd.push(id);
        }
    }
    even.append(&mut odd);
    even
}

fn get_deployment_group(machine: &Machine, input: Value) -> Result<Value, ServiceError> {
    let input: input::OneGroup = parse(input)?;
    let (application, name) = input.place()?;
    let group = machine.group(application, name)?;
    Ok(json!({"deploymentGroupInfo": shown::group(machine, (application, name), group)}))
}

fn get_application_revision(machine: &Machine, input: Value) -> Result<Value, ServiceError> {
    let input: input::OneRevision = parse(input)?;
    let application = input.application()?;
    machine.check_application(application)?;
    let wanted = input
        .revision
        .as_ref()
        .ok_or(ServiceError::RevisionRequired)?;
    wanted.check_key()?;
    let deployments = machine.deployments.iter();
    let uses: Vec<&Deployment> = deployments
        .filter(|deployment| {
            deployment.application == application && wanted.names(&deployment.revision)
        })
        .collect();
    shown::application_revision(machine, &uses).ok_or(ServiceError::RevisionDoesNotExist)
}

fn create_deployment(
    machine: &mut Machine,
    input: Value,
    now: Timestamp,
) -> Result<Value, ServiceError> {
    let input: input::CreateDeployment = parse(input)?;
    let (application, group) = input.place()?;
    machine.group(application, group)?;
    let request = input.request()?;
    let id = machine.create(application, group, request, now)?;
    Ok(json!({"deploymentId": id}))
}

fn stop_deployment(
    machine: &mut Machine,
    input: Value,
    now: Timestamp,
) -> Result<Value, ServiceError> {
    let input: input::StopDeployment = parse(input)?;
    let request = match input.auto_rollback_enabled {
        Some(true) => StopRequest::RollBack,
        Some(false) => StopRequest::Stay,
        None => StopRequest::AsConfigured,
    };
    let id = input.id()?;
    let answer = if machine.stop(id, request, now)? <= now {
        json!({"status": "Succeeded", "statusMessage": "The deployment was stopped"})
    } else {
        json!({"status": "Pending", "statusMessage": "No more instances are deployed to"})
    };
    Ok(answer)
}

fn parse<Input: for<'a> Deserialize<'a>>(input: Value) -> Result<Input, ServiceError> {
    serde_json::from_value(input).map_err(|error| ServiceError::InvalidInput(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_in_no_order_of_time() {
        assert_eq!(shuffled(vec!["1", "2", "3", "4", "5"]).concat(), "13524");
    }
}

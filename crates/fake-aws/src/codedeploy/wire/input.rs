//! The members of each request, and the limits the service holds them to.

mod create;
mod location;

use jiff::Timestamp;
use serde::Deserialize;

use crate::clock::epoch_seconds;
use crate::codedeploy::service_error::ServiceError;
use crate::codedeploy::words::DeploymentStatus;

pub(super) use create::CreateDeployment;
use location::RevisionLocation;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeploymentId {
    deployment_id: Option<String>,
}

impl DeploymentId {
    pub(super) fn id(&self) -> Result<&str, ServiceError> {
        deployment_id(self.deployment_id.as_deref())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StopDeployment {
    deployment_id: Option<String>,
    pub(super) auto_rollback_enabled: Option<bool>,
}

impl StopDeployment {
    pub(super) fn id(&self) -> Result<&str, ServiceError> {
        deployment_id(self.deployment_id.as_deref())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BatchGetDeployments {
    #[serde(default)]
    pub(super) deployment_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListDeployments {
    application_name: Option<String>,
    deployment_group_name: Option<String>,
    #[serde(default)]
    include_only_statuses: Vec<String>,
    pub(super) create_time_range: Option<TimeRange>,
    pub(super) external_id: Option<String>,
    pub(super) next_token: Option<String>,
}

impl ListDeployments {
    /// Both names or neither.
    pub(super) fn place(&self) -> Result<Option<(&str, &str)>, ServiceError> {
        let names = (&self.application_name, &self.deployment_group_name);
        if let (None, None) = names {
            return Ok(None);
        }
        both(names.0.as_deref(), names.1.as_deref()).map(Some)
    }

    pub(super) fn statuses(&self) -> Result<Vec<DeploymentStatus>, ServiceError> {
        let named = |name: &String| {
            let status = DeploymentStatus::named(name);
            status.ok_or_else(|| ServiceError::InvalidDeploymentStatus(name.clone()))
        };
        self.include_only_statuses.iter().map(named).collect()
    }
}

/// Times in the protocol, in seconds.
#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct TimeRange {
    start: Option<f64>,
    end: Option<f64>,
}

impl TimeRange {
    pub(super) fn check(self) -> Result<(), ServiceError> {
        match (self.start, self.end) {
            (Some(start), Some(end)) if end < start => Err(ServiceError::InvalidTimeRange),
            _ => Ok(()),
        }
    }

    pub(super) fn contains(self, time: Timestamp) -> bool {
        let time = epoch_seconds(time);
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Targets {
    deployment_id: Option<String>,
    #[serde(default)]
    pub(super) target_ids: Vec<String>,
    pub(super) next_token: Option<String>,
    target_filters: Option<serde_json::Value>,
}

impl Targets {
    pub(super) fn id(&self) -> Result<&str, ServiceError> {
        if self.target_filters.is_some() {
            let text = "targets are not filtered".to_owned();
            return Err(ServiceError::InvalidInput(text));
        }
        deployment_id(self.deployment_id.as_deref())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OneGroup {
    application_name: Option<String>,
    deployment_group_name: Option<String>,
}

impl OneGroup {
    pub(super) fn place(&self) -> Result<(&str, &str), ServiceError> {
        both(
            self.application_name.as_deref(),
            self.deployment_group_name.as_deref(),
        )
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OneRevision {
    application_name: Option<String>,
    pub(super) revision: Option<RevisionLocation>,
}

impl OneRevision {
    pub(super) fn application(&self) -> Result<&str, ServiceError> {
        let name = self.application_name.as_deref();
        name.ok_or(ServiceError::ApplicationNameRequired)
    }
}

/// Ids are `d-` and nine letters or digits.
pub(super) fn check_deployment_id(id: &str) -> Result<(), ServiceError> {
    let letters = id.strip_prefix("d-").unwrap_or_default();
    let allowed = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit();
    if letters.len() != 9 || !letters.bytes().all(allowed) {
        return Err(ServiceError::InvalidDeploymentId(id.to_owned()));
    }
    Ok(())
}

fn deployment_id(id: Option<&str>) -> Result<&str, ServiceError> {
    let id = id.ok_or(ServiceError::DeploymentIdRequired)?;
    check_deployment_id(id)?;
    Ok(id)
}

fn both<'a>(
    application: Option<&'a str>,
    group: Option<&'a str>,
) -> Result<(&'a str, &'a str), ServiceError> {
    let application = application.ok_or(ServiceError::ApplicationNameRequired)?;
    let group = group.ok_or(ServiceError::DeploymentGroupNameRequired)?;
    Ok((application, group))
}

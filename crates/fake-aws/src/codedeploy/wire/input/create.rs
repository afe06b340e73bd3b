//! The request for a deployment.

use serde::Deserialize;

use super::both;
use super::location::RevisionLocation;
use crate::codedeploy::deployment::{AlarmOverride, Request, Settings};
use crate::codedeploy::group::AutoRollback;
use crate::codedeploy::service_error::ServiceError;
use crate::codedeploy::words::{FileExists, RollbackEvent};

const DESCRIPTION_LIMIT: usize = 256;
const ALARMS_LIMIT: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::codedeploy::wire) struct CreateDeployment {
    application_name: Option<String>,
    deployment_group_name: Option<String>,
    revision: Option<RevisionLocation>,
    deployment_config_name: Option<String>,
    description: Option<String>,
    #[serde(default)]
    ignore_application_stop_failures: bool,
    #[serde(default)]
    update_outdated_instances_only: bool,
    auto_rollback_configuration: Option<AutoRollbackConfiguration>,
    file_exists_behavior: Option<String>,
    override_alarm_configuration: Option<AlarmConfiguration>,
    deployment_mode: Option<String>,
}

impl CreateDeployment {
    pub(in crate::codedeploy::wire) fn place(&self) -> Result<(&str, &str), ServiceError> {
        both(
            self.application_name.as_deref(),
            self.deployment_group_name.as_deref(),
        )
    }

    pub(in crate::codedeploy::wire) fn request(&self) -> Result<Request, ServiceError> {
        if self
            .deployment_mode
            .as_deref()
            .is_some_and(|mode| mode != "STANDARD")
        {
            return Err(ServiceError::InvalidInput(
                "restarts are not played".to_owned(),
            ));
        }
        let location = self
            .revision
            .as_ref()
            .ok_or(ServiceError::RevisionRequired)?;
        let description = self.description.as_deref();
        if description.is_some_and(|text| DESCRIPTION_LIMIT < text.chars().count()) {
            return Err(ServiceError::DescriptionTooLong(DESCRIPTION_LIMIT));
        }
        Ok(Request {
            revision: location.revision()?,
            config: self.deployment_config_name.clone(),
            description: self.description.clone(),
            settings: self.settings()?,
        })
    }

    fn settings(&self) -> Result<Settings, ServiceError> {
        let file_exists = self.file_exists_behavior.as_ref().map(|name| {
            let known = FileExists::named(name);
            known.ok_or_else(|| ServiceError::InvalidFileExistsBehavior(name.clone()))
        });
        let auto_rollback = self.auto_rollback_configuration.as_ref();
        let alarms = self.override_alarm_configuration.as_ref();
        Ok(Settings {
            ignore_application_stop_failures: self.ignore_application_stop_failures,
            update_outdated_instances_only: self.update_outdated_instances_only,
            auto_rollback: auto_rollback
                .map(AutoRollbackConfiguration::rules)
                .transpose()?,
            file_exists: file_exists.transpose()?,
            override_alarms: alarms.map(AlarmConfiguration::alarms).transpose()?,
        })
    }
}

#[derive(Deserialize)]
struct AutoRollbackConfiguration {
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    events: Vec<String>,
}

impl AutoRollbackConfiguration {
    fn rules(&self) -> Result<AutoRollback, ServiceError> {
        let events = self.events.iter().map(|name| RollbackEvent::named(name));
        let events: Option<Vec<_>> = events.collect();
        match events.ok_or(ServiceError::InvalidAutoRollbackConfig)? {
            _ if !self.enabled => Ok(AutoRollback::Disabled),
            events if events.is_empty() => Err(ServiceError::InvalidAutoRollbackConfig),
            events => Ok(AutoRollback::On(events)),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlarmConfiguration {
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    ignore_poll_alarm_failure: bool,
    #[serde(default)]
    alarms: Vec<Alarm>,
}

#[derive(Deserialize)]
struct Alarm {
    name: String,
}

impl AlarmConfiguration {
    fn alarms(&self) -> Result<AlarmOverride, ServiceError> {
        if ALARMS_LIMIT < self.alarms.len() {
            return Err(ServiceError::AlarmsLimitExceeded(ALARMS_LIMIT));
        }
        if self.enabled && self.alarms.is_empty() {
            return Err(ServiceError::InvalidAlarmConfig);
        }
        let names = self.alarms.iter().map(|alarm| alarm.name.clone());
        Ok(AlarmOverride {
            enabled: self.enabled,
            ignore_poll_alarm_failure: self.ignore_poll_alarm_failure,
            alarms: names.collect(),
        })
    }
}

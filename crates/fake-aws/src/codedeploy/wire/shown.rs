//! Deployments and groups as the service shows them.

use serde_json::{Map, Value, json};

use crate::clock::epoch_seconds;
use crate::codedeploy::deployment::{AlarmOverride, Deployment, Rollback};
use crate::codedeploy::group::AutoRollback;
use crate::codedeploy::machine::{Group, Machine};
use crate::codedeploy::revision::Revision;
use crate::codedeploy::words::{DeploymentStatus, FileExists, Platform};
use crate::protocol::ACCOUNT;

pub(super) fn deployment(machine: &Machine, deployment: &Deployment) -> Value {
    let group = machine.group(&deployment.application, &deployment.group);
    let platform = group.map_or(Platform::Server, |group| group.options.platform);
    let settings = &deployment.settings;
    let file_exists = settings.file_exists.unwrap_or(FileExists::Disallow);
    let previous = deployment.previous_revision.as_ref();
    let mut shown = Map::from_iter([
        ("applicationName".into(), json!(deployment.application)),
        ("deploymentGroupName".into(), json!(deployment.group)),
        ("deploymentConfigName".into(), json!(deployment.config)),
        ("deploymentId".into(), json!(deployment.id)),
        // Without one the service sends an empty object, not nothing.
        (
            "previousRevision".into(),
            previous.map_or_else(|| json!({}), hidden),
        ),
        ("revision".into(), hidden(&deployment.revision)),
        ("status".into(), json!(deployment.status.as_str())),
        (
            "createTime".into(),
            json!(epoch_seconds(deployment.created)),
        ),
        ("deploymentOverview".into(), overview(deployment.status)),
        ("creator".into(), json!(deployment.creator.as_str())),
        (
            "ignoreApplicationStopFailures".into(),
            json!(settings.ignore_application_stop_failures),
        ),
        (
            "updateOutdatedInstancesOnly".into(),
            json!(settings.update_outdated_instances_only),
        ),
        (
            "autoRollbackConfiguration".into(),
            auto_rollback(&machine.rollback_rules(deployment)),
        ),
        ("deploymentStyle".into(), style(platform)),
        ("fileExistsBehavior".into(), json!(file_exists.as_str())),
        ("computePlatform".into(), json!(platform.as_str())),
        ("deploymentStatusMessages".into(), json!([])),
        ("relatedDeployments".into(), json!({})),
    ]);
    let mut insert = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    let time = |time| json!(epoch_seconds(time));
    insert("startTime", deployment.started.map(time));
    insert("completeTime", deployment.completed.map(time));
    let description = deployment.description.as_ref();
    insert("description", description.map(|text| json!(text)));
    let error = deployment.error.as_ref();
    insert(
        "errorInformation",
        error.map(|error| json!({"code": error.code.as_str(), "message": error.message})),
    );
    insert("rollbackInfo", deployment.rollback.as_ref().map(rollback));
    let alarms = settings.override_alarms.as_ref();
    insert("overrideAlarmConfiguration", alarms.map(alarm_override));
    shown.into()
}

pub(super) fn group(machine: &Machine, place: (&str, &str), group: &Group) -> Value {
    let (application, name) = place;
    let options = &group.options;
    let attempted = machine.history(application, name).next();
    let mut shown = json!({
        "applicationName": application,
        "deploymentGroupName": name,
        "deploymentConfigName": options.config,
        "serviceRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/lab-codedeploy"),
        "computePlatform": options.platform.as_str(),
        "deploymentStyle": style(options.platform),
        "autoRollbackConfiguration": auto_rollback(&options.auto_rollback),
        "alarmConfiguration": {"enabled": false, "ignorePollAlarmFailure": false, "alarms": []},
        "outdatedInstancesStrategy": "UPDATE",
        "triggerConfigurations": [],
        "ec2TagFilters": [],
        "autoScalingGroups": [],
        "terminationHookEnabled": false,
    });
    if let Some(attempted) = attempted {
        shown["targetRevision"] = hidden(&attempted.revision);
        shown["lastAttemptedDeployment"] = last(attempted);
    }
    if let Some(successful) = machine.last_successful(application, name) {
        shown["lastSuccessfulDeployment"] = last(successful);
    }
    shown
}

/// One revision of an application, from all its deployments in their order.
pub(super) fn application_revision(machine: &Machine, uses: &[&Deployment]) -> Option<Value> {
    let (first, latest) = (uses.first()?, uses.last()?);
    let is_target = |deployment: &&&Deployment| {
        let newest = machine.history(&deployment.application, &deployment.group);
        let mut newest = newest.map(|newest| newest.id == deployment.id);
        newest.next() == Some(true)
    };
    let targets = uses.iter().filter(is_target);
    let groups: Vec<&str> = targets.map(|target| target.group.as_str()).collect();
    Some(json!({
        "applicationName": first.application,
        "revision": revision(&latest.revision),
        "revisionInfo": {
            "registerTime": epoch_seconds(first.created),
            "firstUsedTime": epoch_seconds(first.created),
            "lastUsedTime": epoch_seconds(latest.created),
            "deploymentGroups": groups,
        },
    }))
}

fn revision(revision: &Revision) -> Value {
    match revision {
        Revision::S3(bundle) => {
            let mut location = json!({
                "bucket": bundle.bucket,
                "key": bundle.key,
                "bundleType": bundle.bundle_type,
            });
            if let Some(version) = &bundle.version {
                location["version"] = json!(version);
            }
            if let Some(etag) = &bundle.etag {
                location["eTag"] = json!(etag);
            }
            json!({"revisionType": "S3", "s3Location": location})
        }
        Revision::GitHub { repository, commit } => json!({
            "revisionType": "GitHub",
            "gitHubLocation": {"repository": repository, "commitId": commit},
        }),
        Revision::AppSpec { content, sha256 } => json!({
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": content, "sha256": sha256},
        }),
    }
}

/// A revision as a deployment shows it: without the text of an `AppSpec`.
fn hidden(shown: &Revision) -> Value {
    match shown {
        Revision::AppSpec { sha256, .. } => json!({
            "revisionType": "AppSpecContent",
            "appSpecContent": {"sha256": sha256},
        }),
        Revision::S3(_) | Revision::GitHub { .. } => revision(shown),
    }
}

fn last(deployment: &Deployment) -> Value {
    let mut shown = json!({
        "deploymentId": deployment.id,
        "status": deployment.status.as_str(),
        "createTime": epoch_seconds(deployment.created),
    });
    if let Some(completed) = deployment.completed {
        shown["endTime"] = json!(epoch_seconds(completed));
    }
    shown
}

fn rollback(rollback: &Rollback) -> Value {
    match rollback {
        Rollback::TakenBackBy(id) => json!({
            "rollbackDeploymentId": id,
            "rollbackMessage": format!("Rolled back by deployment {id}"),
        }),
        Rollback::Of(id) => json!({
            "rollbackTriggeringDeploymentId": id,
            "rollbackMessage": format!("Rolls back deployment {id}"),
        }),
        Rollback::Impossible => json!({
            "rollbackMessage": "The group has no successful deployment to roll back to",
        }),
    }
}

fn auto_rollback(rules: &AutoRollback) -> Value {
    match rules {
        AutoRollback::Disabled => json!({"enabled": false}),
        AutoRollback::On(events) => {
            let events: Vec<_> = events.iter().map(|event| event.as_str()).collect();
            json!({"enabled": true, "events": events})
        }
    }
}

fn alarm_override(alarms: &AlarmOverride) -> Value {
    let names: Vec<_> = alarms
        .alarms
        .iter()
        .map(|name| json!({"name": name}))
        .collect();
    json!({
        "enabled": alarms.enabled,
        "ignorePollAlarmFailure": alarms.ignore_poll_alarm_failure,
        "alarms": names,
    })
}

/// The one instance of a group, in the column of its state.
fn overview(status: DeploymentStatus) -> Value {
    let mut columns = json!({
        "Pending": 0, "InProgress": 0, "Succeeded": 0, "Failed": 0, "Skipped": 0, "Ready": 0,
    });
    let column = match status {
        DeploymentStatus::Created | DeploymentStatus::Queued => "Pending",
        DeploymentStatus::InProgress | DeploymentStatus::Baking => "InProgress",
        DeploymentStatus::Succeeded => "Succeeded",
        DeploymentStatus::Failed => "Failed",
        DeploymentStatus::Stopped => "Skipped",
        DeploymentStatus::Ready => "Ready",
    };
    columns[column] = json!(1);
    columns
}

fn style(platform: Platform) -> Value {
    let (kind, option) = match platform {
        Platform::Server => ("IN_PLACE", "WITHOUT_TRAFFIC_CONTROL"),
        Platform::Lambda | Platform::Ecs => ("BLUE_GREEN", "WITH_TRAFFIC_CONTROL"),
    };
    json!({"deploymentType": kind, "deploymentOption": option})
}

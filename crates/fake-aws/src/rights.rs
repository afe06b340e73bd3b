//! Which rights a request takes, as AWS checks them.
//!
//! Most requests take the right of their own name, on the group, application or
//! pipeline that they are about. A deployment that is created takes those on
//! what it is made of as well.

use axum::http::Method;
use axum::http::request::Parts;
use serde_json::Value;

use crate::codedeploy::CodeDeploy;
use crate::protocol::{ACCOUNT, REGION};
use crate::s3::{self, S3};

/// What a role must be allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The action, e.g. `codedeploy:GetDeployment`.
    pub action: String,
    /// The ARN of its resource; `*` without one.
    pub resource: String,
}

/// The rights of a role that looks for an object: to the object or its version,
/// and to list the bucket, without which one that is gone looks forbidden.
/// Artifacts, which a job's own credentials open, take none of a role.
pub(super) fn in_s3(parts: &Parts, s3: &S3) -> Vec<Right> {
    let Some((bucket, key)) = s3::split(parts.uri.path()) else {
        return Vec::new();
    };
    if parts.method != Method::HEAD || s3.is_restricted(&bucket) {
        return Vec::new();
    }
    let versioned = parts.uri.query().unwrap_or_default().contains("versionId=");
    let action = if versioned {
        "s3:GetObjectVersion"
    } else {
        "s3:GetObject"
    };
    let right = |action: &str, resource: String| Right {
        action: action.to_owned(),
        resource,
    };
    let mut rights = vec![right(action, format!("arn:aws:s3:::{bucket}/{key}"))];
    if s3.get(&bucket, &key).is_none() {
        rights.push(right("s3:ListBucket", format!("arn:aws:s3:::{bucket}")));
    }
    rights
}

/// The rights of a request to `CodePipeline`.
pub(super) fn in_codepipeline(operation: &str, input: &Value) -> Vec<Right> {
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    let pipeline = || {
        let name = input["name"].as_str().unwrap_or(text("pipelineName"));
        format!("arn:aws:codepipeline:{REGION}:{ACCOUNT}:{name}")
    };
    let resource = match operation {
        "GetJobDetails" | "PutJobSuccessResult" | "PutJobFailureResult" => "*".to_owned(),
        "PutApprovalResult" => {
            let (stage, action) = (text("stageName"), text("actionName"));
            format!("{}/{stage}/{action}", pipeline())
        }
        _ => pipeline(),
    };
    vec![Right {
        action: format!("codepipeline:{operation}"),
        resource,
    }]
}

/// The rights of a request to `CodeDeploy`; none on deployments that it does not
/// know.
pub(super) fn in_codedeploy(operation: &str, input: &Value, codedeploy: &CodeDeploy) -> Vec<Right> {
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    let arn = |what: &str| format!("arn:aws:codedeploy:{REGION}:{ACCOUNT}:{what}");
    let right = |action: &str, resource: &str| Right {
        action: format!("codedeploy:{action}"),
        resource: resource.to_owned(),
    };
    let application = arn(&format!("application:{}", text("applicationName")));
    let group =
        |application: &str, name: &str| arn(&format!("deploymentgroup:{application}/{name}"));
    let group_of = |id: &Value| {
        let made = codedeploy.deployment(id.as_str()?).ok()?;
        Some(right(operation, &group(&made.application, &made.group)))
    };
    let named = group(text("applicationName"), text("deploymentGroupName"));
    match operation {
        "StopDeployment" | "ListDeploymentTargets" | "BatchGetDeploymentTargets" => {
            vec![right(operation, "*")]
        }
        "GetDeployment" => group_of(&input["deploymentId"]).into_iter().collect(),
        "BatchGetDeployments" => {
            let ids = input["deploymentIds"].as_array();
            ids.into_iter().flatten().filter_map(group_of).collect()
        }
        "GetApplicationRevision" => vec![right(operation, &application)],
        "CreateDeployment" => {
            let mut rights = vec![
                right(operation, &named),
                right("GetApplicationRevision", &application),
                right("RegisterApplicationRevision", &application),
            ];
            if let Some(config) = input["deploymentConfigName"].as_str() {
                let config = arn(&format!("deploymentconfig:{config}"));
                rights.push(right("GetDeploymentConfig", &config));
            }
            if input["overrideAlarmConfiguration"].is_object() {
                rights.push(right("UpdateDeploymentGroup", &named));
            }
            rights
        }
        _ => vec![right(operation, &named)],
    }
}

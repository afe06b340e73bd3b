//! The members of each request, and the limits the service holds them to.

use std::collections::BTreeMap;

use serde::Deserialize;
use uuid::Uuid;

use crate::pipeline::service_error::ServiceError;

const OUTPUT_VARIABLES_LIMIT: usize = 122_880;

const FAILURE_TYPES: [&str; 6] = [
    "JobFailed",
    "ConfigurationError",
    "PermissionError",
    "RevisionOutOfSync",
    "RevisionUnavailable",
    "SystemUnavailable",
];

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OneExecution {
    pub(super) pipeline_name: String,
    pub(super) pipeline_execution_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListPipelineExecutions {
    pub(super) pipeline_name: String,
    pub(super) filter: Option<ExecutionFilter>,
    pub(super) max_results: Option<usize>,
    pub(super) next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecutionFilter {
    pub(super) succeeded_in_stage: Option<SucceededInStage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SucceededInStage {
    pub(super) stage_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListActionExecutions {
    pub(super) pipeline_name: String,
    pub(super) filter: Option<ActionFilter>,
    pub(super) max_results: Option<usize>,
    pub(super) next_token: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActionFilter {
    pub(super) pipeline_execution_id: Option<String>,
    pub(super) latest_in_pipeline_execution: Option<LatestIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LatestIn {
    pub(super) pipeline_execution_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobId {
    job_id: String,
}

impl JobId {
    pub(super) fn job_id(&self) -> Result<&str, ServiceError> {
        check_uuid("jobId", &self.job_id)?;
        Ok(&self.job_id)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutJobSuccessResult {
    pub(super) job_id: String,
    pub(super) continuation_token: Option<String>,
    pub(super) execution_details: Option<ExecutionDetails>,
    #[serde(default)]
    pub(super) output_variables: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecutionDetails {
    pub(super) summary: Option<String>,
    pub(super) external_execution_id: Option<String>,
    pub(super) percent_complete: Option<u8>,
}

impl PutJobSuccessResult {
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        check_uuid("jobId", &self.job_id)?;
        check_length(
            "continuationToken",
            self.continuation_token.as_deref(),
            1,
            2048,
        )?;
        if let Some(details) = &self.execution_details {
            check_length("summary", details.summary.as_deref(), 1, 2048)?;
            let external = details.external_execution_id.as_deref();
            check_length("externalExecutionId", external, 1, 1500)?;
            if details
                .percent_complete
                .is_some_and(|percent| 100 < percent)
            {
                return invalid("percentComplete must be at most 100");
            }
        }
        if self.output_variables.is_empty() {
            return Ok(());
        }
        if self.continuation_token.is_some() {
            return invalid("outputVariables are not allowed beside a continuationToken");
        }
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "@-_".contains(letter);
        let named = |key: &String| !key.is_empty() && key.chars().all(allowed);
        if !self.output_variables.keys().all(named) {
            return invalid("outputVariables have keys of letters, digits, @, - and _");
        }
        let size: usize = self
            .output_variables
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        if OUTPUT_VARIABLES_LIMIT < size {
            return Err(ServiceError::OutputVariablesSizeExceeded);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutJobFailureResult {
    pub(super) job_id: String,
    pub(super) failure_details: FailureDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailureDetails {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) external_execution_id: Option<String>,
}

impl PutJobFailureResult {
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        let details = &self.failure_details;
        check_uuid("jobId", &self.job_id)?;
        check_length("message", Some(&details.message), 1, 5000)?;
        check_length(
            "externalExecutionId",
            details.external_execution_id.as_deref(),
            1,
            1500,
        )?;
        if !FAILURE_TYPES.contains(&details.kind.as_str()) {
            return invalid("type is not a failure type");
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutApprovalResult {
    pub(super) pipeline_name: String,
    pub(super) stage_name: String,
    pub(super) action_name: String,
    pub(super) token: String,
    pub(super) result: ApprovalResult,
}

#[derive(Deserialize)]
pub(super) struct ApprovalResult {
    pub(super) status: ApprovalStatus,
    pub(super) summary: String,
}

#[derive(Deserialize)]
pub(super) enum ApprovalStatus {
    Approved,
    Rejected,
}

impl PutApprovalResult {
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        check_uuid("token", &self.token)?;
        check_length("summary", Some(&self.result.summary), 0, 512)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetryStageExecution {
    pub(super) pipeline_name: String,
    pub(super) stage_name: String,
    pub(super) pipeline_execution_id: String,
    pub(super) retry_mode: StageRetryMode,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum StageRetryMode {
    FailedActions,
    AllActions,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StopPipelineExecution {
    pub(super) pipeline_name: String,
    pub(super) pipeline_execution_id: String,
    #[serde(default)]
    pub(super) abandon: bool,
    pub(super) reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartPipelineExecution {
    pub(super) name: String,
    pub(super) client_request_token: Option<String>,
    #[serde(default)]
    pub(super) source_revisions: Vec<SourceRevisionOverride>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SourceRevisionOverride {
    pub(super) revision_value: String,
}

fn check_uuid(member: &str, value: &str) -> Result<(), ServiceError> {
    if Uuid::try_parse(value).is_ok() && value.len() == 36 {
        Ok(())
    } else {
        Err(ServiceError::Validation(format!("{member} is not a UUID")))
    }
}

fn check_length(
    member: &str,
    value: Option<&str>,
    least: usize,
    most: usize,
) -> Result<(), ServiceError> {
    let fits = |value: &str| (least..=most).contains(&value.chars().count());
    if value.is_none_or(fits) {
        Ok(())
    } else {
        Err(ServiceError::Validation(format!(
            "{member} must have {least} to {most} characters"
        )))
    }
}

fn invalid(message: &str) -> Result<(), ServiceError> {
    Err(ServiceError::Validation(message.to_owned()))
}

//! The operations as they arrive: limits are checked here, state below.

mod input;
mod page;
mod shown;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use page::page;

use super::machine::{Machine, RetryMode, StopMode};
use super::results::{Answer, Decision, JobFailure, JobSuccess};
use super::service_error::ServiceError;
use super::state::{Execution, Origin};
use super::status::StageStatus;
use crate::clock::epoch_seconds;
use crate::protocol::JsonError;

/// Whether `GetJobDetails` names the pipeline execution of a Lambda job. AWS
/// promises it for custom actions only, so the lab can play both worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobContext {
    /// The execution is absent.
    #[default]
    WithoutExecution,
    /// The execution's id and the pipeline's ARN are there.
    WithExecution,
}

/// One request and what is known about its sender.
pub(super) struct Request<'a> {
    pub(super) operation: &'a str,
    pub(super) input: Value,
    pub(super) by: &'a str,
    pub(super) job_context: JobContext,
}

pub(super) fn answer(
    machine: &mut Machine,
    request: Request<'_>,
    now: Timestamp,
) -> Result<Value, JsonError> {
    let Request {
        operation,
        input,
        by,
        job_context,
    } = request;
    let answer = match operation {
        "GetPipeline" => get_pipeline(machine, input),
        "GetPipelineState" => get_pipeline_state(machine, input),
        "GetPipelineExecution" => get_pipeline_execution(machine, input),
        "ListPipelineExecutions" => list_pipeline_executions(machine, input),
        "ListActionExecutions" => list_action_executions(machine, input),
        "GetJobDetails" => get_job_details(machine, input, job_context),
        "PutJobSuccessResult" => put_job_success_result(machine, input, now),
        "PutJobFailureResult" => put_job_failure_result(machine, input, now),
        "PutApprovalResult" => put_approval_result(machine, input, by, now),
        "RetryStageExecution" => retry_stage_execution(machine, input, now),
        "StopPipelineExecution" => stop_pipeline_execution(machine, input, now),
        "StartPipelineExecution" => start_pipeline_execution(machine, input, now),
        _ => return Err(JsonError::unknown_operation(operation)),
    };
    answer.map_err(|refusal| JsonError {
        code: refusal.code(),
        message: refusal.to_string(),
    })
}

fn get_pipeline(machine: &Machine, input: Value) -> Result<Value, ServiceError> {
    let input: input::Named = parse(input)?;
    let pipeline = machine.pipeline(&input.name)?;
    Ok(json!({"pipeline": shown::declaration(pipeline), "metadata": shown::metadata(pipeline)}))
}

fn get_pipeline_state(machine: &Machine, input: Value) -> Result<Value, ServiceError> {
    let input: input::Named = parse(input)?;
    Ok(shown::state(machine.pipeline(&input.name)?))
}

fn get_pipeline_execution(machine: &Machine, input: Value) -> Result<Value, ServiceError> {
    let input: input::OneExecution = parse(input)?;
    let pipeline = machine.pipeline(&input.pipeline_name)?;
    let execution = pipeline.execution(&input.pipeline_execution_id)?;
    Ok(json!({"pipelineExecution": shown::execution(pipeline, execution)}))
}

fn list_pipeline_executions(machine: &Machine, input: Value) -> Result<Value, ServiceError> {
    let input: input::ListPipelineExecutions = parse(input)?;
    let pipeline = machine.pipeline(&input.pipeline_name)?;
    let succeeded_in = input.filter.and_then(|filter| filter.succeeded_in_stage);
    let succeeded_in = match succeeded_in.and_then(|filter| filter.stage_name) {
        Some(stage) => Some(pipeline.stage_index(&stage)?),
        None => None,
    };
    let wanted = |execution: &&Execution| {
        succeeded_in
            .is_none_or(|stage| execution.stages[stage].status == Some(StageStatus::Succeeded))
    };
    let newest_first = pipeline.executions.iter().rev().filter(wanted);
    let summaries = newest_first.map(|execution| shown::summary(pipeline, execution));
    let page = page(
        summaries.collect(),
        input.max_results,
        input.next_token.as_deref(),
    )?;
    Ok(page.named("pipelineExecutionSummaries"))
}

fn list_action_executions(machine: &Machine, input: Value) -> Result<Value, ServiceError> {
    let input: input::ListActionExecutions = parse(input)?;
    let pipeline = machine.pipeline(&input.pipeline_name)?;
    let filter = input.filter.unwrap_or_default();
    let latest = filter.latest_in_pipeline_execution;
    let of = match (&filter.pipeline_execution_id, &latest) {
        (Some(_), Some(_)) => {
            return Err(ServiceError::Validation(
                "only one filter may be given".to_owned(),
            ));
        }
        (Some(id), None) => Some(pipeline.execution(id)?),
        (None, Some(latest)) => Some(pipeline.execution(&latest.pipeline_execution_id)?),
        (None, None) => None,
    };
    let executions = pipeline.executions.iter();
    let mut runs: Vec<_> = executions
        .filter(|execution| of.is_none_or(|wanted| wanted.id == execution.id))
        .flat_map(|execution| execution.runs.iter().map(move |run| (execution, run)))
        .filter(|(execution, run)| {
            let current = || {
                execution
                    .current(run.slot)
                    .is_some_and(|now| now.id == run.id)
            };
            latest.is_none() || current()
        })
        .collect();
    runs.sort_by_key(|(_, run)| std::cmp::Reverse((run.started, run.sequence)));
    let details = runs
        .into_iter()
        .map(|(execution, run)| shown::action(pipeline, execution, run));
    let page = page(
        details.collect(),
        input.max_results,
        input.next_token.as_deref(),
    )?;
    Ok(page.named("actionExecutionDetails"))
}

fn get_job_details(
    machine: &Machine,
    input: Value,
    context: JobContext,
) -> Result<Value, ServiceError> {
    let input: input::JobId = parse(input)?;
    let job = machine.jobs.get(input.job_id()?)?;
    Ok(json!({"jobDetails": shown::job(job, context)}))
}

fn put_job_success_result(
    machine: &mut Machine,
    input: Value,
    now: Timestamp,
) -> Result<Value, ServiceError> {
    let input: input::PutJobSuccessResult = parse(input)?;
    input.check()?;
    let details = input.execution_details.unwrap_or_default();
    let result = JobSuccess {
        continuation: input.continuation_token,
        summary: details.summary,
        external_id: details.external_execution_id,
        percent: details.percent_complete,
        output_variables: input.output_variables,
    };
    machine.job_succeeded(&input.job_id, result, now)?;
    Ok(json!({}))
}

fn put_job_failure_result(
    machine: &mut Machine,
    input: Value,
    now: Timestamp,
) -> Result<Value, ServiceError> {
    let input: input::PutJobFailureResult = parse(input)?;
    input.check()?;
    let failure = JobFailure {
        kind: input.failure_details.kind,
        message: input.failure_details.message,
        external_id: input.failure_details.external_execution_id,
    };
    machine.job_failed(&input.job_id, failure, now)?;
    Ok(json!({}))
}

fn put_approval_result(
    machine: &mut Machine,
    input: Value,
    by: &str,
    now: Timestamp,
) -> Result<Value, ServiceError> {
    let input: input::PutApprovalResult = parse(input)?;
    input.check()?;
    let pipeline = machine.pipeline(&input.pipeline_name)?;
    let slot = pipeline.action_index(&input.stage_name, &input.action_name)?;
    let answer = match input.result.status {
        input::ApprovalStatus::Approved => Answer::Approved,
        input::ApprovalStatus::Rejected => Answer::Rejected,
    };
    let decision = Decision {
        answer,
        summary: &input.result.summary,
        by,
    };
    machine.answer_approval(&input.pipeline_name, slot, &input.token, &decision, now)?;
    Ok(json!({"approvedAt": epoch_seconds(now)}))
}

fn retry_stage_execution(
    machine: &mut Machine,
    input: Value,
    now: Timestamp,
) -> Result<Value, ServiceError> {
    let input: input::RetryStageExecution = parse(input)?;
    let mode = match input.retry_mode {
        input::StageRetryMode::FailedActions => RetryMode::FailedActions,
        input::StageRetryMode::AllActions => RetryMode::AllActions,
    };
    let id = input.pipeline_execution_id;
    machine.retry(&input.pipeline_name, &input.stage_name, &id, mode, now)?;
    Ok(json!({"pipelineExecutionId": id}))
}

fn stop_pipeline_execution(
    machine: &mut Machine,
    input: Value,
    now: Timestamp,
) -> Result<Value, ServiceError> {
    let input: input::StopPipelineExecution = parse(input)?;
    if input
        .reason
        .as_ref()
        .is_some_and(|reason| 200 < reason.chars().count())
    {
        return Err(ServiceError::Validation(
            "reason holds at most 200 characters".to_owned(),
        ));
    }
    let mode = if input.abandon {
        StopMode::Abandon
    } else {
        StopMode::Wait
    };
    let id = input.pipeline_execution_id;
    machine.stop(&input.pipeline_name, &id, mode, input.reason, now)?;
    Ok(json!({"pipelineExecutionId": id}))
}

fn start_pipeline_execution(
    machine: &mut Machine,
    input: Value,
    now: Timestamp,
) -> Result<Value, ServiceError> {
    let input: input::StartPipelineExecution = parse(input)?;
    let pipeline = machine.pipeline(&input.name)?;
    let token = input
        .client_request_token
        .unwrap_or_else(|| Uuid::new_v4().to_string());
    if let Some(id) = pipeline.requests.get(&token) {
        return Ok(json!({"pipelineExecutionId": id}));
    }
    let newest = pipeline.executions.iter().rev();
    let mut newest = newest.filter(|execution| execution.origin == Origin::Standard);
    let mut revision = newest
        .next()
        .map(|found| found.revision.clone())
        .unwrap_or_default();
    if let Some(wanted) = input.source_revisions.into_iter().next() {
        revision.id = wanted.revision_value;
    }
    let id = machine.start(&input.name, revision, now)?;
    machine
        .pipeline_mut(&input.name)?
        .requests
        .insert(token, id.clone());
    Ok(json!({"pipelineExecutionId": id}))
}

fn parse<Input: for<'a> Deserialize<'a>>(input: Value) -> Result<Input, ServiceError> {
    serde_json::from_value(input).map_err(|error| ServiceError::Validation(error.to_string()))
}

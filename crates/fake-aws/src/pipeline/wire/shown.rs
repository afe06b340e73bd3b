//! State as the service shows it. Members without a value are left out.

mod declared;
mod history;
mod present;

use serde::Serialize;
use serde_json::{Map, Value, json};

pub(super) use declared::{declaration, metadata};
pub(super) use history::{action, execution, summary};
pub(super) use present::state;

use super::JobContext;
use crate::pipeline::jobs::Job;
use crate::pipeline::state::{ActionRun, Execution, Origin};
use crate::protocol::ACCOUNT;
use declared::{arn, lambda_type};

pub(super) fn job(job: &Job, context: JobContext) -> Value {
    let work = &job.work;
    let mut data = job.data();
    data["actionTypeId"] = lambda_type();
    data["pipelineContext"] = json!({
        "pipelineName": work.pipeline,
        "stage": {"name": work.stage},
        "action": {"name": work.action, "actionExecutionId": work.action_execution},
    });
    if context == JobContext::WithExecution {
        data["pipelineContext"]["pipelineArn"] = json!(arn(&work.pipeline));
        data["pipelineContext"]["pipelineExecutionId"] = json!(work.execution);
    }
    json!({"id": job.id, "accountId": ACCOUNT, "data": data})
}

fn error(run: &ActionRun) -> Option<Value> {
    let error = run.error.as_ref()?;
    Some(json!({"code": error.code, "message": error.message}))
}

fn execution_type(execution: &Execution) -> &'static str {
    match execution.origin {
        Origin::Standard => "STANDARD",
        Origin::Rollback { .. } => "ROLLBACK",
    }
}

fn insert<T: Serialize>(shown: &mut Map<String, Value>, member: &str, value: Option<T>) {
    if let Some(value) = value {
        shown.insert(member.to_owned(), json!(value));
    }
}

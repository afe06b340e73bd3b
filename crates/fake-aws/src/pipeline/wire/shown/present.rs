//! A pipeline as it is now, stage by stage.

use serde_json::{Map, Value, json};

use super::{error, execution_type, insert};
use crate::clock::epoch_seconds;
use crate::pipeline::spec::{Mode, Stage};
use crate::pipeline::state::{ActionRun, Execution, Pipeline, Place, Slot};

pub(in crate::pipeline::wire) fn state(pipeline: &Pipeline) -> Value {
    let stages = pipeline.spec.stages.iter().enumerate();
    json!({
        "pipelineName": pipeline.spec.name,
        "pipelineVersion": 1,
        "stageStates": stages
            .map(|(index, stage)| stage_state(pipeline, index, stage))
            .collect::<Vec<_>>(),
        "created": epoch_seconds(pipeline.created),
        "updated": epoch_seconds(pipeline.created),
    })
}

fn stage_state(pipeline: &Pipeline, index: usize, stage: &Stage) -> Value {
    let actions = stage.actions.iter().enumerate().map(|(position, action)| {
        let slot = Slot {
            stage: index,
            action: position,
        };
        let mut shown = Map::from_iter([("actionName".to_owned(), json!(action.name))]);
        let newest = pipeline
            .newest_run(slot)
            .map(|run| action_state(pipeline, run));
        insert(&mut shown, "latestExecution", newest);
        Value::from(shown)
    });
    let waiting = pipeline
        .executions
        .iter()
        .filter(|execution| execution.is_active() && execution.place == Place::Before(index));
    let inbound = waiting.map(|execution| stage_execution(execution, "InProgress"));
    let mut shown = Map::from_iter([
        ("stageName".to_owned(), json!(stage.name)),
        ("inboundExecutions".to_owned(), inbound.collect()),
        (
            "inboundTransitionState".to_owned(),
            json!({"enabled": true}),
        ),
        ("actionStates".to_owned(), actions.collect()),
    ]);
    let latest = pipeline.entered[index].and_then(|entered| {
        let execution = &pipeline.executions[entered];
        let status = execution.stages[index].status?;
        Some(stage_execution(execution, status.as_str()))
    });
    insert(&mut shown, "latestExecution", latest);
    shown.into()
}

fn stage_execution(execution: &Execution, status: &str) -> Value {
    json!({
        "pipelineExecutionId": execution.id,
        "status": status,
        "type": execution_type(execution),
    })
}

fn action_state(pipeline: &Pipeline, run: &ActionRun) -> Value {
    let mut shown = Map::from_iter([
        ("actionExecutionId".to_owned(), json!(run.id)),
        ("status".to_owned(), json!(run.status.as_str())),
        (
            "lastStatusChange".to_owned(),
            json!(epoch_seconds(run.updated)),
        ),
    ]);
    insert(&mut shown, "summary", run.summary.as_ref());
    insert(&mut shown, "lastUpdatedBy", run.updated_by.as_ref());
    insert(&mut shown, "percentComplete", run.percent);
    insert(&mut shown, "errorDetails", error(run));
    match &run.token {
        // Executions of a parallel pipeline would all show at this one place.
        Some(token) if run.is_running() && pipeline.spec.mode != Mode::Parallel => {
            shown.insert("token".to_owned(), json!(token));
        }
        Some(_) => {}
        None => insert(&mut shown, "externalExecutionId", run.external_id.as_ref()),
    }
    shown.into()
}

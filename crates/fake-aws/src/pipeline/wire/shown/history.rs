//! What ran in a pipeline.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::declared::{action_type, configuration, mode};
use super::{error, execution_type, insert};
use crate::clock::epoch_seconds;
use crate::pipeline::advance::resolve;
use crate::pipeline::spec::{ARTIFACT_BUCKET, Action, Work};
use crate::pipeline::state::{ActionRun, Execution, Origin, Pipeline};
use crate::protocol::REGION;

pub(in crate::pipeline::wire) fn execution(pipeline: &Pipeline, execution: &Execution) -> Value {
    let revision = &execution.revision;
    let artifacts = revision.sources.iter().map(|(name, sourced)| {
        json!({
            "name": name,
            "revisionId": sourced,
            "revisionSummary": revision.summary,
            "created": epoch_seconds(execution.started),
        })
    });
    let mut shown = common(pipeline, execution);
    shown.insert("pipelineName".into(), json!(pipeline.spec.name));
    shown.insert("pipelineVersion".into(), json!(1));
    shown.insert("artifactRevisions".into(), artifacts.collect());
    shown.into()
}

pub(in crate::pipeline::wire) fn summary(pipeline: &Pipeline, execution: &Execution) -> Value {
    let sources = pipeline.spec.stages.iter().flat_map(|stage| &stage.actions);
    let sources = sources
        .filter(|action| matches!(action.work, Work::Source))
        .map(|action| {
            json!({
                "actionName": action.name,
                "revisionId": execution.revision.id,
                "revisionSummary": execution.revision.summary,
            })
        });
    let mut shown = common(pipeline, execution);
    shown.insert("startTime".into(), json!(epoch_seconds(execution.started)));
    shown.insert(
        "lastUpdateTime".into(),
        json!(epoch_seconds(execution.updated)),
    );
    shown.insert("sourceRevisions".into(), sources.collect());
    if let Some(reason) = &execution.stop_reason {
        shown.insert("stopTrigger".into(), json!({"reason": reason}));
    }
    shown.into()
}

pub(in crate::pipeline::wire) fn action(
    pipeline: &Pipeline,
    execution: &Execution,
    run: &ActionRun,
) -> Value {
    let stage = &pipeline.spec.stages[run.slot.stage];
    let action = &stage.actions[run.slot.action];
    let configured = configuration(action);
    let resolved: BTreeMap<_, _> = configured
        .iter()
        .map(|(key, value)| (*key, resolve(value, &execution.id)))
        .collect();
    let artifacts = |names: &[&str]| -> Vec<Value> {
        let known = execution.revision.artifacts.iter();
        known
            .filter(|(name, _)| names.contains(&name.as_str()))
            .map(|(name, key)| {
                json!({"name": name, "s3location": {"bucket": ARTIFACT_BUCKET, "key": key}})
            })
            .collect()
    };
    let (inputs, outputs) = artifact_names(action, execution);
    let mut result = Map::new();
    insert(&mut result, "externalExecutionId", run.external_id.as_ref());
    insert(
        &mut result,
        "externalExecutionSummary",
        run.summary.as_ref(),
    );
    insert(&mut result, "errorDetails", error(run));
    let mut shown = Map::from_iter([
        ("pipelineExecutionId".to_owned(), json!(execution.id)),
        ("actionExecutionId".to_owned(), json!(run.id)),
        ("pipelineVersion".to_owned(), json!(1)),
        ("stageName".to_owned(), json!(stage.name)),
        ("actionName".to_owned(), json!(action.name)),
        ("startTime".to_owned(), json!(epoch_seconds(run.started))),
        (
            "lastUpdateTime".to_owned(),
            json!(epoch_seconds(run.updated)),
        ),
        ("status".to_owned(), json!(run.status.as_str())),
        (
            "input".to_owned(),
            json!({
                "actionTypeId": action_type(action),
                "configuration": configured,
                "resolvedConfiguration": resolved,
                "region": REGION,
                "inputArtifacts": artifacts(&inputs),
            }),
        ),
        (
            "output".to_owned(),
            json!({
                "outputArtifacts": artifacts(&outputs),
                "executionResult": result,
                "outputVariables": run.output_variables,
            }),
        ),
    ]);
    insert(&mut shown, "updatedBy", run.updated_by.as_ref());
    shown.into()
}

fn common(pipeline: &Pipeline, execution: &Execution) -> Map<String, Value> {
    let mut shown = Map::from_iter([
        ("pipelineExecutionId".to_owned(), json!(execution.id)),
        ("status".to_owned(), json!(execution.status.as_str())),
        ("executionMode".to_owned(), json!(mode(pipeline.spec.mode))),
        ("executionType".to_owned(), json!(execution_type(execution))),
    ]);
    let trigger = match &execution.origin {
        Origin::Standard => "StartPipelineExecution",
        Origin::Rollback { target, .. } => {
            let metadata = json!({"rollbackTargetPipelineExecutionId": target});
            shown.insert("rollbackMetadata".to_owned(), metadata);
            "ManualRollback"
        }
    };
    shown.insert("trigger".to_owned(), json!({"triggerType": trigger}));
    shown
}

fn artifact_names<'a>(
    action: &'a Action,
    execution: &'a Execution,
) -> (Vec<&'a str>, Vec<&'a str>) {
    let outputs = match &action.work {
        Work::Source => {
            let produced = execution.revision.sources.iter();
            produced.map(|(name, _)| name.as_str()).collect()
        }
        _ => action.outputs().into_iter().collect(),
    };
    (action.inputs(), outputs)
}

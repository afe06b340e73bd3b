//! State as the service shows it. Members without a value are left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::JobContext;
use crate::aws::{ACCOUNT, REGION};
use crate::clock::epoch_seconds;
use crate::pipeline::advance::resolve;
use crate::pipeline::jobs::Job;
use crate::pipeline::spec::{ARTIFACT_BUCKET, Action, Mode, PipelineType, Stage, Work};
use crate::pipeline::state::{ActionRun, Execution, Origin, Pipeline, Place, Slot};

pub(super) fn declaration(pipeline: &Pipeline) -> Value {
    let spec = &pipeline.spec;
    json!({
        "name": spec.name,
        "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/lab-pipeline"),
        "artifactStore": {"type": "S3", "location": ARTIFACT_BUCKET},
        "stages": spec.stages.iter().map(stage_declaration).collect::<Vec<_>>(),
        "version": 1,
        "executionMode": mode(spec.mode),
        "pipelineType": match spec.kind {
            PipelineType::V1 => "V1",
            PipelineType::V2 => "V2",
        },
    })
}

pub(super) fn metadata(pipeline: &Pipeline) -> Value {
    json!({
        "pipelineArn": arn(&pipeline.spec.name),
        "created": epoch_seconds(pipeline.created),
        "updated": epoch_seconds(pipeline.created),
    })
}

pub(super) fn state(pipeline: &Pipeline) -> Value {
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

pub(super) fn execution(pipeline: &Pipeline, execution: &Execution) -> Value {
    let revision = &execution.revision;
    let artifacts = revision.artifacts.iter().map(|(name, _)| {
        json!({
            "name": name,
            "revisionId": revision.id,
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

pub(super) fn summary(pipeline: &Pipeline, execution: &Execution) -> Value {
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

pub(super) fn action(pipeline: &Pipeline, execution: &Execution, run: &ActionRun) -> Value {
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

fn stage_declaration(stage: &Stage) -> Value {
    let actions = stage.actions.iter().map(|action| {
        let (inputs, outputs) = match &action.work {
            Work::Lambda {
                input_artifact,
                output_artifact,
                ..
            } => (input_artifact.as_ref(), output_artifact.as_ref()),
            _ => (None, None),
        };
        let named = |artifact: Option<&String>| -> Value {
            artifact.iter().map(|name| json!({"name": name})).collect()
        };
        json!({
            "name": action.name,
            "actionTypeId": action_type(action),
            "runOrder": action.run_order,
            "configuration": configuration(action),
            "inputArtifacts": named(inputs),
            "outputArtifacts": named(outputs),
        })
    });
    json!({"name": stage.name, "actions": actions.collect::<Vec<_>>()})
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

fn error(run: &ActionRun) -> Option<Value> {
    let error = run.error.as_ref()?;
    Some(json!({"code": error.code, "message": error.message}))
}

fn artifact_names<'a>(
    action: &'a Action,
    execution: &'a Execution,
) -> (Vec<&'a str>, Vec<&'a str>) {
    match &action.work {
        Work::Source => {
            let produced = execution.revision.artifacts.iter();
            (
                Vec::new(),
                produced.map(|(name, _)| name.as_str()).collect(),
            )
        }
        Work::Lambda {
            input_artifact,
            output_artifact,
            ..
        } => (
            input_artifact.as_deref().into_iter().collect(),
            output_artifact.as_deref().into_iter().collect(),
        ),
        _ => (Vec::new(), Vec::new()),
    }
}

fn configuration(action: &Action) -> BTreeMap<&'static str, &str> {
    match &action.work {
        Work::Source => BTreeMap::from([("S3Bucket", "lab-source"), ("S3ObjectKey", "bundle.zip")]),
        Work::Deploy { application, group } => BTreeMap::from([
            ("ApplicationName", application.as_str()),
            ("DeploymentGroupName", group.as_str()),
        ]),
        Work::Lambda {
            function,
            user_parameters,
            ..
        } => BTreeMap::from([
            ("FunctionName", function.as_str()),
            ("UserParameters", user_parameters.as_str()),
        ]),
        Work::Test => BTreeMap::from([("ProjectName", action.name.as_str())]),
        Work::Approval => BTreeMap::new(),
    }
}

fn action_type(action: &Action) -> Value {
    let (category, provider) = match &action.work {
        Work::Source => ("Source", "S3"),
        Work::Deploy { .. } => ("Deploy", "CodeDeploy"),
        Work::Approval => ("Approval", "Manual"),
        Work::Test => ("Test", "CodeBuild"),
        Work::Lambda { .. } => return lambda_type(),
    };
    json!({"category": category, "owner": "AWS", "provider": provider, "version": "1"})
}

fn lambda_type() -> Value {
    json!({"category": "Invoke", "owner": "AWS", "provider": "Lambda", "version": "1"})
}

fn execution_type(execution: &Execution) -> &'static str {
    match execution.origin {
        Origin::Standard => "STANDARD",
        Origin::Rollback { .. } => "ROLLBACK",
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Superseded => "SUPERSEDED",
        Mode::Queued => "QUEUED",
        Mode::Parallel => "PARALLEL",
    }
}

fn arn(pipeline: &str) -> String {
    format!("arn:aws:codepipeline:{REGION}:{ACCOUNT}:{pipeline}")
}

fn insert<T: serde::Serialize>(shown: &mut Map<String, Value>, member: &str, value: Option<T>) {
    if let Some(value) = value {
        shown.insert(member.to_owned(), json!(value));
    }
}

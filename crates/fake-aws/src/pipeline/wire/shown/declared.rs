//! A pipeline as it was declared.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::epoch_seconds;
use crate::pipeline::spec::{
    ARTIFACT_BUCKET, Action, Mode, PipelineSpec, PipelineType, Stage, Work,
};
use crate::pipeline::state::Pipeline;
use crate::protocol::{ACCOUNT, REGION};

pub(in crate::pipeline::wire) fn declaration(pipeline: &Pipeline) -> Value {
    let spec = &pipeline.spec;
    json!({
        "name": spec.name,
        "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/lab-pipeline"),
        "artifactStore": {"type": "S3", "location": ARTIFACT_BUCKET},
        "stages": spec.stages.iter().map(|stage| stage_declaration(spec, stage)).collect::<Vec<_>>(),
        "version": 1,
        "executionMode": mode(spec.mode),
        "pipelineType": match spec.kind {
            PipelineType::V1 => "V1",
            PipelineType::V2 => "V2",
        },
    })
}

pub(in crate::pipeline::wire) fn metadata(pipeline: &Pipeline) -> Value {
    json!({
        "pipelineArn": arn(&pipeline.spec.name),
        "created": epoch_seconds(pipeline.created),
        "updated": epoch_seconds(pipeline.created),
    })
}

pub(super) fn configuration(action: &Action) -> BTreeMap<&'static str, &str> {
    match &action.work {
        Work::Source => BTreeMap::from([("S3Bucket", "lab-source"), ("S3ObjectKey", "bundle.zip")]),
        Work::Deploy {
            application, group, ..
        } => BTreeMap::from([
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
        Work::Elsewhere { .. } => BTreeMap::from([("ProjectName", action.name.as_str())]),
        Work::Approval => BTreeMap::new(),
    }
}

pub(super) fn action_type(action: &Action) -> Value {
    let (category, provider) = match &action.work {
        Work::Source => ("Source", "S3"),
        Work::Deploy { .. } => ("Deploy", "CodeDeploy"),
        Work::Approval => ("Approval", "Manual"),
        Work::Elsewhere {
            category, provider, ..
        } => (*category, *provider),
        Work::Lambda { .. } => return lambda_type(),
    };
    json!({"category": category, "owner": "AWS", "provider": provider, "version": "1"})
}

pub(super) fn lambda_type() -> Value {
    json!({"category": "Invoke", "owner": "AWS", "provider": "Lambda", "version": "1"})
}

pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Superseded => "SUPERSEDED",
        Mode::Queued => "QUEUED",
        Mode::Parallel => "PARALLEL",
    }
}

pub(super) fn arn(pipeline: &str) -> String {
    format!("arn:aws:codepipeline:{REGION}:{ACCOUNT}:{pipeline}")
}

fn stage_declaration(spec: &PipelineSpec, stage: &Stage) -> Value {
    let actions = stage.actions.iter().map(|action| {
        let inputs = action.inputs();
        let outputs = match &action.work {
            Work::Source => spec.source_artifacts(),
            _ => action.outputs().into_iter().collect(),
        };
        let named = |artifacts: Vec<&str>| -> Value {
            artifacts.iter().map(|name| json!({"name": name})).collect()
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

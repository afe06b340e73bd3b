//! How executions move on by themselves, once something happened.

use jiff::Timestamp;
use uuid::Uuid;

use super::deployments::{Deployments, follow};
use super::jobs::{JobWork, Jobs};
use super::spec::{ARTIFACT_BUCKET, Mode, Work};
use super::state::{ActionRun, Origin, Pipeline, Place, Revision, Slot};
use super::status::{ActionStatus, ExecutionStatus, StageStatus};

/// Moves every execution as far as it gets without anybody's answer.
pub(super) fn advance(
    pipeline: &mut Pipeline,
    jobs: &mut Jobs,
    deployments: &Deployments,
    now: Timestamp,
) {
    loop {
        let mut moved = follow(pipeline, deployments, now);
        for execution in 0..pipeline.executions.len() {
            moved |= step(pipeline, jobs, deployments, execution, now);
        }
        if !moved {
            return;
        }
    }
}

/// Whether the execution got anywhere.
fn step(
    pipeline: &mut Pipeline,
    jobs: &mut Jobs,
    deployments: &Deployments,
    index: usize,
    now: Timestamp,
) -> bool {
    let execution = &pipeline.executions[index];
    match (execution.status, execution.place) {
        (ExecutionStatus::InProgress, Place::Before(stage)) => enter(pipeline, index, stage, now),
        (ExecutionStatus::InProgress | ExecutionStatus::Stopping, Place::Inside(stage)) => {
            work(pipeline, jobs, deployments, index, stage, now)
        }
        (ExecutionStatus::Stopping, Place::Before(_)) => {
            end(pipeline, index, ExecutionStatus::Stopped, now);
            true
        }
        _ => false,
    }
}

fn enter(pipeline: &mut Pipeline, index: usize, stage: usize, now: Timestamp) -> bool {
    let rivals = || pipeline.executions.iter().enumerate();
    let occupied = rivals().any(|(_, other)| other.occupies(stage));
    let waits_here =
        |status, place| status == ExecutionStatus::InProgress && place == Place::Before(stage);
    match pipeline.spec.mode {
        Mode::Parallel => {}
        Mode::Superseded => {
            let newer = rivals()
                .any(|(other, rival)| index < other && waits_here(rival.status, rival.place));
            if newer {
                end(pipeline, index, ExecutionStatus::Superseded, now);
                return true;
            }
            if occupied {
                return false;
            }
        }
        Mode::Queued => {
            let older = rivals()
                .any(|(other, rival)| other < index && waits_here(rival.status, rival.place));
            if occupied || older {
                return false;
            }
        }
    }
    let execution = &mut pipeline.executions[index];
    execution.place = Place::Inside(stage);
    execution.stages[stage].status = Some(StageStatus::InProgress);
    execution.updated = now;
    pipeline.entered[stage] = Some(index);
    true
}

fn work(
    pipeline: &mut Pipeline,
    jobs: &mut Jobs,
    deployments: &Deployments,
    index: usize,
    stage: usize,
    now: Timestamp,
) -> bool {
    let execution = &pipeline.executions[index];
    let current = |action| {
        execution
            .current(Slot { stage, action })
            .map(|run| run.status)
    };
    let actions = 0..pipeline.spec.stages[stage].actions.len();
    let statuses: Vec<_> = actions.map(current).collect();

    if statuses.contains(&Some(ActionStatus::InProgress)) {
        return false;
    }
    if execution.status == ExecutionStatus::Stopping {
        leave(pipeline, index, stage, StageStatus::Stopped, now);
        return true;
    }
    let failed = |status| matches!(status, Some(ActionStatus::Failed | ActionStatus::Abandoned));
    if statuses.iter().copied().any(failed) {
        leave(pipeline, index, stage, StageStatus::Failed, now);
        return true;
    }
    let unstarted =
        |(action, status): (usize, &Option<ActionStatus>)| status.is_none().then_some(action);
    let unstarted: Vec<usize> = statuses.iter().enumerate().filter_map(unstarted).collect();
    let order = |action: usize| pipeline.spec.stages[stage].actions[action].run_order;
    let Some(next) = unstarted.iter().map(|&action| order(action)).min() else {
        leave(pipeline, index, stage, StageStatus::Succeeded, now);
        return true;
    };
    let group: Vec<usize> = unstarted
        .into_iter()
        .filter(|&action| order(action) == next)
        .collect();
    for action in group {
        start_action(
            pipeline,
            jobs,
            deployments,
            index,
            Slot { stage, action },
            now,
        );
    }
    true
}

fn leave(pipeline: &mut Pipeline, index: usize, stage: usize, status: StageStatus, now: Timestamp) {
    let last = pipeline.spec.stages.len() - 1;
    let execution = &mut pipeline.executions[index];
    execution.stages[stage].status = Some(status);
    execution.updated = now;
    let ended = match (status, &execution.origin) {
        (StageStatus::Failed, _) => ExecutionStatus::Failed,
        (StageStatus::Stopped, _) => ExecutionStatus::Stopped,
        // A rollback begins and ends in its one stage.
        (_, Origin::Rollback { .. }) => ExecutionStatus::Succeeded,
        _ if stage == last => ExecutionStatus::Succeeded,
        _ => {
            execution.place = Place::Before(stage + 1);
            return;
        }
    };
    end(pipeline, index, ended, now);
}

fn end(pipeline: &mut Pipeline, index: usize, status: ExecutionStatus, now: Timestamp) {
    let execution = &mut pipeline.executions[index];
    execution.status = status;
    execution.updated = now;
}

fn start_action(
    pipeline: &mut Pipeline,
    jobs: &mut Jobs,
    deployments: &Deployments,
    index: usize,
    slot: Slot,
    now: Timestamp,
) {
    let stage = &pipeline.spec.stages[slot.stage];
    let action = &stage.actions[slot.action];
    let held = pipeline
        .held
        .contains(&(stage.name.clone(), action.name.clone()));
    let execution = &mut pipeline.executions[index];
    pipeline.actions_started += 1;

    let mut run = ActionRun::new(slot, pipeline.actions_started, now);
    match &action.work {
        Work::Source => {
            run.external_id = Some(execution.revision.id.clone());
            run.finish(
                ActionStatus::Succeeded,
                Some(execution.revision.summary.clone()),
                now,
            );
        }
        // The executor is decided before anything else happens.
        Work::Deploy { .. } => {}
        Work::Elsewhere { inputs, output, .. } => {
            run.external_id = Some(format!("lab-test:{}", Uuid::new_v4()));
            if let Some(output) = output {
                let made = artifact_key(&pipeline.spec.name, output);
                let body = built(&execution.revision, inputs, deployments);
                deployments.s3.put(ARTIFACT_BUCKET, &made, body);
                let artifacts = &mut execution.revision.artifacts;
                artifacts.retain(|(name, _)| name != output);
                artifacts.push((output.clone(), made));
            }
            if !held {
                run.finish(ActionStatus::Succeeded, Some("Succeeded".to_owned()), now);
            }
        }
        Work::Approval => {
            let token = Uuid::new_v4().to_string();
            run.external_id = Some(token.clone());
            run.token = Some(token);
        }
        Work::Lambda {
            function,
            user_parameters,
            input_artifact,
            output_artifact,
        } => {
            let artifacts = &mut execution.revision.artifacts;
            let inputs = artifacts
                .iter()
                .filter(|(name, _)| Some(name) == input_artifact.as_ref())
                .cloned()
                .collect();
            let outputs: Vec<_> = output_artifact
                .iter()
                .map(|name| (name.clone(), artifact_key(&pipeline.spec.name, name)))
                .collect();
            artifacts.retain(|(name, _)| Some(name) != output_artifact.as_ref());
            artifacts.extend(outputs.iter().cloned());
            let work = JobWork {
                pipeline: pipeline.spec.name.clone(),
                execution: execution.id.clone(),
                stage: stage.name.clone(),
                action: action.name.clone(),
                action_execution: run.id.clone(),
                function: function.clone(),
                user_parameters: resolve(user_parameters, &execution.id),
                inputs,
                outputs,
            };
            jobs.add(work, now);
        }
    }
    execution.stages[slot.stage].current[slot.action] = Some(execution.runs.len());
    execution.runs.push(run);
}

/// What a build makes of its inputs.
fn built(revision: &Revision, inputs: &[String], deployments: &Deployments) -> Vec<u8> {
    let taken = revision.artifacts.iter();
    let taken = taken.filter(|(name, _)| inputs.contains(name));
    let bodies = taken.filter_map(|(_, key)| deployments.s3.get(ARTIFACT_BUCKET, key));
    let mut made: Vec<u8> = bodies.flat_map(|object| object.body.to_vec()).collect();
    made.extend_from_slice(revision.tools.as_bytes());
    made
}

/// A fresh place for an artifact, in the form `CodePipeline` gives it.
pub(super) fn artifact_key(pipeline: &str, artifact: &str) -> String {
    let random = Uuid::new_v4().simple().to_string();
    format!("{pipeline}/{artifact}/{}", &random[..7])
}

/// Replaces the one variable that the stand-in knows.
pub(super) fn resolve(configuration: &str, execution: &str) -> String {
    configuration.replace("#{codepipeline.PipelineExecutionId}", execution)
}

//! Running pipelines as the harness looks at them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::jobs::{self, JobStatus};
use super::state::{Execution, Origin, Pipeline, Place, Slot};
use super::status::{ActionStatus, ExecutionStatus, StageStatus};

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionView {
    /// The id of the execution.
    pub id: String,
    /// How far it is.
    pub status: ExecutionStatus,
    /// The stage it is in, waits for, or ended in.
    pub stage: String,
    /// The execution it rolls back to, if it is a rollback.
    pub rollback_target: Option<String>,
    /// Its source revision.
    pub revision: String,
    /// The stages it entered, in order.
    pub stages: Vec<(String, StageStatus)>,
    /// Every run of every action, in the order of their start.
    pub actions: Vec<ActionView>,
}

/// One run of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionView {
    /// The stage of the action.
    pub stage: String,
    /// The name of the action.
    pub action: String,
    /// The id of this run; a retry makes a new one.
    pub action_execution_id: String,
    /// How far it is.
    pub status: ActionStatus,
    /// What was said about it last.
    pub summary: Option<String>,
    /// The id of whatever does the work elsewhere, e.g. a deployment.
    pub external_id: Option<String>,
}

/// The state of one approval for one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalView {
    /// Whether and how it was answered.
    pub status: ApprovalStatus,
    /// What was said with the answer.
    pub summary: Option<String>,
    /// Who answered.
    pub by: Option<String>,
    /// The token an answer needs, while one is awaited.
    pub token: Option<String>,
    /// The id of the run of the action; a retry makes a new one.
    pub action_execution_id: Option<String>,
}

/// How far an approval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalStatus {
    /// It waits for an answer.
    Waiting,
    /// It was approved.
    Approved,
    /// It was rejected, or not answered in time.
    Rejected,
    /// The execution has not come there.
    NotReached,
    /// The execution was stopped while it waited.
    Abandoned,
}

/// A job to invoke a function with.
#[derive(Clone)]
pub struct Job {
    /// The id of the job.
    pub id: String,
    /// The function to invoke.
    pub function: String,
    /// The event to invoke it with.
    pub event: Value,
    /// The pipeline of the action.
    pub pipeline: String,
    /// The execution of the pipeline.
    pub execution: String,
    /// The stage of the action.
    pub stage: String,
    /// The action that waits for the result.
    pub action: String,
}

/// The event contains credentials, so it is left out.
impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Job")
            .field("id", &self.id)
            .field("function", &self.function)
            .field("execution", &self.execution)
            .finish_non_exhaustive()
    }
}

/// The result of a job so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    /// What the function reported.
    pub status: JobStatus,
    /// The variables it handed to later actions.
    pub output_variables: BTreeMap<String, String>,
}

pub(super) fn execution(pipeline: &Pipeline, execution: &Execution) -> ExecutionView {
    let stages = &pipeline.spec.stages;
    let (Place::Before(place) | Place::Inside(place)) = execution.place;
    let entered = stages.iter().zip(&execution.stages);
    let actions = execution.runs.iter().map(|run| {
        let stage = &stages[run.slot.stage];
        ActionView {
            stage: stage.name.clone(),
            action: stage.actions[run.slot.action].name.clone(),
            action_execution_id: run.id.clone(),
            status: run.status,
            summary: run.summary.clone(),
            external_id: run.external_id.clone(),
        }
    });
    ExecutionView {
        id: execution.id.clone(),
        status: execution.status,
        stage: stages[place].name.clone(),
        rollback_target: match &execution.origin {
            Origin::Standard => None,
            Origin::Rollback { target, .. } => Some(target.clone()),
        },
        revision: execution.revision.id.clone(),
        stages: entered
            .filter_map(|(stage, run)| Some((stage.name.clone(), run.status?)))
            .collect(),
        actions: actions.collect(),
    }
}

pub(super) fn approval(execution: &Execution, slot: Slot) -> ApprovalView {
    let Some(run) = execution.current(slot) else {
        return ApprovalView {
            status: ApprovalStatus::NotReached,
            summary: None,
            by: None,
            token: None,
            action_execution_id: None,
        };
    };
    ApprovalView {
        status: match run.status {
            ActionStatus::InProgress => ApprovalStatus::Waiting,
            ActionStatus::Succeeded => ApprovalStatus::Approved,
            ActionStatus::Failed => ApprovalStatus::Rejected,
            ActionStatus::Abandoned => ApprovalStatus::Abandoned,
        },
        summary: run.summary.clone(),
        by: run.updated_by.clone(),
        token: run.token.clone().filter(|_| run.is_running()),
        action_execution_id: Some(run.id.clone()),
    }
}

pub(super) fn due_job(job: &jobs::Job) -> Job {
    Job {
        id: job.id.clone(),
        function: job.work.function.clone(),
        event: job.event(),
        pipeline: job.work.pipeline.clone(),
        execution: job.work.execution.clone(),
        stage: job.work.stage.clone(),
        action: job.work.action.clone(),
    }
}

pub(super) fn job(job: &jobs::Job) -> JobView {
    JobView {
        status: job.status.clone(),
        output_variables: job.output_variables.clone(),
    }
}

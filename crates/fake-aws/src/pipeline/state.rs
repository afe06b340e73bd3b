//! The state of running pipelines; only [`super::machine`] changes it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::service_error::ServiceError;
use super::spec::{PipelineSpec, Stage, Work};
use super::status::{ActionStatus, ExecutionStatus, StageStatus};

/// A pipeline and everything that ever ran in it.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) spec: PipelineSpec,
    pub(super) created: Timestamp,
    /// In the order of their start.
    pub(super) executions: Vec<Execution>,
    /// Per stage, the execution that entered it last.
    pub(super) entered: Vec<Option<usize>>,
    /// Actions, by stage and action, that stay in progress until they are finished.
    pub(super) held: BTreeSet<(String, String)>,
    /// What `StartPipelineExecution` was answered, by idempotency token.
    pub(super) requests: BTreeMap<String, String>,
    /// Counts action executions, so that two of the same instant keep their order.
    pub(super) actions_started: u64,
}

impl Pipeline {
    pub(super) fn new(spec: PipelineSpec, now: Timestamp) -> Self {
        Self {
            entered: vec![None; spec.stages.len()],
            spec,
            created: now,
            executions: Vec::new(),
            held: BTreeSet::new(),
            requests: BTreeMap::new(),
            actions_started: 0,
        }
    }

    pub(super) fn stage_index(&self, stage: &str) -> Result<usize, ServiceError> {
        let stages = &self.spec.stages;
        let found = stages.iter().position(|known| known.name == stage);
        found.ok_or_else(|| ServiceError::StageNotFound(stage.to_owned()))
    }

    pub(super) fn action_index(&self, stage: &str, action: &str) -> Result<Slot, ServiceError> {
        let stage = self.stage_index(stage)?;
        let actions = &self.spec.stages[stage].actions;
        let found = actions.iter().position(|known| known.name == action);
        let action = found.ok_or_else(|| ServiceError::ActionNotFound(action.to_owned()))?;
        Ok(Slot { stage, action })
    }

    /// Only what runs elsewhere can be held; approvals and jobs wait anyway.
    pub(super) fn check_holdable(&self, slot: Slot) -> Result<(), ServiceError> {
        let action = &self.spec.stages[slot.stage].actions[slot.action];
        match action.work {
            Work::Deploy { .. } | Work::Elsewhere { .. } => Ok(()),
            Work::Source | Work::Lambda { .. } | Work::Approval => {
                Err(ServiceError::ActionNotFound(action.name.clone()))
            }
        }
    }

    pub(super) fn execution_index(&self, id: &str) -> Option<usize> {
        self.executions
            .iter()
            .position(|execution| execution.id == id)
    }

    pub(super) fn execution(&self, id: &str) -> Result<&Execution, ServiceError> {
        let found = self.executions.iter().find(|execution| execution.id == id);
        found.ok_or_else(|| ServiceError::PipelineExecutionNotFound(id.to_owned()))
    }

    /// The newest run of an action in any execution, which is what the state
    /// of a pipeline shows even while a newer execution has yet to reach it.
    pub(super) fn newest_run(&self, slot: Slot) -> Option<&ActionRun> {
        let runs = self.executions.iter().flat_map(|execution| &execution.runs);
        runs.filter(|run| run.slot == slot)
            .max_by_key(|run| run.sequence)
    }
}

/// One action of a pipeline, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) stage: usize,
    pub(super) action: usize,
}

/// One way of a revision through the pipeline.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) id: String,
    pub(super) origin: Origin,
    pub(super) status: ExecutionStatus,
    pub(super) started: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) revision: Revision,
    pub(super) place: Place,
    pub(super) stages: Vec<StageRun>,
    /// Every run of every action, in the order of their start.
    pub(super) runs: Vec<ActionRun>,
    pub(super) stop_reason: Option<String>,
}

impl Execution {
    pub(super) fn new(
        id: String,
        origin: Origin,
        revision: Revision,
        stages: &[Stage],
        now: Timestamp,
    ) -> Self {
        let first = match origin {
            Origin::Standard => 0,
            Origin::Rollback { stage, .. } => stage,
        };
        let unstarted = |stage: &Stage| StageRun {
            status: None,
            current: vec![None; stage.actions.len()],
        };
        Self {
            id,
            origin,
            status: ExecutionStatus::InProgress,
            started: now,
            updated: now,
            revision,
            place: Place::Before(first),
            stages: stages.iter().map(unstarted).collect(),
            runs: Vec::new(),
            stop_reason: None,
        }
    }

    /// The run of an action that counts; earlier ones were retried.
    pub(super) fn current(&self, slot: Slot) -> Option<&ActionRun> {
        let run = self.stages[slot.stage].current[slot.action]?;
        Some(&self.runs[run])
    }

    pub(super) fn is_active(&self) -> bool {
        matches!(
            self.status,
            ExecutionStatus::InProgress | ExecutionStatus::Stopping
        )
    }

    /// Whether the execution keeps others out of a stage.
    pub(super) fn occupies(&self, stage: usize) -> bool {
        self.is_active() && self.place == Place::Inside(stage)
    }
}

/// Why an execution exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Standard,
    Rollback { target: String, stage: usize },
}

/// Where an execution is, or where it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Before(usize),
    Inside(usize),
}

/// One execution in one stage.
#[derive(Debug)]
pub(super) struct StageRun {
    pub(super) status: Option<StageStatus>,
    /// Per action, the position of the run that counts.
    pub(super) current: Vec<Option<usize>>,
}

/// One run of one action.
#[derive(Debug)]
pub(super) struct ActionRun {
    pub(super) id: String,
    pub(super) slot: Slot,
    pub(super) sequence: u64,
    pub(super) status: ActionStatus,
    pub(super) started: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) updated_by: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) percent: Option<u8>,
    /// Given out for a manual approval.
    pub(super) token: Option<String>,
    pub(super) error: Option<ActionError>,
    pub(super) output_variables: BTreeMap<String, String>,
}

impl ActionRun {
    pub(super) fn new(slot: Slot, sequence: u64, now: Timestamp) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            slot,
            sequence,
            status: ActionStatus::InProgress,
            started: now,
            updated: now,
            updated_by: None,
            summary: None,
            external_id: None,
            percent: None,
            token: None,
            error: None,
            output_variables: BTreeMap::new(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.status == ActionStatus::InProgress
    }

    pub(super) fn finish(&mut self, status: ActionStatus, summary: Option<String>, now: Timestamp) {
        self.status = status;
        self.summary = summary.or(self.summary.take());
        self.updated = now;
    }
}

/// What failed about an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActionError {
    pub(super) code: String,
    pub(super) message: String,
}

impl ActionError {
    pub(super) fn new(code: &str, message: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// What the source produced.
#[derive(Clone, Debug, Default)]
pub(super) struct Revision {
    pub(super) id: String,
    pub(super) summary: String,
    /// What builds fetch beside their inputs.
    pub(super) tools: String,
    /// The artifacts of the sources, each with its revision.
    pub(super) sources: Vec<(String, String)>,
    /// All artifact names and their keys in the artifact bucket.
    pub(super) artifacts: Vec<(String, String)>,
}

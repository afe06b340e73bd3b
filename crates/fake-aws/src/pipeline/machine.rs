//! The transitions of executions: pure, synchronous, `now` is an argument.
//!
//! Answers from outside are in [`super::results`], the passing of time in
//! [`super::expiry`], what follows from either in [`super::advance`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::advance::advance;
use super::deployments::Deployments;
use super::jobs::Jobs;
use super::service_error::ServiceError;
use super::spec::{Mode, PipelineSpec};
use super::state::{Execution, Origin, Pipeline, Place, Revision};
use super::status::{ActionStatus, ExecutionStatus, StageStatus};

/// All pipelines of one account.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) pipelines: BTreeMap<String, Pipeline>,
    pub(super) jobs: Jobs,
    pub(super) deployments: Deployments,
}

/// What is run again when a stage is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryMode {
    /// Only what failed, and what never ran.
    FailedActions,
    /// Every action of the stage.
    AllActions,
}

/// What happens to running actions when an execution is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// The execution ends when they end.
    Wait,
    /// They are left to themselves and the execution ends at once.
    Abandon,
}

impl Machine {
    pub(super) fn new(deployments: Deployments) -> Self {
        Self {
            pipelines: BTreeMap::new(),
            jobs: Jobs::default(),
            deployments,
        }
    }

    pub(super) fn create(&mut self, spec: PipelineSpec, now: Timestamp) {
        self.pipelines
            .insert(spec.name.clone(), Pipeline::new(spec, now));
    }

    pub(super) fn pipeline(&self, name: &str) -> Result<&Pipeline, ServiceError> {
        let found = self.pipelines.get(name);
        found.ok_or_else(|| ServiceError::PipelineNotFound(name.to_owned()))
    }

    pub(super) fn pipeline_mut(&mut self, name: &str) -> Result<&mut Pipeline, ServiceError> {
        let found = self.pipelines.get_mut(name);
        found.ok_or_else(|| ServiceError::PipelineNotFound(name.to_owned()))
    }

    pub(super) fn start(
        &mut self,
        name: &str,
        revision: Revision,
        now: Timestamp,
    ) -> Result<String, ServiceError> {
        self.add_execution(name, Origin::Standard, revision, now)
    }

    /// Runs one stage again with what an earlier execution brought there.
    pub(super) fn roll_back(
        &mut self,
        name: &str,
        stage: &str,
        target: &str,
        now: Timestamp,
    ) -> Result<String, ServiceError> {
        let pipeline = self.pipeline(name)?;
        let stage = pipeline.stage_index(stage)?;
        let earlier = pipeline.execution(target)?;
        let possible = stage != 0
            && earlier.origin == Origin::Standard
            && earlier.stages[stage].status == Some(StageStatus::Succeeded)
            && !pipeline
                .executions
                .iter()
                .any(|other| other.occupies(stage));
        if !possible {
            return Err(ServiceError::UnableToRollbackStage(target.to_owned()));
        }
        let revision = earlier.revision.clone();
        let origin = Origin::Rollback {
            target: target.to_owned(),
            stage,
        };
        self.add_execution(name, origin, revision, now)
    }

    pub(super) fn retry(
        &mut self,
        name: &str,
        stage_name: &str,
        id: &str,
        mode: RetryMode,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let pipeline = self.pipeline_mut(name)?;
        let stage = pipeline.stage_index(stage_name)?;
        let index = pipeline.execution_index(id);
        let parallel = pipeline.spec.mode == Mode::Parallel;
        let index = match index {
            Some(index) if parallel || pipeline.entered[stage] == Some(index) => index,
            _ => return Err(ServiceError::NotLatestPipelineExecution(id.to_owned())),
        };
        let execution = &mut pipeline.executions[index];
        let ended = matches!(
            execution.stages[stage].status,
            Some(StageStatus::Failed | StageStatus::Stopped)
        );
        if !ended || execution.is_active() {
            return Err(ServiceError::StageNotRetryable(stage_name.to_owned()));
        }
        for current in &mut execution.stages[stage].current {
            let succeeded =
                current.is_some_and(|run| execution.runs[run].status == ActionStatus::Succeeded);
            if mode == RetryMode::AllActions || !succeeded {
                *current = None;
            }
        }
        execution.stages[stage].status = Some(StageStatus::InProgress);
        execution.status = ExecutionStatus::InProgress;
        execution.place = Place::Inside(stage);
        execution.stop_reason = None;
        execution.updated = now;
        self.advance(name, now);
        Ok(())
    }

    pub(super) fn stop(
        &mut self,
        name: &str,
        id: &str,
        mode: StopMode,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let Self {
            pipelines, jobs, ..
        } = self;
        let pipeline = pipelines
            .get_mut(name)
            .ok_or_else(|| ServiceError::PipelineNotFound(name.to_owned()))?;
        let index = pipeline.execution_index(id);
        let execution = index.map(|index| &mut pipeline.executions[index]);
        let Some(execution) = execution.filter(|execution| execution.is_active()) else {
            return Err(ServiceError::PipelineExecutionNotStoppable(id.to_owned()));
        };
        if execution.status == ExecutionStatus::Stopping && mode == StopMode::Wait {
            return Err(ServiceError::DuplicatedStopRequest(id.to_owned()));
        }
        execution.status = ExecutionStatus::Stopping;
        execution.stop_reason = reason;
        if let Place::Inside(stage) = execution.place {
            execution.stages[stage].status = Some(StageStatus::Stopping);
        }
        if mode == StopMode::Abandon {
            for run in execution.runs.iter_mut().filter(|run| run.is_running()) {
                run.finish(ActionStatus::Abandoned, None, now);
                jobs.expire(&run.id);
            }
        }
        self.advance(name, now);
        Ok(())
    }

    fn add_execution(
        &mut self,
        name: &str,
        origin: Origin,
        revision: Revision,
        now: Timestamp,
    ) -> Result<String, ServiceError> {
        let pipeline = self.pipeline_mut(name)?;
        let id = Uuid::new_v4().to_string();
        let stages = &pipeline.spec.stages;
        pipeline
            .executions
            .push(Execution::new(id.clone(), origin, revision, stages, now));
        self.advance(name, now);
        Ok(id)
    }

    pub(super) fn advance(&mut self, name: &str, now: Timestamp) {
        let Self {
            pipelines,
            jobs,
            deployments,
        } = self;
        if let Some(pipeline) = pipelines.get_mut(name) {
            advance(pipeline, jobs, deployments, now);
        }
    }
}

//! The transitions of the table in [`super`]: pure, synchronous, `now` is an argument.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::advance::advance;
use super::jobs::{JobStatus, Jobs};
use super::refusal::Refusal;
use super::spec::{Mode, PipelineSpec, Work};
use super::state::{
    ActionError, ActionRun, ActionStatus, Execution, ExecutionStatus, Origin, Pipeline, Place,
    Revision, Slot, StageStatus,
};

/// Without any reply for this long a Lambda action fails.
const JOB_HEARTBEAT: SignedDuration = SignedDuration::from_mins(20);
/// However often it replies, a Lambda action fails after this long.
const JOB_TIMEOUT: SignedDuration = SignedDuration::from_hours(24);
/// An approval nobody answers fails after this long.
const APPROVAL_TIMEOUT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// All pipelines of one account.
#[derive(Debug, Default)]
pub(super) struct Machine {
    pub(super) pipelines: BTreeMap<String, Pipeline>,
    pub(super) jobs: Jobs,
}

/// What an approval is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The execution goes on.
    Approved,
    /// The action, and with it the execution, fails.
    Rejected,
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
    pub(super) fn create(&mut self, spec: PipelineSpec, now: Timestamp) {
        self.pipelines
            .insert(spec.name.clone(), Pipeline::new(spec, now));
    }

    pub(super) fn pipeline(&self, name: &str) -> Result<&Pipeline, Refusal> {
        let found = self.pipelines.get(name);
        found.ok_or_else(|| Refusal::PipelineNotFound(name.to_owned()))
    }

    pub(super) fn pipeline_mut(&mut self, name: &str) -> Result<&mut Pipeline, Refusal> {
        let found = self.pipelines.get_mut(name);
        found.ok_or_else(|| Refusal::PipelineNotFound(name.to_owned()))
    }

    pub(super) fn start(
        &mut self,
        name: &str,
        revision: Revision,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        self.add_execution(name, Origin::Standard, revision, now)
    }

    /// Runs one stage again with what an earlier execution brought there.
    pub(super) fn roll_back(
        &mut self,
        name: &str,
        stage: &str,
        target: &str,
        now: Timestamp,
    ) -> Result<String, Refusal> {
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
            return Err(Refusal::UnableToRollbackStage(target.to_owned()));
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
    ) -> Result<(), Refusal> {
        let pipeline = self.pipeline_mut(name)?;
        let stage = pipeline.stage_index(stage_name)?;
        let index = pipeline.execution_index(id);
        let parallel = pipeline.spec.mode == Mode::Parallel;
        let index = match index {
            Some(index) if parallel || pipeline.entered[stage] == Some(index) => index,
            _ => return Err(Refusal::NotLatestPipelineExecution(id.to_owned())),
        };
        let execution = &mut pipeline.executions[index];
        let ended = matches!(
            execution.stages[stage].status,
            Some(StageStatus::Failed | StageStatus::Stopped)
        );
        if !ended || execution.is_active() {
            return Err(Refusal::StageNotRetryable(stage_name.to_owned()));
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
    ) -> Result<(), Refusal> {
        let Self { pipelines, jobs } = self;
        let pipeline = pipelines
            .get_mut(name)
            .ok_or_else(|| Refusal::PipelineNotFound(name.to_owned()))?;
        let index = pipeline.execution_index(id);
        let execution = index.map(|index| &mut pipeline.executions[index]);
        let Some(execution) = execution.filter(|execution| execution.is_active()) else {
            return Err(Refusal::PipelineExecutionNotStoppable(id.to_owned()));
        };
        if execution.status == ExecutionStatus::Stopping && mode == StopMode::Wait {
            return Err(Refusal::DuplicatedStopRequest(id.to_owned()));
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

    /// Ends an action that was held, or any other that is in progress.
    pub(super) fn finish_action(
        &mut self,
        name: &str,
        slot: Slot,
        id: &str,
        status: ActionStatus,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let pipeline = self.pipeline_mut(name)?;
        let run = pipeline
            .executions
            .iter_mut()
            .find(|execution| execution.id == id);
        let run = run.and_then(|execution| {
            execution
                .runs
                .iter_mut()
                .find(|run| run.slot == slot && run.is_running())
        });
        let run = run.ok_or_else(|| Refusal::PipelineExecutionNotFound(id.to_owned()))?;
        run.finish(status, Some(status.as_str().to_owned()), now);
        if status == ActionStatus::Failed {
            run.error = Some(ActionError::new(
                "JobFailed",
                "The lab let this action fail",
            ));
        }
        self.advance(name, now);
        Ok(())
    }

    pub(super) fn answer_approval(
        &mut self,
        name: &str,
        slot: Slot,
        token: &str,
        decision: Decision<'_>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let pipeline = self.pipeline_mut(name)?;
        if !matches!(
            pipeline.spec.stages[slot.stage].actions[slot.action].work,
            Work::Approval
        ) {
            return Err(Refusal::InvalidApprovalToken);
        }
        let run = pipeline.executions.iter_mut().find_map(|execution| {
            let run = execution.stages[slot.stage].current[slot.action]?;
            let run = &mut execution.runs[run];
            (run.token.as_deref() == Some(token)).then_some(run)
        });
        let run = run.ok_or(Refusal::InvalidApprovalToken)?;
        match run.status {
            ActionStatus::InProgress => {}
            ActionStatus::Abandoned => return Err(Refusal::InvalidApprovalToken),
            ActionStatus::Succeeded | ActionStatus::Failed => {
                return Err(Refusal::ApprovalAlreadyCompleted);
            }
        }
        let status = match decision.answer {
            Answer::Approved => ActionStatus::Succeeded,
            Answer::Rejected => ActionStatus::Failed,
        };
        run.finish(status, Some(decision.summary.to_owned()), now);
        run.updated_by = Some(decision.by.to_owned());
        self.advance(name, now);
        Ok(())
    }

    pub(super) fn job_succeeded(
        &mut self,
        id: &str,
        result: JobSuccess,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let job = self.jobs.open(id)?;
        let work = job.work.clone();
        job.status = match &result.continuation {
            Some(token) => JobStatus::Continued(token.clone()),
            None => JobStatus::Succeeded,
        };
        job.output_variables.clone_from(&result.output_variables);

        let run = self.run_mut(&work.pipeline, &work.execution, &work.action_execution)?;
        run.summary = result.summary.or(run.summary.take());
        run.external_id = result.external_id.or(run.external_id.take());
        run.percent = result.percent.or(run.percent);
        run.updated = now;
        if let Some(token) = result.continuation {
            self.jobs.carry_on(work, token, now);
            return Ok(());
        }
        run.output_variables = result.output_variables;
        run.finish(ActionStatus::Succeeded, None, now);
        self.advance(&work.pipeline, now);
        Ok(())
    }

    pub(super) fn job_failed(
        &mut self,
        id: &str,
        failure: JobFailure,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let job = self.jobs.open(id)?;
        let work = job.work.clone();
        job.status = JobStatus::Failed {
            r#type: failure.kind.clone(),
            message: failure.message.clone(),
        };
        let run = self.run_mut(&work.pipeline, &work.execution, &work.action_execution)?;
        run.external_id = failure.external_id.or(run.external_id.take());
        run.error = Some(ActionError {
            code: failure.kind,
            message: failure.message,
        });
        run.finish(ActionStatus::Failed, None, now);
        self.advance(&work.pipeline, now);
        Ok(())
    }

    /// Fails what waited too long, and lets the executions move on.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let Self { pipelines, jobs } = self;
        for pipeline in pipelines.values_mut() {
            let spec = &pipeline.spec;
            let mut expired = false;
            for run in pipeline
                .executions
                .iter_mut()
                .flat_map(|execution| &mut execution.runs)
            {
                let late = run.is_running()
                    && match spec.stages[run.slot.stage].actions[run.slot.action].work {
                        Work::Approval => run.started + APPROVAL_TIMEOUT <= now,
                        Work::Lambda { .. } => {
                            run.started + JOB_TIMEOUT <= now
                                || jobs
                                    .last_sign_of_life(&run.id)
                                    .is_some_and(|alive| alive + JOB_HEARTBEAT <= now)
                        }
                        Work::Source | Work::Deploy { .. } | Work::Test => false,
                    };
                if late {
                    run.finish(ActionStatus::Failed, None, now);
                    run.error = Some(ActionError::new("JobTimedOut", "The action timed out"));
                    jobs.expire(&run.id);
                    expired = true;
                }
            }
            if expired {
                advance(pipeline, jobs, now);
            }
        }
    }

    fn add_execution(
        &mut self,
        name: &str,
        origin: Origin,
        revision: Revision,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let pipeline = self.pipeline_mut(name)?;
        let id = Uuid::new_v4().to_string();
        let stages = &pipeline.spec.stages;
        pipeline
            .executions
            .push(Execution::new(id.clone(), origin, revision, stages, now));
        self.advance(name, now);
        Ok(id)
    }

    fn run_mut(
        &mut self,
        pipeline: &str,
        execution: &str,
        action_execution: &str,
    ) -> Result<&mut ActionRun, Refusal> {
        let pipeline = self.pipeline_mut(pipeline)?;
        let execution = pipeline
            .executions
            .iter_mut()
            .find(|known| known.id == execution);
        let run = execution.and_then(|execution| {
            execution
                .runs
                .iter_mut()
                .find(|run| run.id == action_execution)
        });
        run.ok_or_else(|| Refusal::PipelineExecutionNotFound(action_execution.to_owned()))
    }

    pub(super) fn advance(&mut self, name: &str, now: Timestamp) {
        let Self { pipelines, jobs } = self;
        if let Some(pipeline) = pipelines.get_mut(name) {
            advance(pipeline, jobs, now);
        }
    }
}

/// An answer to an approval, with who gave it and what was said.
pub(super) struct Decision<'a> {
    pub(super) answer: Answer,
    pub(super) summary: &'a str,
    pub(super) by: &'a str,
}

/// What a function reports with `PutJobSuccessResult`.
#[derive(Debug, Default)]
pub(super) struct JobSuccess {
    pub(super) continuation: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) percent: Option<u8>,
    pub(super) output_variables: BTreeMap<String, String>,
}

/// What a function reports with `PutJobFailureResult`.
#[derive(Debug)]
pub(super) struct JobFailure {
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) external_id: Option<String>,
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

impl ActionError {
    fn new(code: &str, message: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}

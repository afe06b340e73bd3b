//! Answers from outside: to approvals, to jobs, to deployments that were held.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::jobs::JobStatus;
use super::machine::Machine;
use super::service_error::ServiceError;
use super::spec::Work;
use super::state::{ActionError, ActionRun, Slot};
use super::status::ActionStatus;

/// What an approval is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The execution goes on.
    Approved,
    /// The action, and with it the execution, fails.
    Rejected,
}

/// How an action ends that was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The execution goes on.
    Succeeded,
    /// The execution fails.
    Failed,
}

/// An answer to an approval, with its author and text.
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

impl Machine {
    /// Ends a deployment or test that was held.
    pub(super) fn finish_action(
        &mut self,
        name: &str,
        slot: Slot,
        id: &str,
        ending: Ending,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let pipeline = self.pipeline_mut(name)?;
        pipeline.check_holdable(slot)?;
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
        let run = run.ok_or_else(|| ServiceError::PipelineExecutionNotFound(id.to_owned()))?;
        match ending {
            Ending::Succeeded => {
                run.finish(ActionStatus::Succeeded, Some("Succeeded".to_owned()), now);
            }
            Ending::Failed => {
                run.finish(ActionStatus::Failed, Some("Failed".to_owned()), now);
                run.error = Some(ActionError::new(
                    "JobFailed",
                    "The lab let this action fail",
                ));
            }
        }
        self.advance(name, now);
        Ok(())
    }

    pub(super) fn answer_approval(
        &mut self,
        name: &str,
        slot: Slot,
        token: &str,
        decision: &Decision<'_>,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let pipeline = self.pipeline_mut(name)?;
        if !matches!(
            pipeline.spec.stages[slot.stage].actions[slot.action].work,
            Work::Approval
        ) {
            return Err(ServiceError::InvalidApprovalToken);
        }
        let run = pipeline.executions.iter_mut().find_map(|execution| {
            let run = execution.stages[slot.stage].current[slot.action]?;
            let run = &mut execution.runs[run];
            (run.token.as_deref() == Some(token)).then_some(run)
        });
        let run = run.ok_or(ServiceError::InvalidApprovalToken)?;
        match run.status {
            ActionStatus::InProgress => {}
            ActionStatus::Abandoned => return Err(ServiceError::InvalidApprovalToken),
            ActionStatus::Succeeded | ActionStatus::Failed => {
                return Err(ServiceError::ApprovalAlreadyCompleted);
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
    ) -> Result<(), ServiceError> {
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
    ) -> Result<(), ServiceError> {
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

    fn run_mut(
        &mut self,
        pipeline: &str,
        execution: &str,
        action_execution: &str,
    ) -> Result<&mut ActionRun, ServiceError> {
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
        run.ok_or_else(|| ServiceError::PipelineExecutionNotFound(action_execution.to_owned()))
    }
}

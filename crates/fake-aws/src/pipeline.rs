//! `CodePipeline`, stateful, behind its real protocol.
//!
//! Functions talk to it with the AWS client; the harness declares pipelines,
//! starts executions, carries job events to functions and plays the people who
//! approve, retry and stop. What happens when is this table; whatever it does
//! not list is refused and changes nothing.
//!
//! | State | Event | Next | Refused |
//! |---|---|---|---|
//! | execution before a stage | stage free (superseded, queued), or always (parallel) | inside, stage in progress | |
//! | execution before a stage | stage taken, a newer one arrives (superseded) | superseded | |
//! | execution before a stage | stage taken (queued) | waits for its turn | |
//! | inside | the lowest unstarted run order | its actions start together | |
//! | inside | all actions succeeded | before the next stage, or succeeded | |
//! | inside | an action failed, none runs | stage and execution failed | |
//! | in progress | stop, wait | stopping; stopped when running actions end | stop again: `DuplicatedStopRequest` |
//! | in progress, stopping | stop, abandon | actions abandoned, jobs expired, stopped | |
//! | ended | stop | | `PipelineExecutionNotStoppable` |
//! | stage failed or stopped, no later execution entered | retry | in progress, with new runs of what failed (or of all) | |
//! | stage in progress or succeeded | retry | | `StageNotRetryable` |
//! | a later execution entered the stage | retry | | `NotLatestPipelineExecution` |
//! | stage succeeded in a standard execution | roll back | a new execution of this one stage | target a rollback, failed or never there, stage taken: `UnableToRollbackStage` |
//! | approval waits | approved, rejected | action succeeded, failed | token of another run, of an abandoned one, or unknown: `InvalidApprovalToken` |
//! | approval answered | approved, rejected | | `ApprovalAlreadyCompleted` |
//! | approval waits | 7 days | action failed | |
//! | job open | success without continuation | action succeeded | |
//! | job open | success with continuation | action in progress, a new job later | variables beside the token: `Validation` |
//! | job open | failure | action failed | |
//! | job open | 20 minutes of silence, or 24 hours | action failed, job expired | |
//! | job answered or expired | any result | | `InvalidJobState` |
//!
//! A deployment to a group that `CodeDeploy` has is carried out there and ends
//! as it ends there. Source actions finish at once; what other services do
//! and deployments to groups that nobody declared do too unless held. A build
//! makes its artifact of its inputs, and of what the execution says that builds
//! fetch beside them.
//! Conditions, transitions that are disabled and automatic rollbacks are not
//! played.

mod advance;
mod deployments;
mod expiry;
mod jobs;
mod machine;
mod results;
mod service_error;
mod spec;
mod state;
mod status;
mod view;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;

use crate::clock::Clock;
use crate::codedeploy::CodeDeploy;
use crate::protocol::{ACCOUNT, Caller, JsonError};
use crate::s3::S3;
use crate::traffic::{Fault, Traffic};

pub use jobs::JobStatus;
pub use machine::{RetryMode, StopMode};
pub use results::{Answer, Ending};
pub use service_error::ServiceError;
pub use spec::{
    ARTIFACT_BUCKET, Mode, PipelineSpec, PipelineType, SOURCE_ARTIFACT, SourceRevision, Stage,
};
pub use status::{ActionStatus, ExecutionStatus, StageStatus};
pub use view::{ActionView, ApprovalStatus, ApprovalView, ExecutionView, Job, JobView};
pub use wire::JobContext;

use deployments::Deployments;
use machine::Machine;
use results::Decision;
use spec::Sourced;
use state::Revision;

/// The pipelines of one endpoint; clones share them.
#[derive(Clone, Debug)]
pub struct Pipelines {
    clock: Clock,
    traffic: Arc<Traffic>,
    s3: S3,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    machine: Machine,
    job_context: JobContext,
}

impl Pipelines {
    pub(crate) fn new(clock: Clock, traffic: Arc<Traffic>, s3: S3, codedeploy: CodeDeploy) -> Self {
        s3.restrict(ARTIFACT_BUCKET);
        let state = State {
            machine: Machine::new(Deployments::new(codedeploy, s3.clone())),
            job_context: JobContext::default(),
        };
        Self {
            clock,
            traffic,
            s3,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Adds a pipeline, or replaces one of the same name with all its history.
    pub fn create(&self, spec: PipelineSpec) {
        let now = self.clock.now();
        self.state().machine.create(spec, now);
    }

    /// Starts an execution and stores its artifacts; the answer is its id.
    pub fn start(&self, name: &str, source: SourceRevision) -> Result<String, ServiceError> {
        let now = self.clock.now();
        let mut state = self.state();
        let taken = state.machine.pipeline(name)?.spec.source_artifacts();
        let mut revision = Revision {
            id: source.id,
            summary: source.summary,
            tools: source.tools,
            ..Revision::default()
        };
        for Sourced {
            name: artifact,
            revision: sourced,
            body,
        } in source.artifacts
        {
            let key = advance::artifact_key(name, &artifact);
            self.s3.put(ARTIFACT_BUCKET, &key, body);
            revision.sources.push((artifact.clone(), sourced));
            revision.artifacts.push((artifact, key));
        }
        if taken.contains(&SOURCE_ARTIFACT) {
            let key = format!("{name}/Source/{}", revision.id);
            self.s3.put(ARTIFACT_BUCKET, &key, revision.id.clone());
            let artifact = SOURCE_ARTIFACT.to_owned();
            revision
                .sources
                .push((artifact.clone(), revision.id.clone()));
            revision.artifacts.push((artifact, key));
        }
        state.machine.start(name, revision, now)
    }

    /// Rolls a stage back to an earlier execution; the answer is the id of the
    /// execution that does so.
    pub fn start_rollback(
        &self,
        name: &str,
        stage: &str,
        target: &str,
    ) -> Result<String, ServiceError> {
        let now = self.clock.now();
        self.state().machine.roll_back(name, stage, target, now)
    }

    /// Takes the next job that a function has to be invoked for, and lets its
    /// credentials into the artifact bucket.
    pub fn next_job(&self) -> Option<Job> {
        let now = self.clock.now();
        let mut state = self.state();
        state.machine.tick(now);
        let job = state.machine.jobs.take(now)?;
        let credentials = &job.credentials;
        self.s3.grant(
            ARTIFACT_BUCKET,
            &credentials.access_key,
            &credentials.session_token,
        );
        Some(view::due_job(job))
    }

    /// The same job again, as when Lambda delivers an event twice.
    pub fn redeliver(&self, id: &str) -> Result<Job, ServiceError> {
        Ok(view::due_job(self.state().machine.jobs.get(id)?))
    }

    /// The result of a job.
    pub fn job(&self, id: &str) -> Result<JobView, ServiceError> {
        Ok(view::job(self.state().machine.jobs.get(id)?))
    }

    /// An execution as it is now.
    pub fn execution(&self, name: &str, id: &str) -> Result<ExecutionView, ServiceError> {
        let state = self.current();
        let pipeline = state.machine.pipeline(name)?;
        Ok(view::execution(pipeline, pipeline.execution(id)?))
    }

    /// An approval of an execution as it is now.
    pub fn approval(
        &self,
        name: &str,
        stage: &str,
        action: &str,
        execution: &str,
    ) -> Result<ApprovalView, ServiceError> {
        let state = self.current();
        let pipeline = state.machine.pipeline(name)?;
        let slot = pipeline.action_index(stage, action)?;
        Ok(view::approval(pipeline.execution(execution)?, slot))
    }

    /// Answers an approval as a person in the console would.
    pub fn answer_by_person(
        &self,
        name: &str,
        stage: &str,
        action: &str,
        execution: &str,
        answer: Answer,
        reason: &str,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut state = self.current();
        let pipeline = state.machine.pipeline(name)?;
        let slot = pipeline.action_index(stage, action)?;
        let run = pipeline.execution(execution)?.current(slot);
        let token = run
            .and_then(|run| run.token.clone())
            .ok_or(ServiceError::InvalidApprovalToken)?;
        let by = format!("arn:aws:iam::{ACCOUNT}:user/person");
        let decision = Decision {
            answer,
            summary: reason,
            by: &by,
        };
        state
            .machine
            .answer_approval(name, slot, &token, &decision, now)
    }

    /// Runs a failed or stopped stage again.
    pub fn retry_stage(
        &self,
        name: &str,
        stage: &str,
        execution: &str,
        mode: RetryMode,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.current()
            .machine
            .retry(name, stage, execution, mode, now)
    }

    /// Stops an execution.
    pub fn stop(&self, name: &str, execution: &str, mode: StopMode) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.current()
            .machine
            .stop(name, execution, mode, None, now)
    }

    /// Makes later runs of a deployment or test stay in progress. A deployment
    /// that `CodeDeploy` carries out is held and finished there instead.
    pub fn hold_deploy(&self, name: &str, stage: &str, action: &str) -> Result<(), ServiceError> {
        let mut state = self.current();
        let pipeline = state.machine.pipeline_mut(name)?;
        let slot = pipeline.action_index(stage, action)?;
        pipeline.check_holdable(slot)?;
        pipeline.held.insert((stage.to_owned(), action.to_owned()));
        Ok(())
    }

    /// Ends a deployment or test that is in progress.
    pub fn finish_deploy(
        &self,
        name: &str,
        stage: &str,
        action: &str,
        execution: &str,
        ending: Ending,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut state = self.current();
        let slot = state.machine.pipeline(name)?.action_index(stage, action)?;
        state
            .machine
            .finish_action(name, slot, execution, ending, now)
    }

    /// Sets what `GetJobDetails` returns about the execution of a job.
    pub fn job_context(&self, context: JobContext) {
        self.state().job_context = context;
    }

    /// Sets the pause before a continued action is invoked again.
    pub fn continuation_interval(&self, interval: SignedDuration) {
        self.state().machine.jobs.continuation_interval = interval;
    }

    /// How often each operation was asked for.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.traffic.all_calls()
    }

    /// Makes every later answer of this endpoint take at least this long.
    pub fn latency(&self, latency: Duration) {
        self.traffic.set_latency(latency);
    }

    /// Makes the next `times` requests for an operation fail.
    pub fn fail(&self, operation: &str, fault: Fault, times: usize) {
        self.traffic.fail(operation, fault, times);
    }

    pub(crate) fn serve(
        &self,
        caller: &Caller,
        operation: &str,
        input: Value,
    ) -> Result<Value, JsonError> {
        let now = self.clock.now();
        let mut state = self.current();
        let by = caller.arn();
        let job_context = state.job_context;
        let request = wire::Request {
            operation,
            input,
            by: &by,
            job_context,
        };
        wire::answer(&mut state.machine, request, now)
    }

    /// The state after everything that time alone brought about.
    fn current(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.machine.tick(self.clock.now());
        state
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

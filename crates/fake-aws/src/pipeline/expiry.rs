//! Changes that happen with time alone.

use jiff::{SignedDuration, Timestamp};

use super::advance::advance;
use super::jobs::Jobs;
use super::machine::Machine;
use super::spec::Work;
use super::state::{ActionError, ActionRun};
use super::status::ActionStatus;

/// Without any reply for this long a Lambda action fails.
const JOB_HEARTBEAT: SignedDuration = SignedDuration::from_mins(20);
/// However often it replies, a Lambda action fails after this long.
const JOB_TIMEOUT: SignedDuration = SignedDuration::from_hours(24);
/// An approval nobody answers fails after this long.
const APPROVAL_TIMEOUT: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Machine {
    /// Fails what waited too long, and lets the executions move on.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let Self {
            pipelines,
            jobs,
            deployments,
        } = self;
        for pipeline in pipelines.values_mut() {
            let stages = &pipeline.spec.stages;
            let runs = pipeline
                .executions
                .iter_mut()
                .flat_map(|execution| &mut execution.runs);
            for run in runs.filter(|run| run.is_running()) {
                let work = &stages[run.slot.stage].actions[run.slot.action].work;
                if is_late(work, run, jobs, now) {
                    run.finish(ActionStatus::Failed, None, now);
                    run.error = Some(ActionError::new("JobTimedOut", "The action timed out"));
                    jobs.expire(&run.id);
                }
            }
            advance(pipeline, jobs, deployments, now);
        }
    }
}

fn is_late(work: &Work, run: &ActionRun, jobs: &Jobs, now: Timestamp) -> bool {
    match work {
        Work::Approval => run.started + APPROVAL_TIMEOUT <= now,
        Work::Lambda { .. } => {
            let heard = jobs.last_sign_of_life(&run.id).unwrap_or(run.started);
            run.started + JOB_TIMEOUT <= now || heard + JOB_HEARTBEAT <= now
        }
        Work::Source | Work::Deploy { .. } | Work::Elsewhere { .. } => false,
    }
}

//! Jobs as time passes.

use std::time::Duration;

use super::job::{End, IllegalMove, Job, Status};
use super::launch;
use super::state::State;

/// Moves a job one step.
pub(super) fn moves(state: &mut State, id: u64, to: Status, now: i64) -> Result<(), IllegalMove> {
    let job = state.jobs.get(&id).ok_or(IllegalMove::Unknown(id))?;
    if !job.status.may_become(to) {
        return Err(IllegalMove::NoSuchWay(job.status, to));
    }
    if to == Status::Waiting
        && let Some(by) = blocker(state, job)
    {
        return Err(IllegalMove::Blocked(by));
    }
    let ignored = state.cancel_ignored;
    let job = state.jobs.get_mut(&id).ok_or(IllegalMove::Unknown(id))?;
    job.status = to;
    job.since = now;
    if to == Status::Running {
        job.started = Some(now);
    }
    if to.is_ended() {
        job.finished = Some(now);
        let end = job.end.take().unwrap_or_else(|| End {
            status: to,
            ..End::well(0)
        });
        job.end = Some(End { status: to, ..end });
    }
    // A wish comes true where it can.
    if job.cancel_wished && !ignored && job.status.may_become(Status::Canceled) {
        moves(state, id, Status::Canceled, now)?;
    }
    Ok(())
}

/// Moves a job on until it runs, or until a wish ends it.
pub(super) fn runs(state: &mut State, id: u64, now: i64) -> Result<(), IllegalMove> {
    loop {
        let job = state.jobs.get(&id).ok_or(IllegalMove::Unknown(id))?;
        let to = match job.status {
            Status::New => Status::Pending,
            Status::Pending => Status::Waiting,
            Status::Waiting => Status::Running,
            _ => return Ok(()),
        };
        moves(state, id, to, now)?;
    }
}

/// Ends a job that runs.
pub(super) fn ends(state: &mut State, id: u64, end: End, now: i64) -> Result<(), IllegalMove> {
    let job = state.jobs.get_mut(&id).ok_or(IllegalMove::Unknown(id))?;
    let to = end.status;
    if !job.status.may_become(to) {
        return Err(IllegalMove::NoSuchWay(job.status, to));
    }
    job.end = Some(end);
    moves(state, id, to, now)
}

/// The older job of the same template that has to end first.
pub(super) fn blocker(state: &State, job: &Job) -> Option<u64> {
    let template = state.templates.get(&job.template)?;
    if template.simultaneous {
        return None;
    }
    let older = state.jobs.values().find(|other| {
        other.template == job.template && other.id < job.id && !other.status.is_ended()
    });
    older.map(|older| older.id)
}

/// Does what is due: launches that were not written down yet, and the moves of
/// jobs that have a plan.
pub(super) fn pass_time(state: &mut State) {
    let now = state.now();
    let due: Vec<_> = state
        .uncommitted
        .extract_if(.., |one| one.at <= now)
        .collect();
    for one in due {
        launch::commit(state, one.template, one.user, "manual", &one.body);
    }
    let ids: Vec<u64> = state.jobs.keys().copied().collect();
    for id in ids {
        while let Some((to, at)) = next(state, id) {
            if now < at {
                break;
            }
            if to.is_ended()
                && let Some(job) = state.jobs.get_mut(&id)
            {
                let plan = state.plans.get(&job.template);
                job.end = plan.map(|plan| plan.end.clone());
            }
            if moves(state, id, to, at).is_err() {
                break;
            }
        }
    }
}

/// The next move that the plan of a job has for it, and when.
fn next(state: &State, id: u64) -> Option<(Status, i64)> {
    let job = state.jobs.get(&id)?;
    let plan = state.plans.get(&job.template)?;
    let (to, after) = match job.status {
        Status::New => (Status::Pending, Duration::ZERO),
        Status::Pending => (Status::Waiting, plan.pending),
        Status::Waiting => (Status::Running, Duration::ZERO),
        Status::Running => (plan.end.status, plan.running),
        _ => return None,
    };
    Some((to, job.since + millis(after)))
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

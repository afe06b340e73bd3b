//! The end of a run whose problem is followed no longer.

use jiff::Timestamp;

use super::{Abort, Learnt, Move, Run, Said, State, guard_effect, lost, released};
use crate::remediation::Guard;

/// What is written where the time of the problem is over; nothing, if nothing is
/// owed. `guard` is that of its target.
pub fn give_up(run: &Run, guard: &Guard, now: Timestamp) -> Option<Move> {
    let limits = run.runbook.limits();
    let over = |state: State, alarm: bool| {
        let ran = state.ran();
        let mut effects = guard_effect(run, guard, guard.released(limits, now));
        if run.holds && !ran {
            effects.push(released(run));
        }
        Move {
            state: Some(state),
            lets_go: true,
            effects,
            said: Some(Said::State),
            more: Learnt {
                alarm,
                ..Learnt::default()
            },
            ..Move::default()
        }
    };
    Some(match &run.state {
        State::Asked | State::Joined { .. } | State::Waiting { .. } => over(State::GaveUp, false),
        State::Intended { attempt } | State::Again { first: attempt } => {
            over(lost(attempt, "nobody could look for it in time"), true)
        }
        State::Unknown { attempt, why, .. } => over(lost(attempt, why), true),
        State::Launched { attempt, job, .. } => over(
            State::Stuck {
                purpose: attempt.purpose,
                job: job.clone(),
                why: Abort::Overdue,
            },
            true,
        ),
        State::Aborting {
            attempt, job, why, ..
        } => over(
            State::Stuck {
                purpose: attempt.purpose,
                job: job.clone(),
                why: why.clone(),
            },
            true,
        ),
        State::Verifying { ended } => over(
            State::Unconfirmed {
                ended: ended.clone(),
            },
            false,
        ),
        state => {
            if !run.holds {
                return None;
            }
            let lifts = !state.ran();
            Move {
                lets_go: true,
                effects: lifts.then(|| released(run)).into_iter().collect(),
                ..Move::default()
            }
        }
    })
}

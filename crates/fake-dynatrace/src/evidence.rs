//! What the tenant holds to be connected with a problem.

use super::events::Event;
use super::problems::{Evidence, Problem};
use super::state::State;

/// How long before a problem a deployment may lie to be evidence of it.
const REACH: i64 = 2 * 3_600_000;

/// Deployments of the problem's entities from shortly before its start to its end.
pub(super) fn deployments<'s>(state: &'s State, problem: &Problem) -> Vec<&'s Event> {
    if problem.is.evidence == Evidence::WithoutDeployments {
        return Vec::new();
    }
    let affected = problem.affected();
    let until = problem.end.unwrap_or(i64::MAX);
    state
        .visible_events()
        .filter(|event| event.event_type == "CUSTOM_DEPLOYMENT")
        .filter(|event| affected.contains(&event.entity.as_str()))
        .filter(|event| problem.start - REACH <= event.start && event.start <= until)
        .collect()
}

/// Whether `entity` is where the problem comes from.
pub(super) fn is_root(problem: &Problem, entity: &str) -> bool {
    problem.is.root_cause.as_deref() == Some(entity)
}

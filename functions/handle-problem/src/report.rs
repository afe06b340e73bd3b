//! One line and one set of metrics per problem that was worked on.

use jiff::Timestamp;
use lambda::metrics::{self, Line, Unit};
use release::remediation::State;
use workflows::handle_problem::{Progress, Report};

pub(crate) fn tell(report: &Report, now: Timestamp) {
    line(report);
    for remediation in &report.problem.remediations {
        let settled = matches!(report.progress, Progress::Settled);
        let Some(name) = metric(&remediation.state).filter(|_| settled) else {
            continue;
        };
        metrics::emit(&Line {
            at: now,
            dimensions: &[("Group", &remediation.culprit.group.to_string())],
            metrics: &[(name, Unit::Count, 1.0)],
            properties: &[("problem", &report.problem.id)],
        });
    }
    if matches!(report.progress, Progress::Faulted { .. }) {
        metrics::emit(&Line {
            at: now,
            dimensions: &[],
            metrics: &[("ProblemFaults", Unit::Count, 1.0)],
            properties: &[("problem", &report.problem.id)],
        });
    }
}

fn line(report: &Report) {
    let id = report.problem.id.as_str();
    let state = report.problem.word();
    match &report.progress {
        Progress::Deferred { waiting_for, until } => tracing::info!(
            problem.id = id, state, until = %until,
            "Problem `{id}` is {state} and waits for {waiting_for}"
        ),
        Progress::Faulted { error, until } => tracing::warn!(
            problem.id = id, state, until = %until,
            "Problem `{id}` is {state} and met a fault: {error:#}"
        ),
        Progress::Settled => {
            tracing::info!(problem.id = id, state, "Problem `{id}` is settled: {state}");
        }
        Progress::Lost => tracing::info!(
            problem.id = id,
            state,
            "Problem `{id}` belongs to another worker"
        ),
    }
}

/// What is counted of a remediation once its problem is settled.
fn metric(state: &State) -> Option<&'static str> {
    match state {
        State::Confirmed { .. } | State::Unconfirmed { .. } => Some("Heals"),
        State::HealFailed { .. } => Some("HealsFailed"),
        State::Refused(_) => Some("HealsRefused"),
        State::Shadowed(_) => Some("HealsShadowed"),
        State::GaveUp { .. } => Some("HealsGivenUp"),
        _ => None,
    }
}

//! One line and one set of metrics per problem that was worked on.

use jiff::Timestamp;
use lambda::metrics::{self, Line, Unit};
use release::remediation::State;
use release::runbook;
use store::Stuck;
use workflows::handle_problem::{LookResult, Observed, Worked};
use workflows::work::Progress;

pub(crate) fn tell(observed: &Observed<'_>, now: Timestamp) {
    match observed {
        // At every tick, so that nothing due can be told from nobody looking.
        Observed::Looked(overdue) => metrics::emit(&Line {
            at: now,
            dimensions: &[],
            metrics: &[(
                "OldestDueProblemSeconds",
                Unit::Seconds,
                overdue.as_secs_f64(),
            )],
            properties: &[],
        }),
        Observed::Left(look) => left(look, now),
        // Names the place, because the item does not say who it is.
        Observed::Stuck(stuck) => {
            let Stuck { place, looks, .. } = stuck;
            tracing::error!(place, looks, "{}", stuck.in_words());
            count(stuck.metric(), &[], ("place", place), now);
        }
    }
}

fn left(look: &LookResult, now: Timestamp) {
    line(look);
    let Worked {
        problem,
        moved,
        comments_given_up,
        runs_moved,
    } = &look.about;
    let newest = problem.comments.iter().rev();
    let given_up = newest.filter_map(|comment| comment.given_up.as_deref());
    for why in given_up.take(*comments_given_up) {
        let id = problem.id.as_str();
        tracing::warn!(
            problem.id = id,
            "A comment on problem `{id}` is given up: {why}"
        );
        count("CommentsGivenUp", &[], ("problem", id), now);
    }
    let runs = runs_moved.iter().map(|&at| &problem.runs[at]);
    let remediations = moved.iter().map(|&at| &problem.remediations[at]);
    let problem = ("problem", problem.id.as_str());
    for remediation in remediations {
        if let Some(name) = metric(&remediation.state) {
            let group = remediation.culprit.place().to_string();
            count(name, &[("Group", &group)], problem, now);
        }
    }
    for run in runs {
        if let Some(name) = run_metric(&run.state) {
            count(name, &[("Group", &run.target())], problem, now);
        }
    }
    if matches!(look.progress, Progress::Faulted { .. }) {
        count("ProblemFaults", &[], problem, now);
    }
}

fn count(
    name: &'static str,
    dimensions: &[(&'static str, &str)],
    property: (&'static str, &str),
    now: Timestamp,
) {
    metrics::emit(&Line {
        at: now,
        dimensions,
        metrics: &[(name, Unit::Count, 1.0)],
        properties: &[property],
    });
}

fn line(look: &LookResult) {
    let id = look.about.problem.id.as_str();
    let state = look.about.problem.word();
    match &look.progress {
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

/// What is counted when a remediation comes so far.
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

/// The same of a run.
fn run_metric(state: &runbook::State) -> Option<&'static str> {
    use runbook::State;

    match state {
        State::Healed { .. } | State::Unconfirmed { .. } | State::Late { .. } => Some("Heals"),
        State::Failed { .. }
        | State::Aborted { .. }
        | State::Stuck { .. }
        | State::Gone { .. }
        | State::Lost { .. } => Some("HealsFailed"),
        State::Refused { .. } => Some("HealsRefused"),
        State::Shadowed { .. } => Some("HealsShadowed"),
        State::GaveUp => Some("HealsGivenUp"),
        _ => None,
    }
}

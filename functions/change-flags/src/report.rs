//! One line and one set of metrics per timer or event that was worked on.

use flags::Because;
use jiff::Timestamp;
use lambda::metrics::{self, Line, Unit};
use store::{EndedAs, PreparedChange, Remark, Stuck, What};
use workflows::change_flags::{Observed, Worked};
use workflows::work::{LookResult, Progress};

pub(crate) fn tell(observed: &Observed<'_>, now: Timestamp) {
    match observed {
        // At every tick, so that nothing due can be told from nobody looking.
        Observed::Looked(overdue) => {
            let seconds = overdue.as_secs_f64();
            emit("OldestDueFlagSeconds", Unit::Seconds, seconds, &[], now);
        }
        Observed::Left(report) => left(report, now),
        // Names the place, because the item does not say who it is.
        Observed::Stuck(stuck) => {
            let Stuck { place, looks, .. } = stuck;
            tracing::error!(place, looks, "{}", stuck.in_words());
            count(stuck.metric(), ("place", place), now);
        }
    }
}

fn left(report: &LookResult<Worked>, now: Timestamp) {
    let (what, flag) = match &report.about.owed.what {
        What::Timer { flag, .. } => ("The timer", flag),
        What::Event(outbox) => ("The event", &outbox.flag),
        What::Remark(remark) => return remarked(report, remark, now),
        What::Watch { problem, .. } => return watched(report, problem),
        What::Prepared(change) => return prepared(report, change, now),
    };
    if let What::Event(outbox) = &report.about.owed.what
        && let Some(why) = &outbox.entry.given_up
    {
        tracing::error!(
            flag.name = flag,
            "The tenant was never told of version {} of flag `{flag}`: {why}",
            outbox.version
        );
        count("FlagEventsGivenUp", ("flag", flag), now);
        return;
    }
    match &report.progress {
        Progress::Deferred { waiting_for, until } => tracing::info!(
            flag.name = flag, until = %until,
            "{what} of flag `{flag}` waits for {waiting_for}"
        ),
        Progress::Faulted { error, until } => {
            tracing::warn!(
                flag.name = flag, until = %until,
                "{what} of flag `{flag}` met a fault: {error:#}"
            );
            count("FlagFaults", ("flag", flag), now);
        }
        Progress::Settled => {
            tracing::info!(flag.name = flag, "{what} of flag `{flag}` is settled");
        }
        Progress::Lost => {
            tracing::info!(flag.name = flag, "{what} of flag `{flag}` has a successor");
        }
    }
}

/// A comment on a problem that holds flags.
fn remarked(report: &LookResult<Worked>, remark: &Remark, now: Timestamp) {
    let problem = remark.problem.as_str();
    // Whether or not it could be said, what is held is about to end.
    if let Some(ends) = remark.ends.filter(|_| !remark.entry.text.is_empty()) {
        tracing::warn!(
            problem.id = problem, ends = %ends,
            "What problem {problem} holds ends at {ends}, whether or not it is over"
        );
        count("HoldsEnding", ("problem", problem), now);
    }
    if let Some(why) = &remark.entry.given_up {
        tracing::error!(
            problem.id = problem,
            "What became of flags was never said on problem {problem}: {why}"
        );
        count("CommentsGivenUp", ("problem", problem), now);
        return;
    }
    match &report.progress {
        Progress::Faulted { error, until } => {
            tracing::warn!(
                problem.id = problem, until = %until,
                "A comment on problem {problem} could not be posted: {error:#}"
            );
            count("FlagFaults", ("problem", problem), now);
        }
        Progress::Deferred { .. } | Progress::Settled | Progress::Lost => tracing::info!(
            problem.id = problem,
            "What became of flags was said on problem {problem}, or will be"
        ),
    }
}

/// A problem that holds flags.
fn watched(report: &LookResult<Worked>, problem: &str) {
    match &report.progress {
        Progress::Deferred { until, .. } => tracing::info!(
            problem.id = problem, until = %until,
            "Problem {problem} still holds flags"
        ),
        Progress::Faulted { error, until } => tracing::warn!(
            problem.id = problem, until = %until,
            "Whether problem {problem} is over is not known: {error:#}"
        ),
        Progress::Settled | Progress::Lost => tracing::info!(
            problem.id = problem,
            "Problem {problem} is not watched any more"
        ),
    }
}

/// A change that waits for its event, or ended.
fn prepared(report: &LookResult<Worked>, change: &PreparedChange, now: Timestamp) {
    for (flag, wanted) in &change.wanted {
        match (change.ended, &report.progress) {
            (Some(EndedAs::Made), _) => tracing::info!(
                flag.name = flag,
                "Flag `{flag}` was changed, and the tenant has the event"
            ),
            (Some(EndedAs::Aborted(because)), _) => {
                let why = match because {
                    Because::NotTold => "the tenant did not take the event",
                    Because::Overtaken => "another change came in between",
                };
                tracing::warn!(flag.name = flag, "Flag `{flag}` was not changed: {why}");
                if wanted.requires_event && because == Because::NotTold {
                    count("FlagFaults", ("flag", flag), now);
                }
            }
            (None, Progress::Faulted { error, until }) => {
                tracing::warn!(
                    flag.name = flag, until = %until,
                    "Whether the tenant has the event of a change of flag `{flag}` is not known: {error:#}"
                );
                count("FlagFaults", ("flag", flag), now);
            }
            (None, _) => tracing::info!(
                flag.name = flag,
                "A change of flag `{flag}` waits for its event"
            ),
        }
    }
}

fn count(name: &'static str, property: (&'static str, &str), now: Timestamp) {
    emit(name, Unit::Count, 1.0, &[property], now);
}

fn emit(
    name: &'static str,
    unit: Unit,
    value: f64,
    properties: &[(&'static str, &str)],
    now: Timestamp,
) {
    metrics::emit(&Line {
        at: now,
        dimensions: &[],
        metrics: &[(name, unit, value)],
        properties,
    });
}

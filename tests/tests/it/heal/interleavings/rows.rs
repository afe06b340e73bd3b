//! Which rows of the tables a storm went through, as far as what is stored tells.

use std::collections::{BTreeMap, BTreeSet};

use release::problem::{Cause, Phase, Problem, Remediation};
use release::remediation::{HealRefusal, Needless, State};
use release::rule::Application;
use release::rule::application::State as Applied;
use release::runbook::{Abort, Attempt, Needless as Unneeded, Purpose, Refusal, Run, State as Ran};
use workflows::change_flags::Ended;

/// Rows by the table that has them.
pub(super) type Rows = BTreeMap<&'static str, BTreeSet<&'static str>>;

/// The tables, and the files that have them.
pub(super) const TABLES: [(&str, &str); 6] = [
    (
        "flags::step",
        include_str!("../../../../../crates/flags/src/step.rs"),
    ),
    (
        "flags::require",
        include_str!("../../../../../crates/flags/src/require.rs"),
    ),
    (
        "release::rule::application",
        include_str!("../../../../../crates/release/src/rule/application.rs"),
    ),
    (
        "release::runbook",
        include_str!("../../../../../crates/release/src/runbook.rs"),
    ),
    (
        "release::remediation",
        include_str!("../../../../../crates/release/src/remediation.rs"),
    ),
    (
        "release::outbox",
        include_str!("../../../../../crates/release/src/outbox.rs"),
    ),
];

/// The names of the rows of a table.
pub(super) fn names(table: &str) -> BTreeSet<&str> {
    let lines = table
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `"));
    lines
        .filter_map(|line| Some(line.split_once('`')?.0))
        .collect()
}

/// The rows between two looks at a problem.
pub(super) fn between(before: Option<&Problem>, after: &Problem, rows: &mut Rows) {
    let mut met = |table: &'static str, met: Option<&'static str>| {
        rows.entry(table).or_default().extend(met);
    };
    met(
        "release::remediation",
        match before {
            None => Some("story.noticed"),
            Some(before) if before.phase == Phase::Settled && after.cause == Cause::Pending => {
                Some("story.reopened")
            }
            Some(_) => None,
        },
    );
    if before.is_none_or(|before| before.cause == Cause::Pending) {
        met(
            "release::remediation",
            match after.cause {
                Cause::Over => Some("cause.over"),
                Cause::Blamed => Some("cause.found"),
                Cause::NothingChanged => Some("cause.none"),
                Cause::TooManyPlaces { .. } => Some("cause.too-many"),
                Cause::Ambiguous { .. } => Some("cause.either"),
                _ => None,
            },
        );
    }
    for one in &after.remediations {
        let earlier = before.and_then(|before| {
            let mut all = before.remediations.iter();
            all.find(|earlier| earlier.culprit.id() == one.culprit.id())
        });
        met("release::remediation", of_remediation(earlier, one));
    }
    for one in &after.runs {
        let earlier = before.and_then(|before| before.runs.iter().find(|run| run.id == one.id));
        for row in of_run(earlier, one) {
            met("release::runbook", Some(row));
        }
    }
    for one in &after.applications {
        let earlier = before.and_then(|before| {
            let mut all = before.applications.iter();
            all.find(|earlier| earlier.rule == one.rule)
        });
        met("release::rule::application", of_application(earlier, one));
    }
    for comment in &after.comments {
        let earlier = before.and_then(|before| {
            let mut all = before.comments.iter();
            all.find(|earlier| earlier.text == comment.text)
        });
        if comment.text.contains("is still open") && earlier.is_none() {
            let by_runs = after.remediations.is_empty();
            if by_runs && !after.runs.is_empty() {
                met("release::runbook", Some("verifying.still-open"));
            } else {
                met("release::remediation", Some("healed.still-open"));
            }
        }
        let attempts = earlier.map_or(0, |earlier| earlier.attempts);
        met(
            "release::outbox",
            (attempts < comment.attempts).then_some("refused"),
        );
        met(
            "release::outbox",
            comment.given_up.as_ref().map(|_| "given-up"),
        );
    }
}

fn of_remediation(before: Option<&Remediation>, after: &Remediation) -> Option<&'static str> {
    let Some(before) = before else {
        return Some(match after.state {
            State::Joined { .. } => "begin.held",
            State::Refused(HealRefusal::HealOfHeal { .. }) => "begin.heal",
            _ => "begin.free",
        });
    };
    if !before.stopped && after.stopped {
        return Some("attributed.stop");
    }
    if before.state == after.state {
        return match &after.state {
            State::HealFailed {
                deployment: Some(_),
                ..
            } if before.holds && !after.holds => Some("ended.kept"),
            state if state.is_final() && before.holds && !after.holds => Some("ended.released"),
            _ => None,
        };
    }
    Some(match (&before.state, &after.state) {
        (State::Joined { .. }, State::Attributed) => "joined.free",
        (_, State::NotNeeded(Needless::Closed)) => "closed",
        (State::Attributed, State::Intended(_)) => "attributed.intend",
        (State::Attributed, State::UnderWay { .. }) => "attributed.marker",
        (State::Attributed, State::Shadowed(_)) => "attributed.shadow",
        (
            State::Attributed,
            State::Refused(HealRefusal::ChangedSince { .. } | HealRefusal::NothingBefore { .. }),
        ) => "attributed.kept",
        (State::Attributed, State::NotNeeded(Needless::Untouched { .. })) => "attributed.untouched",
        (State::Attributed, State::NotNeeded(Needless::Over)) => "attributed.over",
        (State::Attributed, State::Refused(_) | State::NotNeeded(_)) => "attributed.no",
        (State::Intended(_), State::UnderWay { .. } | State::Healed { .. }) => "intended.created",
        (State::Intended(_), State::Attributed) => "intended.not-found",
        (State::Intended(_), State::HealFailed { .. }) => "intended.refused",
        (State::UnderWay { .. }, State::Healed { .. }) => "under-way.succeeded",
        (State::UnderWay { .. }, State::HealFailed { .. }) => "under-way.failed",
        (State::UnderWay { .. }, State::Attributed) => "under-way.rollback-failed",
        (State::Healed { .. }, State::Confirmed { .. }) => "healed.confirmed",
        (State::Healed { .. }, State::Unconfirmed { .. }) => "healed.unconfirmed",
        (_, State::GaveUp { .. }) => "gave-up",
        _ => return None,
    })
}

fn of_run(before: Option<&Run>, after: &Run) -> Vec<&'static str> {
    let Some(before) = before else {
        return Vec::new();
    };
    let named = before.named != after.named;
    let mut rows = Vec::from_iter(named.then_some("asked.active"));
    if before.state == after.state {
        if before.holds && !after.holds && after.state.is_final() {
            let kept = after.state.ran();
            rows.push(if kept { "ended.kept" } else { "ended.released" });
        }
        return rows;
    }
    rows.extend(match (&before.state, &after.state) {
        // What took less time than lies between two looks.
        (Ran::Asked, Ran::Launched { attempt, .. }) => {
            vec![intended_for(attempt), "intended.launched"]
        }
        (Ran::Asked, Ran::Unknown { attempt, .. }) => {
            vec![intended_for(attempt), "intended.unknown"]
        }
        (Ran::Waiting { .. }, Ran::Intended { .. } | Ran::Launched { .. }) => {
            vec!["waiting.yes", "asked.intend"]
        }
        (Ran::Again { .. }, Ran::Launched { attempt, .. }) if attempt.second => {
            vec!["again.intend", "intended.launched"]
        }
        (before, after) => Vec::from_iter(one_step(before, after)),
    });
    rows
}

fn intended_for(attempt: &Attempt) -> &'static str {
    match attempt.purpose {
        Purpose::Check => "asked.check",
        Purpose::Real => "asked.intend",
    }
}

fn one_step(before: &Ran, after: &Ran) -> Option<&'static str> {
    Some(match (before, after) {
        (Ran::Joined { .. }, Ran::Asked) => "joined.free",
        (_, Ran::NotNeeded { why }) => match why {
            Unneeded::Closed => "closed",
            Unneeded::Older | Unneeded::Stale { .. } => "asked.needless",
        },
        (Ran::Asked | Ran::Waiting { .. } | Ran::Again { .. }, Ran::Refused { why }) => match why {
            Refusal::SwitchedOff => "asked.off",
            Refusal::Changed { .. } => "asked.changed",
            Refusal::Denied { .. } => "asked.denied",
            Refusal::Cooldown { .. } | Refusal::TooOften { .. } => "asked.guarded",
            Refusal::Template { .. } => "asked.unfit",
            Refusal::TooLarge { .. } => "asked.too-large",
            _ => return None,
        },
        (Ran::Asked, Ran::Shadowed { .. }) => "asked.shadow",
        (Ran::Asked, Ran::Waiting { .. }) => "asked.ask",
        (Ran::Waiting { .. }, Ran::Asked) => "waiting.yes",
        (Ran::Asked, Ran::Intended { attempt }) => intended_for(attempt),
        (Ran::Intended { .. }, Ran::Launched { .. }) => "intended.launched",
        (Ran::Intended { .. }, Ran::Refused { .. }) => "intended.refused",
        (Ran::Intended { .. }, Ran::Asked) => "intended.not-sent",
        (Ran::Intended { .. }, Ran::Unknown { .. }) => "intended.unknown",
        (Ran::Unknown { .. }, Ran::Launched { others, .. }) if others.is_empty() => "unknown.found",
        (Ran::Unknown { .. }, Ran::Launched { .. }) => "unknown.several",
        (Ran::Unknown { .. }, Ran::Again { .. }) => "unknown.again",
        (Ran::Unknown { .. }, Ran::Lost { .. }) => "unknown.lost",
        (Ran::Again { .. }, Ran::Launched { .. }) => "again.found",
        (Ran::Again { .. }, Ran::Intended { .. }) => "again.intend",
        (
            Ran::Launched { others, .. },
            Ran::Launched {
                others: left_over, ..
            },
        ) if left_over.len() < others.len() => "launched.others",
        (Ran::Launched { .. }, Ran::Launched { .. }) => "launched.moved",
        (Ran::Launched { .. }, Ran::Asked) => "launched.checked",
        (Ran::Launched { .. }, Ran::Shadowed { .. }) => "launched.check-shadow",
        (Ran::Launched { .. }, Ran::Refused { .. }) => "launched.check-failed",
        (Ran::Launched { .. }, Ran::Verifying { .. }) => "launched.well",
        (Ran::Launched { .. }, Ran::Failed { .. }) => "launched.badly",
        (Ran::Launched { .. } | Ran::Aborting { .. }, Ran::Gone { .. }) => "launched.gone",
        (Ran::Launched { .. }, Ran::Aborting { why, .. }) => match why {
            Abort::Differs { .. } => "launched.differs",
            Abort::Overdue => "launched.overdue",
            Abort::Closed => "launched.closed",
            Abort::Person { .. } => "launched.stopped",
        },
        (Ran::Aborting { .. }, Ran::Aborting { .. }) => "aborting.wish",
        (Ran::Aborting { .. }, Ran::Aborted { .. }) => "aborting.ended",
        (Ran::Aborting { .. }, Ran::Stuck { .. }) => "aborting.stuck",
        (Ran::Verifying { .. }, Ran::Healed { .. }) => "verifying.healed",
        (Ran::Verifying { .. }, Ran::Late { .. }) => "verifying.late",
        (Ran::Verifying { .. }, Ran::Unconfirmed { .. }) => "verifying.unconfirmed",
        (_, Ran::GaveUp) => "gave-up",
        _ => return None,
    })
}

fn of_application(before: Option<&Application>, after: &Application) -> Option<&'static str> {
    let Some(before) = before else {
        return match after.state {
            Applied::Shadowed => Some("none.shadow"),
            _ => Some("none.matches"),
        };
    };
    Some(match (&before.state, &after.state) {
        (Applied::Applying { .. }, Applied::Holding { .. }) => "applying.held",
        (Applied::Applying { .. }, Applied::Kept { .. }) => "applying.kept",
        (Applied::Applying { .. }, Applied::Refused { .. }) => "applying.refused",
        (Applied::Applying { .. }, Applied::NotNeeded { .. }) => "applying.in-vain",
        (Applied::Applying { .. }, Applied::GaveUp) => "gave-up.applying",
        (Applied::Holding { .. }, Applied::Ended { .. }) => "holding.over",
        (Applied::Holding { .. }, Applied::GaveUp) => "gave-up.holding",
        _ => return None,
    })
}

/// The rows that the answer to a caller tells of.
pub(super) fn of_answer(
    ended: &Ended,
    error: &str,
    requires: bool,
    made: bool,
) -> Vec<(&'static str, &'static str)> {
    let (step, require) = ("flags::step", "flags::require");
    match (ended, requires) {
        (Ended::Done, true) if made => vec![(require, "story.prepared"), (require, "taken")],
        (Ended::Done, _) if !made => vec![(step, "settled.same")],
        (Ended::TooOften { .. }, _) if error.contains("back and forth") => {
            vec![(step, "any.flapping")]
        }
        (Ended::TooOften { .. }, _) => vec![(step, "any.often")],
        (Ended::Bad, _) => vec![(step, "any.bad")],
        (Ended::Waits, true) => vec![(require, "story.busy")],
        (Ended::NotTold, true) => vec![(require, "story.prepared"), (require, "refused")],
        _ => Vec::new(),
    }
}

//! What is said about a problem, where the tenant shows it: who did what, when,
//! and what a person can do.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use release::attribution::{Candidate, Culprit, Doubt};
use release::change::words::{
    again, announced, back, briefly, change, if_to_blame, taken_back, version,
};
use release::change::{self, Change, Place};
use release::comment::{bounded, plain, sentence, sentence_case, span, time};
use release::grouping::SETTING;
use release::pause::Stopped;
use release::problem::{Problem, Remediation};
use release::remediation::{Actor, Heal, HealRefusal, Move, Needless, Said, State, Told};
use release::runbook;
use release::verify;

/// `undecided` has the names of groups that several applications have, so that
/// the tag says of none which one is meant.
pub(super) fn nothing_deployed(
    look_back: SignedDuration,
    began: Timestamp,
    undecided: &BTreeSet<String>,
    closed: &BTreeSet<Place>,
) -> String {
    let names: Vec<String> = undecided.iter().take(5).map(|name| plain(name)).collect();
    let several = if names.is_empty() {
        String::new()
    } else {
        format!(
            " Several applications have a deployment group named {}, so the tag does not show \
             which one is behind the entity. Set {SETTING} to name it.",
            names.join(", ")
        )
    };
    let shown: Vec<String> = closed.iter().take(5).map(place).collect();
    let closed = if shown.is_empty() {
        String::new()
    } else {
        format!(
            " CodeDeploy denies this installation access to {}; deployments there are not \
             considered.",
            shown.join(", ")
        )
    };
    bounded(format!(
        "Unbreakable: no change in the {} minutes before this problem began ({}) can have caused \
         it, so nothing is taken back.{several}{closed}",
        look_back.as_mins(),
        time(began)
    ))
}

/// A change asks for an action that must not be run.
pub(super) fn action_refused(event: &runbook::Cause, refusal: &runbook::Refusal) -> String {
    bounded(format!(
        "Unbreakable: {} names an action, and nothing was run for it: {}. Other changes are \
         looked at.",
        announced(event),
        sentence(&refusal.to_string())
    ))
}

/// The newest change would not be taken back, and another one is looked at.
pub(super) fn passed_over(one: &Candidate) -> Option<String> {
    let why = one.kept.as_ref()?;
    Some(bounded(format!(
        "Unbreakable: {} may be the cause, and {}. It is not taken back; other changes are looked \
         at.",
        change(&one.change),
        sentence(why)
    )))
}

/// A change was answered by an earlier run.
pub(super) fn answered_before(event: &runbook::Cause, by: &str) -> String {
    bounded(format!(
        "Unbreakable: {} is to blame, and its runbook ran for it before ({}). It is not run a \
         second time; a person has to look.",
        announced(event),
        sentence(by)
    ))
}

/// A change is answered under another problem.
pub(super) fn run_joined(run: &runbook::Run) -> Option<String> {
    let runbook::State::Joined { problem } = &run.state else {
        return None;
    };
    Some(bounded(format!(
        "Unbreakable: {} is to blame, and it is answered under problem {} already.",
        announced(&run.cause),
        plain(problem)
    )))
}

pub(super) fn too_many_places(places: &[Place], most: usize) -> String {
    let shown: Vec<String> = places.iter().take(5).map(place).collect();
    bounded(format!(
        "Unbreakable: {} places were changed before this problem ({}), and at most {most} may be \
         changed at once (HEAL_MAX_GROUPS). Nothing is taken back; a person has to choose.",
        places.len(),
        shown.join(", ")
    ))
}

pub(super) fn ambiguous(
    newest: &Culprit,
    older: &Culprit,
    doubt: Doubt,
    began: Timestamp,
) -> String {
    if doubt == Doubt::Places {
        return bounded(format!(
            "Unbreakable: deployments {} ({}) and {} ({}) were announced together, and it is \
             unknown which of their groups is behind the entities of this problem; set {SETTING} \
             to name it. Nothing is rolled back; a person has to choose.",
            plain(newest.change.id()),
            place(&newest.change.place()),
            plain(older.change.id()),
            place(&older.change.place()),
        ));
    }
    bounded(format!(
        "Unbreakable: {} took effect at {}, in the minute in which this problem began ({}), so it \
         may have been before or after. {} was certainly before, at {}, and has not passed its \
         validation. Either may be to blame, so nothing is taken back; a person has to choose.",
        sentence_case(&briefly(&newest.change)),
        time(newest.at),
        time(began),
        sentence_case(&briefly(&older.change)),
        time(older.at),
    ))
}

/// What is said with a step, if anything. `notes` are about the choice of what
/// is deployed again.
pub(super) fn of(
    problem: &Problem,
    remediation: &Remediation,
    what: &Move,
    notes: &[String],
) -> Option<String> {
    let culprit = &remediation.culprit;
    Some(match (what.said.as_ref()?, &what.state) {
        (Said::Own(Told::Stopping), _) => stopping(culprit),
        (Said::Paused(stopped), _) => paused(culprit, stopped),
        (Said::StillOpen, _) => match &remediation.state {
            State::Healed { heal, at, .. } => {
                verify::still_open(problem, culprit, &back(&heal.remedy, *at))
            }
            _ => return None,
        },
        (Said::Own(Told::GaveUp), _) => gave_up(culprit),
        (Said::Own(Told::Released), _) => released(culprit),
        (Said::Own(Told::RollbackFailed { id, reason }), _) => rollback_failed(culprit, id, reason),
        (
            Said::Own(Told::Failed(at)),
            Some(State::HealFailed {
                heal,
                deployment,
                reason,
            }),
        ) => failed(heal, deployment.as_deref(), *at, reason),
        (Said::Own(Told::ShadowedAfterStop), Some(State::Shadowed(heal))) => {
            shadowed(culprit, heal, "It would have been stopped. ", notes)
        }
        (Said::State, Some(State::Shadowed(heal))) => shadowed(culprit, heal, "", notes),
        // It is done by now, which is what is said next.
        (Said::State, Some(State::UnderWay { heal, .. })) if heal.remedy.is_at_once() => {
            return None;
        }
        (Said::State, Some(State::UnderWay { heal, deployment })) => {
            deploying(culprit, heal, deployment, notes)
        }
        (
            Said::State,
            Some(State::Healed {
                heal,
                deployment,
                at,
            }),
        ) => healed(culprit, heal, deployment, *at),
        (
            Said::State,
            Some(State::Confirmed {
                heal, at, closed, ..
            }),
        ) => verify::ended(problem, culprit, &back(&heal.remedy, *at), *closed),
        (Said::State, Some(State::Unconfirmed { heal, at, .. })) => {
            verify::unknown(culprit, &back(&heal.remedy, *at))
        }
        (Said::State, Some(State::Refused(refusal))) => refused(culprit, refusal),
        (Said::State, Some(State::NotNeeded(needless))) => not_needed(culprit, needless),
        _ => return None,
    })
}

pub(super) fn joined(culprit: &Change, problem: &str) -> String {
    bounded(format!(
        "Unbreakable: {} is to blame and is already handled under problem {}. A change is {} at \
         most once; if this problem stays open after that one has closed, a person has to look.",
        change(culprit),
        plain(problem),
        taken_back(culprit)
    ))
}

fn stopping(culprit: &Change) -> String {
    bounded(format!(
        "Unbreakable: {} is to blame and is still under way. It is stopped, then the \
         last revision known to be good is deployed.",
        change(culprit)
    ))
}

fn paused(culprit: &Change, stopped: &Stopped) -> String {
    bounded(format!(
        "Unbreakable: {} is to blame, but nothing is changed for now. {}. Changes that \
         have begun continue.",
        change(culprit),
        sentence(&stopped.to_string())
    ))
}

/// A comment that is made while changes are paused.
pub(super) fn while_stopped(text: &str, stopped: &Stopped) -> String {
    bounded(format!("{text} {}.", sentence(&stopped.to_string())))
}

fn deploying(culprit: &Change, heal: &Heal, id: &str, notes: &[String]) -> String {
    let who = match heal.by {
        Actor::Ours => "Unbreakable deploys",
        Actor::Platform => "CodeDeploy itself deploys",
    };
    bounded(format!(
        "Unbreakable: {} is to blame. {who} {} again, as deployment {} since {}.{}",
        change(culprit),
        version(&heal.remedy),
        plain(id),
        time(heal.at),
        noted(notes)
    ))
}

fn shadowed(culprit: &Change, heal: &Heal, first: &str, notes: &[String]) -> String {
    bounded(format!(
        "Unbreakable (shadow mode): {} is to blame. {first}{} would have been {} at {}; nothing \
         was changed. Set HEAL_MODE=auto to heal for real.{}",
        change(culprit),
        sentence_case(&version(&heal.remedy)),
        again(&heal.remedy),
        time(heal.at),
        noted(notes)
    ))
}

fn rollback_failed(culprit: &Change, id: &str, reason: &str) -> String {
    bounded(format!(
        "Unbreakable: CodeDeploy's own rollback (deployment {}) of {} failed: {}. All \
         checks run again.",
        plain(id),
        change(culprit),
        sentence(reason)
    ))
}

pub(super) fn evidence(link: &str) -> String {
    format!("Its last validation: {link}")
}

pub(super) fn refused(culprit: &Change, refusal: &HealRefusal) -> String {
    bounded(format!(
        "Unbreakable: {} is to blame and is not {}: {}.",
        change(culprit),
        taken_back(culprit),
        sentence(&refusal.to_string())
    ))
}

fn not_needed(culprit: &Change, needless: &Needless) -> String {
    bounded(format!(
        "Unbreakable: {} was suspect and is not {}: {}.",
        change(culprit),
        taken_back(culprit),
        sentence(&needless.to_string())
    ))
}

fn healed(culprit: &Change, heal: &Heal, id: &str, at: Timestamp) -> String {
    let took = span(heal.at, at);
    let text = change::words::healed(culprit, &heal.remedy, id, at, &took);
    bounded(format!("Unbreakable: {text}"))
}

fn failed(heal: &Heal, id: Option<&str>, at: Timestamp, reason: &str) -> String {
    let which = id.map_or_else(String::new, |id| format!("deployment {}, ", plain(id)));
    bounded(format!(
        "Unbreakable: {} could not be deployed again: {} ({which}at {}, {} after the decision). \
         There is no second attempt; a person has to look.",
        version(&heal.remedy),
        sentence(reason),
        time(at),
        span(heal.at, at)
    ))
}

fn gave_up(culprit: &Change) -> String {
    bounded(format!(
        "Unbreakable: the time limit for this problem has passed, and {} stays \
         suspect. A person has to look.",
        change(culprit)
    ))
}

fn released(culprit: &Change) -> String {
    bounded(format!(
        "Unbreakable: this problem is no longer followed, and {} is no longer suspect because of \
         it. If it is to blame, {}.",
        change(culprit),
        if_to_blame(culprit)
    ))
}

pub(super) fn cause_unknown() -> String {
    "Unbreakable: the cause of this problem was not found in time, and nothing was taken back. A \
     person has to look."
        .to_owned()
}

fn place(place: &Place) -> String {
    plain(&place.to_string())
}

fn noted(notes: &[String]) -> String {
    notes
        .iter()
        .fold(String::new(), |noted, note| noted + " " + note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use release::comment::LONGEST;
    use release::deployment::Group;

    #[test]
    fn no_comment_is_longer_than_its_bound() {
        let groups: Vec<Place> = (0..50)
            .map(|number| {
                Place::Group(Group {
                    application: "*".repeat(300),
                    name: number.to_string(),
                })
            })
            .collect();

        let text = too_many_places(&groups, 1);

        assert!(text.chars().count() <= LONGEST, "{}", text.len());
    }
}

//! What is said about a problem, where the tenant shows it: who did what, when,
//! and what a person can do.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use release::attribution::{Culprit, Doubt};
use release::change::{Change, Place, Remedy};
use release::comment::{bounded, plain, sentence, time};
use release::grouping::SETTING;
use release::pause::Stopped;
use release::problem::{Problem, Remediation};
use release::remediation::{Actor, Heal, HealRefusal, Move, Needless, Said, State, Told};
use release::runbook;

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

/// The mode of its runbook keeps the newest change from being taken back.
pub(super) fn kept_by_mode(draft: &runbook::Draft) -> String {
    let what = match draft.runbook.mode {
        runbook::Mode::Off => "is for it and is switched off",
        _ => "would have been run for it (shadow mode)",
    };
    bounded(format!(
        "Unbreakable: {} may be the cause, and runbook {} {what}. It is not taken back; other \
         changes are looked at.",
        announced(&draft.cause),
        plain(&draft.runbook.alias)
    ))
}

/// The newest change was answered by an earlier run.
pub(super) fn kept_as_answered(event: &runbook::Cause, by: &str) -> String {
    bounded(format!(
        "Unbreakable: {} may be the cause, and its runbook ran for it before ({}). It is not run \
         a second time; other changes are looked at.",
        announced(event),
        sentence(by)
    ))
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

fn announced(event: &runbook::Cause) -> String {
    format!(
        "the change \"{}\" ({}, {})",
        plain(&event.title),
        plain(&event.source),
        time(event.at)
    )
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
        (Said::StillOpen, _) => still_open(problem, remediation)?,
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
        (Said::State, Some(State::UnderWay { heal, deployment })) => match heal.remedy {
            Remedy::Redeploy(_) => deploying(culprit, heal, deployment, notes),
            // It is done by now, which is what is said next.
            Remedy::Restore(_) => return None,
        },
        (
            Said::State,
            Some(State::Healed {
                heal,
                deployment,
                at,
            }),
        ) => healed(culprit, heal, deployment, *at),
        (Said::State, Some(State::Confirmed { heal, closed, .. })) => {
            confirmed(culprit, heal, problem.began, *closed)
        }
        (Said::State, Some(State::Unconfirmed { heal, .. })) => unconfirmed(culprit, heal),
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
        match heal.remedy {
            Remedy::Redeploy(_) => "deployed again",
            Remedy::Restore(_) => "set again",
        },
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
    bounded(match &heal.remedy {
        Remedy::Redeploy(_) => format!(
            "Unbreakable: {} has been running again since {} (deployment {}, {} after the \
             decision). The replaced deployment counts as bad once this problem closes.",
            version(&heal.remedy),
            time(at),
            plain(id),
            span(heal.at, at)
        ),
        Remedy::Restore(back) => format!(
            "Unbreakable: {} is to blame. The flag has been {} again since {} (change {}). The \
             change counts as bad once this problem closes.",
            change(culprit),
            plain(&back.value),
            time(at),
            plain(id)
        ),
    })
}

/// What is said where the problem has not ended with the heal. Nothing more is done
/// without a person.
fn still_open(problem: &Problem, remediation: &Remediation) -> Option<String> {
    let culprit = &remediation.culprit;
    let State::Healed { heal, at, .. } = &remediation.state else {
        return None;
    };
    let back = match culprit {
        Change::Deployment(deployment) => format!(
            "To bring it back, clear it with `monspec ledger clear` and deploy version {} again",
            plain(&deployment.version)
        ),
        Change::Flag(flag) => format!("To bring it back, set the flag to {}", plain(&flag.after)),
        Change::Configuration(_) => "To bring it back, make the change again".to_owned(),
    };
    Some(bounded(format!(
        "Unbreakable: this problem is still open, although {} is back since {}. {} may not be \
         the cause. {back}. `monspec heal explain --problem={}` names the next older change; \
         neither is done without a person.",
        version(&heal.remedy),
        time(*at),
        sentence_case(&change(culprit)),
        plain(&problem.id)
    )))
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

fn confirmed(culprit: &Change, heal: &Heal, began: Option<Timestamp>, closed: Timestamp) -> String {
    let took = began.map_or_else(String::new, |began| {
        format!(", {} after it began", span(began, closed))
    });
    bounded(format!(
        "Unbreakable: the problem ended at {}{took}, with {} {}. {} counts as bad from now on {}.",
        time(closed),
        version(&heal.remedy),
        again(&heal.remedy),
        sentence_case(&change(culprit)),
        match culprit {
            Change::Deployment(_) =>
                "and is not deployed again; a person can clear it in the ledger",
            Change::Flag(_) => "and stays taken back; a person can set the flag again",
            Change::Configuration(_) => "and stays taken back; a person can make it again",
        }
    ))
}

fn unconfirmed(culprit: &Change, heal: &Heal) -> String {
    bounded(format!(
        "Unbreakable: {} is {}, but whether that ended the problem is unknown. {} stays suspect{}.",
        version(&heal.remedy),
        again(&heal.remedy),
        sentence_case(&change(culprit)),
        match culprit {
            Change::Deployment(_) => "; a person can clear or condemn it in the ledger",
            Change::Flag(_) => " and taken back; a person can set the flag again",
            Change::Configuration(_) => " and taken back; a person can make it again",
        }
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
         it. {}",
        change(culprit),
        match culprit {
            Change::Deployment(_) => "If it is to blame, condemn it in the ledger.",
            Change::Flag(_) => "If it is to blame, set the flag yourself.",
            Change::Configuration(_) => "If it is to blame, take it back yourself.",
        }
    ))
}

pub(super) fn cause_unknown() -> String {
    "Unbreakable: the cause of this problem was not found in time, and nothing was taken back. A \
     person has to look."
        .to_owned()
}

fn change(change: &Change) -> String {
    match change {
        Change::Deployment(deployment) => format!(
            "deployment {} ({} on {}, {})",
            plain(&deployment.id),
            plain(&deployment.version),
            plain(&deployment.group.to_string()),
            time(deployment.at)
        ),
        Change::Flag(change) => format!(
            "the change of flag {} from {} to {} by {} (version {}, {})",
            plain(&change.flag.to_string()),
            plain(&change.before),
            plain(&change.after),
            plain(&change.by),
            change.version,
            time(change.at)
        ),
        Change::Configuration(configuration) => announced(&configuration.event),
    }
}

/// A change without all that is known of it.
fn briefly(change: &Change) -> String {
    match change {
        Change::Deployment(deployment) => format!(
            "deployment {} ({})",
            plain(&deployment.id),
            plain(&deployment.group.to_string())
        ),
        Change::Flag(change) => format!(
            "the change of flag {} to {}",
            plain(&change.flag.to_string()),
            plain(&change.after)
        ),
        Change::Configuration(configuration) => {
            format!("the change \"{}\"", plain(&configuration.event.title))
        }
    }
}

/// What it is called to take such a change back.
pub(super) fn taken_back(change: &Change) -> &'static str {
    match change {
        Change::Deployment(_) => "rolled back",
        Change::Flag(_) | Change::Configuration(_) => "taken back",
    }
}

/// As a sentence begins.
fn sentence_case(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

fn version(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Redeploy(target) => format!(
            "version {} (first deployed as {}, {})",
            plain(&target.version),
            plain(&target.id),
            time(target.at)
        ),
        Remedy::Restore(back) => format!(
            "{} of flag {}",
            plain(&back.value),
            plain(&back.flag.to_string())
        ),
    }
}

fn again(remedy: &Remedy) -> &'static str {
    match remedy {
        Remedy::Redeploy(_) => "running again",
        Remedy::Restore(_) => "back",
    }
}

fn place(place: &Place) -> String {
    plain(&place.to_string())
}

fn noted(notes: &[String]) -> String {
    notes
        .iter()
        .fold(String::new(), |noted, note| noted + " " + note)
}

/// How long it took, in words that a person reads at three in the morning.
fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
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

    #[test]
    fn spans_are_told_in_the_largest_units_that_matter() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(span(at(0), at(42)), "42 s");
        assert_eq!(span(at(0), at(754)), "12 min 34 s");
        assert_eq!(span(at(0), at(7_321)), "2 h 2 min");
        assert_eq!(span(at(9), at(0)), "0 s");
    }
}

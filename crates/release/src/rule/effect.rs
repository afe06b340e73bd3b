//! What an application does to the flags of a set: all of them, or none.

use std::collections::{BTreeMap, BTreeSet};

use flags::state::{Author, AuthorKind, Recent, Since, State as FlagState};
use flags::step::{Event, LONGEST_HOLD, Outcome, Request, Situation, Term, Transition, step};
use flags::{BadWish, Cause, Declaration, Set as FlagSet, is_blamed};
use jiff::{SignedDuration, Timestamp};

use super::application::{Back, Became, Set, change_of, return_of};
use super::{Restore, Rule};
use crate::window::saturating_add;

/// For how long it is counted how often a rule is followed.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// An application that is about to set flags.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The id of the rule.
    pub id: &'a str,
    /// The rule.
    pub rule: &'a Rule,
    /// The id of the problem.
    pub problem: &'a str,
    /// The flags that are blamed for it: blame wins over mitigation. The state of a
    /// flag tells what was taken back for other problems.
    pub blamed: &'a BTreeSet<String>,
    /// The flags that other rules set for it, with the rule.
    pub taken: &'a BTreeMap<String, String>,
    /// When the rule was followed lately.
    pub followed: &'a [Timestamp],
    /// Whether nothing may be set any more: it is only looked what was.
    pub only_look: bool,
    /// The moment.
    pub now: Timestamp,
}

/// What is written in one transaction, and what that means.
#[derive(Clone, Debug, PartialEq)]
pub struct Written<T> {
    /// What follows for each flag; where there is none, nothing is written.
    pub flags: Vec<(String, Transition)>,
    /// What it means.
    pub means: T,
}

/// Sets the flags of a rule.
pub fn set(setting: Setting<'_>, flags: &FlagSet<'_>) -> Written<Set> {
    let mut written = Vec::new();
    let means = match all(setting, flags, &mut written) {
        Ok(became) => Set::Done(became),
        Err(why) => {
            written.clear();
            Set::Refused(why)
        }
    };
    Written {
        flags: written,
        means,
    }
}

fn all(
    setting: Setting<'_>,
    set: &FlagSet<'_>,
    written: &mut Vec<(String, Transition)>,
) -> Result<BTreeMap<String, Became>, String> {
    let Setting {
        id,
        rule,
        problem,
        blamed,
        taken,
        now,
        ..
    } = setting;
    let targets = rule.action.targets(set.declarations);
    let mut became = BTreeMap::new();
    for (flag, to) in targets.map_err(|bad| bad.to_string())? {
        let Some(declared) = set.declarations.flags.get(&flag) else {
            return Err(BadWish::UnknownFlag(flag).to_string());
        };
        let untouched = FlagState::default();
        let state = set.states.get(&flag).unwrap_or(&untouched);
        let change = change_of(problem, id, &flag);
        let is_done = state.recent.iter().any(|recent| recent.change == change);
        if setting.only_look && !is_done {
            continue;
        }
        // What was set has to be given back, whatever was blamed since.
        if is_done {
            became.insert(flag, Became::Already);
            continue;
        }
        if blamed.contains(&flag) || is_blamed(state) {
            became.insert(flag, Became::Blamed);
            continue;
        }
        if let Some(by) = taken.get(&flag) {
            became.insert(flag, Became::Taken { by: by.clone() });
            continue;
        }
        let event = Event::Set {
            to,
            term: term(setting),
        };
        let request = request(id, rule.description.as_deref(), change, problem);
        let outcome = step(situation(set, declared, state, now), &request, &event);
        let one = match outcome {
            Outcome::Written(transition) => {
                let set = Became::Set {
                    before: transition.before().clone(),
                    after: transition.after().clone(),
                };
                written.push((flag.clone(), *transition));
                set
            }
            Outcome::Refused(refusal) => return Err(format!("`{flag}`: {refusal}")),
            Outcome::Unchanged | Outcome::Deferred | Outcome::NotHeld(_) | Outcome::AlreadyBack => {
                Became::Already
            }
        };
        became.insert(flag, one);
    }
    let followed = setting.followed.iter();
    let lately = followed
        .filter(|at| now < saturating_add(**at, DAY))
        .count();
    if !written.is_empty() && rule.max_per_day <= lately {
        return Err(format!(
            "the rule was followed {lately} times in 24 hours, and may be {} times",
            rule.max_per_day
        ));
    }
    Ok(became)
}

fn term(setting: Setting<'_>) -> Term {
    let Setting {
        rule, problem, now, ..
    } = setting;
    match (rule.restore, rule.ttl) {
        (Restore::OnClose, ttl) => Term::While {
            problem: problem.to_owned(),
            longest: ttl.unwrap_or(LONGEST_HOLD),
        },
        (Restore::Never, Some(ttl)) => Term::Until(saturating_add(now, ttl)),
        (Restore::Never, None) => Term::Stays,
    }
}

/// Gives back what a rule set for a problem that closed.
pub fn give_back<'a>(
    (id, problem): (&str, &str),
    names: impl IntoIterator<Item = &'a str>,
    set: &FlagSet<'_>,
    now: Timestamp,
) -> Written<BTreeMap<String, Back>> {
    let mut written = Vec::new();
    let mut means = BTreeMap::new();
    for name in names {
        let untouched = FlagState::default();
        let state = set.states.get(name).unwrap_or(&untouched);
        let Some(declared) = set.declarations.flags.get(name) else {
            means.insert(name.to_owned(), Back::Gone);
            continue;
        };
        let change = return_of(problem, name);
        let request = request(id, None, change, problem);
        let event = Event::Closed {
            problem: problem.to_owned(),
        };
        let outcome = step(situation(set, declared, state, now), &request, &event);
        let back = match outcome {
            Outcome::Written(transition) => {
                let last = transition.entries.last().map(|entry| &entry.record);
                let back = last.map_or(Back::Gone, |record| match &record.cause {
                    Cause::Released => Back::Shared,
                    Cause::Postponed => Back::Later,
                    Cause::Superseded(by) => Back::Superseded { by: by.clone() },
                    _ => Back::Given {
                        value: record.after.clone(),
                    },
                });
                written.push((name.to_owned(), *transition));
                back
            }
            Outcome::NotHeld(by) => {
                let set = change_of(problem, id, name);
                let value = state.value(declared, now);
                held_no_longer(state, problem, &set, by).unwrap_or(Back::Given { value })
            }
            Outcome::Refused(_) | Outcome::Unchanged | Outcome::Deferred | Outcome::AlreadyBack => {
                Back::Gone
            }
        };
        means.insert(name.to_owned(), back);
    }
    Written {
        flags: written,
        means,
    }
}

/// What became before of a flag that the problem holds no longer; nothing, where it
/// was given back because that closed, by whomever. `set` is the change that set it,
/// and `latest` the latest word.
fn held_no_longer(
    state: &FlagState,
    problem: &str,
    set: &str,
    latest: Option<Since>,
) -> Option<Back> {
    let newest = |is: &dyn Fn(&Recent) -> bool| {
        let recent = state.recent.iter().rev().find(|recent| is(recent));
        recent.map(|recent| recent.at)
    };
    // What is given back counts as the clock's, whoever asked for it.
    let returned = newest(&|recent| {
        recent.kind == AuthorKind::Clock && recent.problem.as_deref() == Some(problem)
    });
    let set = newest(&|recent| recent.change == set);
    let since = returned.or(set);
    match latest {
        // A word below what was set is older than that.
        Some(by) if by.by.kind == AuthorKind::Person && since.is_none_or(|since| since < by.at) => {
            Some(Back::Superseded { by })
        }
        _ if returned.is_some() => None,
        _ if is_blamed(state) => Some(Back::Blamed),
        _ if set.is_some() => Some(Back::Ended),
        _ => Some(Back::Gone),
    }
}

fn situation<'a>(
    set: &'a FlagSet<'_>,
    flag: &'a Declaration,
    state: &'a FlagState,
    now: Timestamp,
) -> Situation<'a> {
    Situation {
        set: set.name,
        flag,
        state,
        now,
    }
}

fn request(id: &str, why: Option<&str>, change: String, problem: &str) -> Request {
    Request {
        change,
        batch: None,
        by: Author {
            name: id.to_owned(),
            kind: AuthorKind::Rule,
        },
        why: why.map_or_else(|| format!("the rule `{id}`"), str::to_owned),
        triggered_by: "rule".to_owned(),
        problem: Some(problem.to_owned()),
        expected: None,
    }
}

#[cfg(test)]
mod tests;

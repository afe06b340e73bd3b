//! What is said of rules, where the tenant shows the problem.

use std::collections::BTreeMap;

use flags::Value;
use flags::step::LONGEST_HOLD;
use release::comment::{bounded, plain, sentence, time};
use release::remediation::Paused;
use release::rule::application::{Back, Became, State};
use release::rule::{Application, Rule};

/// What follows from the state of an application, if anything is said.
pub(super) fn of(application: &Application) -> Option<String> {
    let rule = plain(&application.rule);
    let text = match &application.state {
        State::Applying { .. } | State::Shadowed => return None,
        State::Holding { flags } => format!(
            "rule {rule} matches this problem: {}. What was before is given back when the \
             problem closes, after {} hours at the latest.",
            all(flags, became),
            LONGEST_HOLD.as_hours()
        ),
        State::Kept { flags } => format!(
            "rule {rule} matches this problem: {}. It is not given back when the problem closes.",
            all(flags, became)
        ),
        State::Ended { flags } => {
            format!(
                "the problem closed, and rule {rule} ends: {}.",
                all(flags, back)
            )
        }
        State::Refused { why } => format!(
            "rule {rule} matches this problem, and nothing is set: {}.",
            sentence(why)
        ),
        State::NotNeeded { why } => format!(
            "rule {rule} matches this problem, and nothing has to be set: {}.",
            sentence(why)
        ),
        State::GaveUp => format!(
            "this problem is followed no longer. What rule {rule} set for it is given back when \
             it closes, {} hours after it was set at the latest.",
            LONGEST_HOLD.as_hours()
        ),
    };
    Some(bounded(format!("Unbreakable: {text}")))
}

/// A rule that is only told.
pub(super) fn would(id: &str, rule: &Rule) -> String {
    bounded(format!(
        "Unbreakable: rule {} matches this problem and would {}; nothing is set, because the mode \
         is shadow.",
        plain(id),
        sentence(&rule.action.to_string())
    ))
}

/// A rule that waits for changes to be allowed.
pub(super) fn paused(id: &str, paused: &Paused) -> String {
    let why = match paused {
        Paused::Yes(stopped) => stopped.to_string(),
        Paused::Unknown | Paused::No => "nobody can say whether changes are paused".to_owned(),
    };
    bounded(format!(
        "Unbreakable: rule {} matches this problem, and waits. {}",
        plain(id),
        sentence(&why)
    ))
}

fn all<T>(flags: &BTreeMap<String, T>, one: fn(&T) -> String) -> String {
    let flags = flags.iter();
    let flags: Vec<String> = flags
        .map(|(flag, what)| format!("{} {}", plain(flag), one(what)))
        .collect();
    flags.join("; ")
}

fn became(became: &Became) -> String {
    match became {
        Became::Set { before, after } if before == after => {
            format!("is held at {}", value(after))
        }
        Became::Set { before, after } => {
            format!("goes from {} to {}", value(before), value(after))
        }
        Became::Already => "is set already".to_owned(),
        Became::Blamed => "is left alone, because it was blamed for a problem".to_owned(),
        Became::Taken { by } => format!("is left alone, because rule {} set it", plain(by)),
    }
}

fn back(back: &Back) -> String {
    match back {
        Back::Given { value: is } => format!("is {} again", value(is)),
        Back::Shared => "stays, because another problem holds it".to_owned(),
        Back::Later => "is given back later, because it was changed back and forth".to_owned(),
        Back::Superseded { by } => format!(
            "stays as it is, because {} changed it at {}",
            plain(&by.by.name),
            time(by.at)
        ),
        Back::Ended => "stays as it is, because the clock had given it back before".to_owned(),
        Back::Blamed => {
            "stays as it is, because it was blamed for a problem and taken back before".to_owned()
        }
        Back::Gone => "stays as it is, because the problem held it no longer".to_owned(),
    }
}

fn value(value: &Value) -> String {
    plain(&value.to_json().to_string())
}

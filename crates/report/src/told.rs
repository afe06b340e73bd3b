//! What happened to a flag, in words.

use flags::state::AuthorKind;
use flags::{Aborted, Because, Cause, Record, Value};

use crate::text::shortened;

/// The longest value that is shown whole.
const VALUE: usize = 120;

/// A value as a person reads it.
pub(crate) fn value(value: &Value) -> String {
    shortened(&value.to_string(), VALUE)
}

/// What stands behind a name, where that is no person.
pub fn kind(kind: AuthorKind) -> Option<&'static str> {
    match kind {
        AuthorKind::Person => None,
        AuthorKind::Machine => Some("a program"),
        AuthorKind::Rule => Some("a rule"),
        AuthorKind::Clock => Some("by itself"),
    }
}

/// What happened, for people.
pub fn happened(record: &Record) -> String {
    let (before, after) = (value(&record.before), value(&record.after));
    let problem = record.problem.as_deref().unwrap_or("a problem");
    let problem = shortened(problem, VALUE);
    match &record.cause {
        Cause::Changed => format!("Set from {before} to {after}"),
        Cause::Leased => format!("Set from {before} to {after} for a time"),
        Cause::Extended => format!("Stays {after} for longer"),
        Cause::Mitigated => {
            format!("Set from {before} to {after} for as long as {problem} is open")
        }
        Cause::Joined => format!("{problem} needs {after} too"),
        Cause::RampStarted => format!("Begins to move from {before} to {after}"),
        Cause::RampEnded => format!("Arrived at {after}"),
        Cause::RampStopped => format!("Stopped at {after}"),
        Cause::Confirmed => format!("{after} stays for good"),
        Cause::LeaseEnded => format!("Nobody kept it: {after} again"),
        Cause::EndedBelow => "An earlier word ended below a later one".to_owned(),
        Cause::GivenBack => format!("{problem} closed: {after} again"),
        Cause::Released => format!("{problem} closed, others still need {after}"),
        Cause::Postponed => {
            format!("{problem} closed; given back later, because the flag is flapping")
        }
        Cause::BoundReached => format!("Held for as long as it may be: {after} again"),
        Cause::Superseded(since) => format!(
            "{problem} closed; not given back, because {} set it meanwhile",
            shortened(&since.by.name, VALUE)
        ),
        Cause::TakenBack => format!("Blamed for {problem} and taken back: {after} again"),
        Cause::Unlocked => "Programs may change it again".to_owned(),
        Cause::Aborted(Aborted { wanted, because }) => {
            let wanted = shortened(wanted, VALUE);
            match because {
                Because::NotTold => {
                    format!("Not set to {wanted}, because Dynatrace did not take the event")
                }
                Because::Overtaken => {
                    format!("Not set to {wanted}, because another change came first")
                }
            }
        }
    }
}

//! Why a runbook must not be run, or need not be.

use jiff::Timestamp;

use super::{Misfit, Unfit, Unreadable};

/// Why a runbook must not be run. Displays as a sentence that says what a person
/// can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The action is not read.
    #[error("the action of the event cannot be used: {why}")]
    Action {
        /// Why.
        why: Unreadable,
    },
    /// The address is that of no listed controller or receiver.
    #[error(
        "the action names {place}, which is no listed controller or receiver; \
         nothing was sent there, list it if it is meant"
    )]
    Foreign {
        /// The origin, or the path.
        place: String,
    },
    /// The template is none of a listed runbook.
    #[error("the action names {what}, which no listed runbook is for; list one if it is meant")]
    Unlisted {
        /// What it names.
        what: String,
    },
    /// It may mean several.
    #[error(
        "the action may mean each of {what}; a whole address or the name of a runbook says which"
    )]
    Ambiguous {
        /// What it may mean.
        what: String,
    },
    /// The runbook is not for such an event.
    #[error("runbook {alias} is not for {what}; add it to its `for` if it is meant")]
    NotFor {
        /// The runbook.
        alias: String,
        /// What it is not for.
        what: String,
    },
    /// A newer change names no action.
    #[error(
        "a newer change names no action and may be the cause; taking the older one back may be \
         wrong (runbook {alias} can allow it with `older`)"
    )]
    Hidden {
        /// The runbook.
        alias: String,
    },
    /// A variable cannot be given.
    #[error("variable `{name}` of runbook {alias} {why}")]
    Variable {
        /// The runbook.
        alias: String,
        /// The variable.
        name: String,
        /// Why.
        why: Misfit,
    },
    /// The entity is no host that the runbook may be limited to.
    #[error("runbook {alias} is limited to its hosts, and {entity} is none of them")]
    Limit {
        /// The runbook.
        alias: String,
        /// What is none of its hosts.
        entity: String,
    },
    /// There is more to be told than a controller is told.
    #[error("the variables of runbook {alias} take more than 16 KiB")]
    TooLarge {
        /// The runbook.
        alias: String,
    },
    /// The template does not do what the runbook needs.
    #[error("runbook {alias} cannot be run as it is listed: {why}")]
    Template {
        /// The runbook.
        alias: String,
        /// Why.
        why: Unfit,
    },
    /// The operator has changed or removed the runbook since.
    #[error("runbook {alias} was changed or removed since this was decided")]
    Changed {
        /// The runbook.
        alias: String,
    },
    /// A person said no.
    #[error("{who} said that it shall not be run")]
    Denied {
        /// Who.
        who: String,
    },
    /// Running is switched off.
    #[error("running runbooks is switched off (HEAL_MODE=off, or the mode of the runbook)")]
    SwitchedOff,
    /// It ran a moment ago.
    #[error("{target} ran a moment ago and is left alone until {until}; a person has to look")]
    Cooldown {
        /// What is left alone.
        target: String,
        /// Until when.
        until: Timestamp,
    },
    /// It ran too often.
    #[error(
        "{target} ran {count} times within {hours} hours, which is all it may; a person has to look"
    )]
    TooOften {
        /// What ran.
        target: String,
        /// How often.
        count: u32,
        /// Within how long.
        hours: i64,
    },
    /// The controller said no.
    #[error("the controller refused the launch ({status}): {text}")]
    Rejected {
        /// The status of its answer.
        status: u16,
        /// Why.
        text: String,
    },
    /// The receiver said no.
    #[error("the receiver refused the request ({status})")]
    NotTaken {
        /// The status of its answer.
        status: u16,
    },
    /// The run in check mode did not end well.
    #[error("the run in check mode did not end well: {why}")]
    CheckFailed {
        /// Why.
        why: String,
    },
}

/// Why a runbook need not be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Needless {
    /// The problem is over.
    #[error("the problem is already closed")]
    Closed,
    /// The problem began before the change.
    #[error("the problem began before the change")]
    Older,
    /// The notification is too old to act on.
    #[error("the notification is {minutes} minutes old, too old to act on without a person")]
    Stale {
        /// Its age.
        minutes: i64,
    },
}

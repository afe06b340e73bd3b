//! What people are told of a change and of its remedy: all that differs by kind in
//! the comments on a problem, and in what explains one.

use jiff::Timestamp;

use super::{Change, FlagValue, Remedy};
use crate::comment::{plain, time};
use crate::configuration::Cause;

/// A change, with all that people tell it by.
pub fn change(change: &Change) -> String {
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

/// A configuration that somebody announced.
pub fn announced(event: &Cause) -> String {
    format!(
        "the change \"{}\" ({}, {})",
        plain(&event.title),
        plain(&event.source),
        time(event.at)
    )
}

/// A change without all that is known of it.
pub fn briefly(change: &Change) -> String {
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
pub fn taken_back(change: &Change) -> &'static str {
    match change {
        Change::Deployment(_) => "rolled back",
        Change::Flag(_) | Change::Configuration(_) => "taken back",
    }
}

/// How a person makes it again.
pub fn to_bring_back(change: &Change) -> String {
    match change {
        Change::Deployment(deployment) => format!(
            "clear it with `monspec ledger clear` and deploy version {} again",
            plain(&deployment.version)
        ),
        Change::Flag(flag) => format!("set the flag to {}", plain(&flag.after)),
        Change::Configuration(_) => "make the change again".to_owned(),
    }
}

/// What follows for one that is bad.
pub fn once_bad(change: &Change) -> &'static str {
    match change {
        Change::Deployment(_) => "and is not deployed again; a person can clear it in the ledger",
        Change::Flag(_) => "and stays taken back; a person can set the flag again",
        Change::Configuration(_) => "and stays taken back; a person can make it again",
    }
}

/// What follows for one that stays suspect.
pub fn while_suspect(change: &Change) -> &'static str {
    match change {
        Change::Deployment(_) => "; a person can clear or condemn it in the ledger",
        Change::Flag(_) => " and taken back; a person can set the flag again",
        Change::Configuration(_) => " and taken back; a person can make it again",
    }
}

/// What a person does about one that is suspect no longer and is to blame all the
/// same.
pub fn if_to_blame(change: &Change) -> &'static str {
    match change {
        Change::Deployment(_) => "condemn it in the ledger",
        Change::Flag(_) => "set the flag yourself",
        Change::Configuration(_) => "take it back yourself",
    }
}

/// What has answered it, in words that follow "and".
pub fn answered(change: &Change, by: &str) -> String {
    match change {
        Change::Deployment(_) => format!("is answered by deployment {by}"),
        Change::Flag(_) => format!("is taken back already, by change {by}"),
        Change::Configuration(_) => format!("its runbook ran for it before ({by})"),
    }
}

/// What a remedy puts in place.
pub fn version(remedy: &Remedy) -> String {
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

/// How it is put in place.
pub fn again(remedy: &Remedy) -> &'static str {
    match remedy {
        Remedy::Redeploy(_) => "deployed again",
        Remedy::Restore(_) => "set again",
    }
}

/// Since when it is in place.
pub fn back(remedy: &Remedy, at: Timestamp) -> String {
    let how = match remedy {
        Remedy::Redeploy(_) => "has been running again",
        Remedy::Restore(_) => "has been back",
    };
    format!("{} {how} since {}", version(remedy), time(at))
}

/// That it is in place of a culprit, under this id, so long after it was decided.
pub fn healed(culprit: &Change, remedy: &Remedy, id: &str, at: Timestamp, took: &str) -> String {
    match remedy {
        Remedy::Redeploy(_) => format!(
            "{} (deployment {}, {took} after the decision). The replaced deployment counts as bad \
             once this problem closes.",
            back(remedy, at),
            plain(id),
        ),
        Remedy::Restore(value) => format!(
            "{} is to blame. The flag has been {} again since {} (change {}). The change counts \
             as bad once this problem closes.",
            change(culprit),
            plain(&value.value),
            time(at),
            plain(id)
        ),
    }
}

/// What would be done, for whoever asks.
pub fn done(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Redeploy(deployment) => format!("{} is deployed again", deployment.id),
        Remedy::Restore(FlagValue { flag, value }) => format!("flag {flag} is set to {value}"),
    }
}

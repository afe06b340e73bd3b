//! What follows from what was found out about the cause of a problem.
//!
//! [`conclude`] decides; whoever calls it asks the tenant, gathers the candidates,
//! and writes. The rows of the table in [`crate::remediation`] whose names begin
//! with `cause.` are cases of the tests below, and so are those of
//! [`begin`](crate::remediation::begin).

use jiff::{SignedDuration, Timestamp};

use super::{Cause, Problem};
use crate::attribution::{Attribution, Culprit};

/// What was found out.
#[derive(Clone, Copy, Debug)]
pub enum Evidence<'a> {
    /// None of its entities is production.
    NotProduction,
    /// What the candidates come to.
    Attributed(&'a Attribution),
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Its cause has to be looked for.
    Ask,
    /// Nobody is to blame yet, and somebody may still be; this is waited for.
    NotYet(&'static str),
    /// Nothing is done.
    Nothing(Cause),
    /// These are to blame, and each gets its remediation.
    Blamed(Vec<Culprit>),
}

/// Concludes who is to blame. That there is nobody is concluded once nothing would
/// be done any more: until then tags may come, and announcements of changes that
/// were made in time. Without `evidence` nobody has looked yet; `max_age` is how old a notification may be to act on.
pub fn conclude(
    problem: &Problem,
    evidence: Option<Evidence<'_>>,
    max_age: SignedDuration,
    now: Timestamp,
) -> Conclusion {
    if problem.closed.is_some() {
        return Conclusion::Nothing(Cause::Over);
    }
    let Some(evidence) = evidence else {
        return Conclusion::Ask;
    };
    let age = now.duration_since(problem.noticed);
    let is_young = age <= max_age && now < problem.give_up_at;
    let late = |finding, waiting_for| {
        if is_young {
            Conclusion::NotYet(waiting_for)
        } else {
            Conclusion::Nothing(finding)
        }
    };
    match evidence {
        Evidence::NotProduction => late(
            Cause::NotProduction,
            "an affected entity to get the tag of production",
        ),
        Evidence::Attributed(Attribution::Nothing) => {
            late(Cause::NothingChanged, "a deployment to be announced")
        }
        Evidence::Attributed(Attribution::TooManyPlaces(culprits)) => {
            Conclusion::Nothing(Cause::TooManyPlaces {
                places: culprits.len(),
            })
        }
        Evidence::Attributed(Attribution::Ambiguous { newest, older, .. }) => {
            Conclusion::Nothing(Cause::Ambiguous {
                changes: vec![newest.change.id().to_owned(), older.change.id().to_owned()],
            })
        }
        Evidence::Attributed(Attribution::Culprits(culprits)) => {
            Conclusion::Blamed(culprits.clone())
        }
    }
}

#[cfg(test)]
mod tests;

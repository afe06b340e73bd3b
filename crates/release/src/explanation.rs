//! Why each deployment was taken for a cause, or was not.

use jiff::Timestamp;

use crate::attribution::{Announced, Attribution, Blame, attribute};

/// What became of one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighed {
    /// The candidate.
    pub announced: Announced,
    /// Whether it is to blame.
    pub blamed: bool,
    /// Why, in a sentence.
    pub why: String,
}

/// Weighs every candidate as [`attribute`] does, which has the last word.
pub fn weigh(all: &[Announced], blame: Blame<'_>) -> Vec<Weighed> {
    let earliest = blame
        .began
        .saturating_sub(blame.look_back)
        .unwrap_or(Timestamp::MIN);
    let blamed = match attribute(all, blame) {
        Attribution::Nothing => Vec::new(),
        Attribution::Culprits(culprits) | Attribution::TooManyGroups(culprits) => culprits,
    };
    let weighed = all.iter().map(|one| {
        let is_blamed = blamed
            .iter()
            .any(|culprit| culprit.group == one.group && culprit.deployment == one.deployment);
        let newer = all.iter().find(|other| {
            other.entity == one.entity && one.at < other.at && other.at <= blame.began
        });
        let why = if blame.began < one.at {
            "it came after the problem began".to_owned()
        } else if one.at < earliest {
            format!(
                "it came more than {} minutes before the problem",
                blame.look_back.as_mins()
            )
        } else if is_blamed {
            "it is the newest before the problem".to_owned()
        } else if let Some(newer) = newer {
            format!("{} came after it to the same entity", newer.deployment)
        } else if blame.root_cause.is_some_and(|root| root != one.entity) {
            "its entity is not the root cause".to_owned()
        } else {
            "a newer one in its group is to blame".to_owned()
        };
        Weighed {
            announced: one.clone(),
            blamed: is_blamed,
            why,
        }
    });
    weighed.collect()
}

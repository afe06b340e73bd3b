//! Why each change was taken for a cause, or was not.

use crate::attribution::{Attribution, Blame, Candidate, Doubt, Unfit, attribute};
use crate::precedence::{Precedence, may_precede};

/// What became of one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighed {
    /// The candidate.
    pub candidate: Candidate,
    /// Whether it is to blame.
    pub blamed: bool,
    /// Why, in a sentence.
    pub why: String,
}

/// Weighs every candidate as [`attribute`] does, which has the last word.
pub fn weigh(all: &[Candidate], blame: Blame<'_>) -> Vec<Weighed> {
    let (blamed, doubtful, doubt) = match attribute(all, blame) {
        Attribution::Nothing => (Vec::new(), Vec::new(), None),
        Attribution::Culprits(culprits) | Attribution::TooManyPlaces(culprits) => {
            (culprits, Vec::new(), None)
        }
        Attribution::Ambiguous {
            newest,
            older,
            doubt,
        } => (Vec::new(), vec![*newest, *older], Some(doubt)),
    };
    let weighed = all.iter().map(|one| {
        let is = |culprit: &crate::attribution::Culprit| {
            culprit.change.place() == one.change.place() && culprit.change.id() == one.change.id()
        };
        let is_blamed = blamed.iter().any(is);
        Weighed {
            candidate: one.clone(),
            blamed: is_blamed,
            why: why(
                one,
                all,
                blame,
                is_blamed,
                doubt.filter(|_| doubtful.iter().any(is)),
            ),
        }
    });
    weighed.collect()
}

fn why(
    one: &Candidate,
    all: &[Candidate],
    blame: Blame<'_>,
    is_blamed: bool,
    doubt: Option<Doubt>,
) -> String {
    match one.unfit(blame) {
        Some(Unfit::After) => return "it came after the problem began".to_owned(),
        Some(Unfit::LongBefore) => {
            return format!(
                "it ended more than {} minutes before the problem",
                blame.look_back.as_mins()
            );
        }
        Some(Unfit::UnfinishedHeal) => {
            return "it is a rollback that had not ended when the problem began".to_owned();
        }
        None => {}
    }
    let is_sure = may_precede(one.began, blame.began) == Precedence::Surely;
    match (doubt, is_blamed, is_sure) {
        (Some(Doubt::Places), ..) => {
            return "it was announced together with a deployment to another group, and it is \
                unknown which group is behind the entity"
                .to_owned();
        }
        (Some(Doubt::Rounding), _, true) => {
            return "it was certainly before the problem and has not passed its validation, but it \
                is not the newest"
                .to_owned();
        }
        (Some(Doubt::Rounding), _, false) => {
            return "it was in the minute in which the problem began, and an older one may be the \
                cause as well"
                .to_owned();
        }
        (_, true, true) => return "it is the newest before the problem".to_owned(),
        (_, true, false) => {
            return "it is the newest, and was in the minute in which the problem began".to_owned();
        }
        _ => {}
    }
    if let Some(why) = &one.kept {
        return format!("it would not be taken back: {why}");
    }
    let newer = all.iter().find(|other| {
        let counts = other.unfit(blame).is_none() && other.kept.is_none();
        other.entity == one.entity && one.began < other.began && counts
    });
    if let Some(newer) = newer {
        format!("{} came after it to the same entity", newer.change.id())
    } else if blame.root_cause.is_some_and(|root| root != one.entity) {
        "its entity is not the root cause".to_owned()
    } else {
        "a newer one in its group is to blame".to_owned()
    }
}

//! Which of the announced changes is answered by its action.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::precedence::{Precedence, may_precede};

/// A change as it was announced, on whichever of the problem's entities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The id of the event, which is on several entities.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// Whether it names an action: see [`super::read`].
    pub has_action: bool,
    /// Whether it announces that something was taken back, which is never a cause.
    pub is_return: bool,
}

/// Which change is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// None was made before the problem.
    Nothing,
    /// The newest, which names an action.
    Newest(&'a Candidate),
    /// The newest names no action, and an older one does. That one is answered
    /// only where its runbook says so ([`super::Older`]).
    Older {
        /// The newest.
        newest: &'a Candidate,
        /// The newest of those that name an action.
        older: &'a Candidate,
    },
    /// None of them names an action.
    NoAction(&'a Candidate),
}

/// Chooses among the changes on all entities of a problem that began at `began`.
pub fn choose(changes: &[Candidate], began: Timestamp, look_back: SignedDuration) -> Choice<'_> {
    let mut seen = BTreeSet::new();
    let mut eligible: Vec<&Candidate> = changes
        .iter()
        .filter(|change| !change.is_return)
        .filter(|change| may_precede(change.at, began) != Precedence::No)
        .filter(|change| began.duration_since(change.at) <= look_back)
        .filter(|change| seen.insert(change.id.as_str()))
        .collect();
    eligible.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
    let Some(newest) = eligible.first() else {
        return Choice::Nothing;
    };
    match eligible.iter().find(|change| change.has_action) {
        Some(change) if change == newest => Choice::Newest(newest),
        Some(older) => Choice::Older { newest, older },
        None => Choice::NoAction(newest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(id: &str, minute: i64, has_action: bool) -> Candidate {
        Candidate {
            id: id.to_owned(),
            at: at(minute),
            has_action,
            is_return: false,
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).expect("it is a time")
    }

    /// A problem of minute 2000.
    fn chosen(changes: &[Candidate]) -> String {
        match choose(changes, at(2_000), SignedDuration::from_hours(24)) {
            Choice::Nothing => "nothing".to_owned(),
            Choice::Newest(change) => change.id.clone(),
            Choice::Older { newest, older } => format!("{} hides {}", newest.id, older.id),
            Choice::NoAction(change) => format!("{} has no action", change.id),
        }
    }

    #[test]
    fn newest_over_all_entities_is_answered_in_whatever_order_they_come() {
        let (a, b, c) = (
            change("a", 1_000, true),
            change("b", 1_900, true),
            change("c", 1_500, true),
        );

        assert_eq!(chosen(&[a.clone(), b.clone(), c.clone()]), "b");
        assert_eq!(chosen(&[c, a, b.clone(), b]), "b");
        assert_eq!(chosen(&[]), "nothing");
    }

    #[test]
    fn what_is_too_old_too_late_or_a_return_is_no_cause() {
        let returned = Candidate {
            is_return: true,
            ..change("undo", 1_999, true)
        };
        let within = change("minute", 2_000, true);

        assert_eq!(
            chosen(&[
                returned,
                change("later", 2_001, true),
                change("old", 500, true)
            ]),
            "nothing"
        );
        assert_eq!(chosen(&[within]), "minute");
    }

    #[test]
    fn newest_without_an_action_hides_an_older_one_with_one() {
        let newest = change("new", 1_990, false);

        assert_eq!(
            chosen(&[change("old", 1_900, true), newest.clone()]),
            "new hides old"
        );
        assert_eq!(chosen(&[newest]), "new has no action");
    }
}

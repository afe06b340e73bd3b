//! Whether a remedy has ended its problem, whichever kind of change it has taken
//! back: the one rule for a revision that is deployed again, a flag that is set back
//! and a runbook that has run.
//!
//! | Row | The problem | Comes to |
//! |---|---|---|
//! | `closed` | closes once the remedy is in place | the change was bad, and stays taken back |
//! | `closed-before` | had closed before | nobody knows; the change stays suspect, and taken back |
//! | `merged` | closed as a part of another one, and the tenant cannot say of which | the same |
//! | `unheard` | is open as far as is known, and the tenant does not answer | it is waited for |
//! | `early` | is open for less than ten minutes | it is waited for |
//! | `still-open` | is open after that | that is said, with how the change is made again and which older one may be the cause; both are a person's to do |

use jiff::{SignedDuration, Timestamp};

use crate::change::Change;
use crate::change::words::{briefly, change, once_bad, to_bring_back, while_suspect};
use crate::comment::{bounded, plain, sentence_case, span, time};
use crate::problem::Problem;

/// How long after a remedy a problem that stays open is taken to have another cause.
const SHOULD_END_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// What is known of a problem in one look.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// Whether the tenant said in this look how it stands.
    pub heard: bool,
    /// Whether it became a part of another one, and nobody can say of which.
    pub lost: bool,
    /// Now.
    pub now: Timestamp,
}

/// What the problem says of a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It has ended the problem, which closed at this time.
    Ended(Timestamp),
    /// The problem had closed before, at this time.
    EndedBefore(Timestamp),
    /// Nobody can say.
    Unknown,
    /// It is too early to say.
    NotYet,
    /// The problem goes on.
    StillOpen,
}

/// What the problem says of a remedy that is in place since `done`.
pub fn verify(seen: Seen<'_>, done: Timestamp) -> Verified {
    match seen.problem.closed {
        Some(_) if seen.lost => Verified::Unknown,
        Some(closed) if closed < done => Verified::EndedBefore(closed),
        Some(closed) => Verified::Ended(closed),
        None if !seen.heard => Verified::NotYet,
        None if seen.now.duration_since(done) < SHOULD_END_WITHIN => Verified::NotYet,
        None => Verified::StillOpen,
    }
}

/// What is said where the problem goes on. `back` is what the remedy has done.
/// Nothing more is done without a person.
pub fn still_open(problem: &Problem, culprit: &Change, back: &str) -> String {
    let older = match &problem.next_older {
        Some(older) => format!("The next older change is {}", change(older)),
        None => "No older change is known that can be the cause".to_owned(),
    };
    bounded(format!(
        "Unbreakable: this problem is still open, although {back}. {} may not be the cause. \
         To bring it back, {}. {older}; `monspec heal explain --problem={}` weighs all of them. Neither is \
         done without a person.",
        sentence_case(&briefly(culprit)),
        to_bring_back(culprit),
        plain(&problem.id)
    ))
}

/// What is said once the problem has ended with the remedy.
pub fn ended(problem: &Problem, culprit: &Change, back: &str, closed: Timestamp) -> String {
    let took = problem.began.map_or_else(String::new, |began| {
        format!(", {} after it began", span(began, closed))
    });
    bounded(format!(
        "Unbreakable: the problem ended at {}{took}; {back}. {} counts as bad from now on {}.",
        time(closed),
        sentence_case(&change(culprit)),
        once_bad(culprit)
    ))
}

/// What is said where nobody can say whether the remedy has ended the problem.
pub fn unknown(culprit: &Change, back: &str) -> String {
    bounded(format!(
        "Unbreakable: {back}, but whether that ended the problem is unknown. {} stays suspect{}.",
        sentence_case(&change(culprit)),
        while_suspect(culprit)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Arrival;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    /// A remedy that is in place since minute 50.
    fn goes(closed: Option<i64>, heard: bool, lost: bool, now: i64) -> Verified {
        let patience = SignedDuration::from_hours(24);
        let mut problem = Problem::heard_of("P-1", Arrival::Webhook, minute(45), patience);
        problem.closed = closed.map(minute);
        let seen = Seen {
            problem: &problem,
            heard,
            lost,
            now: minute(now),
        };
        verify(seen, minute(50))
    }

    #[test]
    fn every_row_is_a_case_and_goes_as_the_table_says() {
        let cases = [
            (
                "closed",
                goes(Some(52), true, false, 53),
                Verified::Ended(minute(52)),
            ),
            (
                "closed",
                goes(Some(50), false, false, 53),
                Verified::Ended(minute(50)),
            ),
            (
                "closed-before",
                goes(Some(49), true, false, 53),
                Verified::EndedBefore(minute(49)),
            ),
            ("merged", goes(Some(52), true, true, 53), Verified::Unknown),
            ("unheard", goes(None, false, false, 80), Verified::NotYet),
            ("early", goes(None, true, false, 59), Verified::NotYet),
            (
                "still-open",
                goes(None, true, false, 60),
                Verified::StillOpen,
            ),
            (
                "still-open",
                goes(None, true, true, 60),
                Verified::StillOpen,
            ),
        ];
        for (row, is, expected) in &cases {
            assert_eq!(is, expected, "{row}");
        }
        let rows = include_str!("verify.rs").lines();
        let rows = rows.filter_map(|line| line.strip_prefix("//! | `")?.split_once('`'));
        for (row, _) in rows {
            assert!(
                cases.iter().any(|(told, ..)| *told == row),
                "no case tells {row}"
            );
        }
    }
}

//! Which open problems are entered although nobody told of them.
//!
//! | Row | The problem | Comes to |
//! |---|---|---|
//! | `early` | has been open for less than a notification may take | left alone |
//! | `late` | has been open for longer than problems are followed | left alone |
//! | `kind` | is of a kind that no release causes | left alone |
//! | `elsewhere` | is not production's | left alone |
//! | `ask` | is none of these, and nobody has looked whether it is known | looked up |
//! | `new` | is not known | entered, as urgent as if it had been told when it began |
//! | `again` | was over before anything was done | begun again |
//! | `known` | is known, or its record cannot be read | left alone |

use jiff::{SignedDuration, Timestamp};

use super::{Arrival, Problem};

/// How long a notification may take: an alerting profile may hold it back.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// The kinds of problems that a release can cause and that notifications are
/// set up for.
const SEVERITIES: [&str; 4] = ["AVAILABILITY", "ERROR", "PERFORMANCE", "CUSTOM_ALERT"];

/// An open problem, as the tenant lists it.
#[derive(Clone, Debug)]
pub struct Open {
    /// What the tenant's API calls it.
    pub id: String,
    /// What people call it; empty, if nothing.
    pub display_id: String,
    /// What is wrong; empty, if nobody says.
    pub title: String,
    /// The tenant's word for how bad it is.
    pub severity: String,
    /// When it began.
    pub began: Timestamp,
    /// Whether it carries the tag of production.
    pub is_production: bool,
}

/// Whether it is known already.
#[derive(Clone, Copy, Debug)]
pub enum Known<'a> {
    /// It is not.
    No,
    /// It is, like this.
    As(&'a Problem),
    /// It is, and cannot be read.
    Unreadable,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// Nothing.
    Leave,
    /// It has to be looked up whether it is known.
    Ask,
    /// It is entered.
    Enter,
    /// It is begun again.
    Reopen,
}

/// What becomes of an open problem. Without `known` nobody has looked it up yet;
/// `patience` is how long problems are followed.
pub fn adopt(
    open: &Open,
    known: Option<Known<'_>>,
    patience: SignedDuration,
    now: Timestamp,
) -> Adoption {
    let age = now.duration_since(open.began);
    let is_ours = GRACE <= age
        && age < patience
        && SEVERITIES.contains(&open.severity.as_str())
        && open.is_production;
    match known {
        _ if !is_ours => Adoption::Leave,
        None => Adoption::Ask,
        Some(Known::No) => Adoption::Enter,
        Some(Known::As(problem)) if problem.was_over() => Adoption::Reopen,
        Some(Known::As(_) | Known::Unreadable) => Adoption::Leave,
    }
}

impl Open {
    /// What is entered. What it asks for is as urgent as if it had been told when it
    /// began.
    pub fn entered(self, now: Timestamp, patience: SignedDuration) -> Problem {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        Problem {
            noticed: self.began,
            display_id: some(self.display_id),
            title: some(self.title),
            ..Problem::heard_of(self.id, Arrival::Adopted, now, patience)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Cause, Phase};

    const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    /// One of production that began in minute 10.
    fn open() -> Open {
        Open {
            id: "P-1".to_owned(),
            display_id: "P-22".to_owned(),
            title: String::new(),
            severity: "ERROR".to_owned(),
            began: minute(10),
            is_production: true,
        }
    }

    #[test]
    fn every_row_is_a_case_and_goes_as_the_table_says() {
        let under_way = open().entered(minute(15), PATIENCE);
        let over = Problem {
            cause: Cause::Over,
            phase: Phase::Settled,
            ..under_way.clone()
        };
        let resource = Open {
            severity: "RESOURCE_CONTENTION".to_owned(),
            ..open()
        };
        let staging = Open {
            is_production: false,
            ..open()
        };
        let at = |open: &Open, known, now| adopt(open, known, PATIENCE, minute(now));
        let (no, lost) = (Some(Known::No), Some(Known::Unreadable));
        let cases = [
            ("early", at(&open(), no, 14), Adoption::Leave),
            ("ask", at(&open(), None, 15), Adoption::Ask),
            ("new", at(&open(), no, 15), Adoption::Enter),
            ("new", at(&open(), no, 10 + 1439), Adoption::Enter),
            ("late", at(&open(), no, 10 + 1440), Adoption::Leave),
            ("kind", at(&resource, no, 15), Adoption::Leave),
            ("elsewhere", at(&staging, None, 15), Adoption::Leave),
            (
                "again",
                at(&open(), Some(Known::As(&over)), 15),
                Adoption::Reopen,
            ),
            (
                "known",
                at(&open(), Some(Known::As(&under_way)), 15),
                Adoption::Leave,
            ),
            ("known", at(&open(), lost, 15), Adoption::Leave),
        ];
        for (row, is, expected) in &cases {
            assert_eq!(is, expected, "{row}");
        }
        let rows = include_str!("adoption.rs").lines();
        for line in rows.filter_map(|line| line.strip_prefix("//! | `")) {
            let row = line.split('`').next();
            assert!(cases.iter().any(|(told, ..)| Some(*told) == row), "{row:?}");
        }
        assert_eq!(under_way.noticed, minute(10));
        assert_eq!(
            (under_way.display_id.as_deref(), under_way.title),
            (Some("P-22"), None)
        );
    }
}

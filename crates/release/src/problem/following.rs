//! Whether a problem goes on, where it may have become a part of another one.
//!
//! | Row | The problem | Comes to |
//! |---|---|---|
//! | `merged` | became a part of another one | that one is asked for; whether it is over says it alone |
//! | `merged.far` | the same, several times over | the last one that is known says it |
//! | `merged.itself` | became a part of itself | it says itself |
//! | `open` | goes on | it is open |
//! | `closed` | is over | it closed when the tenant says |
//! | `closed.undated` | is over, and the tenant does not say since when | it closed now |
//!
//! While nobody says anything of the one that is asked for, nothing is known.

use jiff::{SignedDuration, Timestamp};

use super::{Arrival, Problem};

/// How many problems are followed when one became a part of the next.
const MOST_MERGES: usize = 4;

/// How many entities of a problem are kept.
const MOST_IMPACTED: usize = 100;

/// What the tenant says of a problem itself.
#[derive(Clone, Debug)]
pub struct Told {
    /// What people call it; empty, if nothing.
    pub display_id: String,
    /// What is wrong; empty, if nobody says.
    pub title: String,
    /// When it began.
    pub began: Option<Timestamp>,
    /// The id of the entity that it comes from.
    pub root_cause: Option<String>,
    /// The ids of the entities that it is felt on; none, if nobody says.
    pub impacted: Vec<String>,
}

/// A problem, as far as its end goes.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its id.
    pub id: String,
    /// The problem that it became a part of.
    pub merged_into: Option<String>,
    /// Whether it goes on.
    pub is_open: bool,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Whether a problem goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It does.
    Open,
    /// It is over since then.
    Closed(Timestamp),
    /// The problem of this id says so.
    Ask(String),
}

/// Whether a problem goes on: the first of the chain, of which each became a part of
/// the next.
pub fn follow(chain: &[Link], now: Timestamp) -> Followed {
    let Some(last) = chain.last() else {
        return Followed::Open;
    };
    let next = last.merged_into.as_ref().filter(|next| **next != last.id);
    match next {
        Some(next) if chain.len() <= MOST_MERGES => Followed::Ask(next.clone()),
        _ if last.is_open => Followed::Open,
        _ => Followed::Closed(last.ended.unwrap_or(now)),
    }
}

impl Problem {
    /// Takes in what the tenant says of it. What it does not say stays.
    pub fn learn(&mut self, told: Told) {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        self.display_id = some(told.display_id).or(self.display_id.take());
        self.title = some(told.title).or(self.title.take());
        self.began = told.began;
        self.root_cause = told.root_cause;
        if !told.impacted.is_empty() {
            self.impacted = told.impacted;
            self.impacted.truncate(MOST_IMPACTED);
        }
    }

    /// The problem that it became a part of, as urgent as it was itself.
    #[must_use]
    pub fn survivor(&self, id: &str, now: Timestamp, patience: SignedDuration) -> Self {
        Self {
            noticed: self.noticed,
            ..Self::heard_of(id, Arrival::Adopted, now, patience)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn link(id: &str, merged_into: Option<&str>, ended: Option<i64>) -> Link {
        Link {
            id: id.to_owned(),
            merged_into: merged_into.map(str::to_owned),
            is_open: ended.is_none() && merged_into.is_none(),
            ended: ended.map(minute),
        }
    }

    #[test]
    fn every_row_is_a_case_and_goes_as_the_table_says() {
        let merged = link("P-1", Some("P-2"), Some(20));
        let undated = Link {
            is_open: false,
            ..link("P-1", None, None)
        };
        let far: Vec<Link> = (1..=5)
            .map(|number| {
                let next = format!("P-{}", number + 1);
                link(&format!("P-{number}"), Some(&next), Some(number))
            })
            .collect();
        let goes = |chain: &[Link]| follow(chain, minute(30));
        let cases = [
            ("open", goes(&[link("P-1", None, None)]), Followed::Open),
            (
                "closed",
                goes(&[link("P-1", None, Some(20))]),
                Followed::Closed(minute(20)),
            ),
            (
                "closed.undated",
                goes(&[undated]),
                Followed::Closed(minute(30)),
            ),
            (
                "merged",
                goes(std::slice::from_ref(&merged)),
                Followed::Ask("P-2".to_owned()),
            ),
            (
                "merged",
                goes(&[merged.clone(), link("P-2", None, None)]),
                Followed::Open,
            ),
            (
                "merged",
                goes(&[merged, link("P-2", None, Some(25))]),
                Followed::Closed(minute(25)),
            ),
            (
                "merged.far",
                goes(&far[..4]),
                Followed::Ask("P-5".to_owned()),
            ),
            ("merged.far", goes(&far), Followed::Closed(minute(5))),
            (
                "merged.itself",
                goes(&[link("P-1", Some("P-1"), Some(9))]),
                Followed::Closed(minute(9)),
            ),
        ];
        for (row, is, expected) in &cases {
            assert_eq!(is, expected, "{row}");
        }
        let rows = include_str!("following.rs").lines();
        for line in rows.filter_map(|line| line.strip_prefix("//! | `")) {
            let row = line.split('`').next();
            assert!(cases.iter().any(|(told, ..)| Some(*told) == row), "{row:?}");
        }
    }

    #[test]
    fn what_the_tenant_does_not_say_stays() {
        let patience = SignedDuration::from_hours(24);
        let mut problem = Problem::heard_of("P-1", Arrival::Webhook, minute(10), patience);
        let told = |display_id: &str, impacted: &[&str]| Told {
            display_id: display_id.to_owned(),
            title: String::new(),
            began: Some(minute(9)),
            root_cause: None,
            impacted: impacted.iter().map(|&id| id.to_owned()).collect(),
        };
        problem.learn(told("P-22", &["SERVICE-1"]));
        problem.learn(told("", &[]));

        assert_eq!(problem.display_id.as_deref(), Some("P-22"));
        assert_eq!(problem.impacted, ["SERVICE-1"]);
        assert_eq!(
            problem.survivor("P-2", minute(20), patience).noticed,
            minute(10)
        );
    }
}

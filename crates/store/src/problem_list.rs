//! Every problem with how far its answer is, for a list of them.

use aws_sdk_dynamodb::types::Update;
use jiff::{SignedDuration, Timestamp};
use release::problem::Problem;
use serde::{Deserialize, Serialize};

use crate::item::{self, Key};
use crate::months::{NEWEST, moment, month};
use crate::problems::expiry;
use crate::transaction::Write;
use crate::{Remediations, StoreError};

/// What the months of all problems begin with.
const PREFIX: &str = "list#";

/// How many problems are looked through for one that people call by a name.
const MOST_CALLED: usize = 1_000;

/// Longer than problems are kept.
const LONGEST: SignedDuration = SignedDuration::from_hours(183 * 24);

/// A problem as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedProblem {
    /// What the tenant's API calls it.
    pub id: String,
    /// What people call it.
    pub display_id: Option<String>,
    /// What is wrong, in a few words.
    pub title: Option<String>,
    /// When it was reported or found.
    pub noticed: Timestamp,
    /// When it ended, if that is known.
    pub closed: Option<Timestamp>,
    /// How far the answer is, in a word.
    pub state: String,
    /// Whether nothing more is done.
    pub decided: bool,
}

/// Some of all problems, those that were noticed last first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemList {
    /// The problems.
    pub problems: Vec<ListedProblem>,
    /// What the rest comes before, if there is more.
    pub older: Option<ProblemEdge>,
    /// How many of these cannot be read.
    pub unreadable: usize,
}

/// Where a part of the list ends. Displays as it is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemEdge {
    noticed: Timestamp,
    id: String,
}

impl std::fmt::Display for ProblemEdge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.noticed.as_millisecond(), self.id)
    }
}

/// A text is no edge of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the list of problems")]
pub struct NoEdge;

impl std::str::FromStr for ProblemEdge {
    type Err = NoEdge;

    fn from_str(text: &str) -> Result<Self, NoEdge> {
        let (moment, id) = text.split_once('.').ok_or(NoEdge)?;
        let noticed = moment.parse().map_err(|_| NoEdge)?;
        Ok(Self {
            noticed: Timestamp::from_millisecond(noticed).map_err(|_| NoEdge)?,
            id: id.to_owned(),
        })
    }
}

impl Remediations {
    /// The id of the problem that people call this, `P-123` for example: the one that
    /// was noticed last, among the last thousand.
    pub async fn called(
        &self,
        display_id: &str,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let list = self.listed(None, None, now, MOST_CALLED).await?;
        let mut problems = list.problems.into_iter();
        let found = problems.find(|one| one.display_id.as_deref() == Some(display_id));
        Ok(found.map(|problem| problem.id))
    }

    /// The problems that were noticed from `from` on, behind an edge, at most so
    /// many.
    pub async fn listed(
        &self,
        from: Option<Timestamp>,
        before: Option<&ProblemEdge>,
        now: Timestamp,
        most: usize,
    ) -> Result<ProblemList, StoreError> {
        let earliest = now.saturating_sub(LONGEST).unwrap_or(Timestamp::MIN);
        let from = from.map_or(earliest, |from| from.max(earliest));
        let until = before.map_or(now, |edge| edge.noticed.min(now));
        let below = before.map_or_else(|| NEWEST.to_owned(), |edge| row(edge.noticed, &edge.id));
        let action = "list problems";
        let read = self
            .table
            .newest_of_months(action, PREFIX, (from, until), &below, most);
        let mut items = read.await?;
        let more = most < items.len();
        items.truncate(most);
        let mut list = ProblemList {
            problems: Vec::new(),
            older: None,
            unreadable: 0,
        };
        for item in &items {
            match item::json::<ListedProblem>(item, "listed") {
                Ok(problem) => list.problems.push(problem),
                // One that is damaged must not hide the others.
                Err(_) => list.unreadable += 1,
            }
        }
        if more {
            let last = list.problems.last();
            list.older = last.map(|problem| ProblemEdge {
                noticed: problem.noticed,
                id: problem.id.clone(),
            });
        }
        Ok(list)
    }
}

/// The write that lists a problem as it is now, whoever listed it before.
pub(crate) fn listing(table: &str, problem: &Problem) -> Write {
    let key = Key {
        pk: format!("{PREFIX}{}", month(problem.noticed)),
        sk: row(problem.noticed, &problem.id),
    };
    let listed = ListedProblem {
        id: problem.id.clone(),
        display_id: problem.display_id.clone(),
        title: problem.title.clone(),
        noticed: problem.noticed,
        closed: problem.closed,
        state: problem.word().to_owned(),
        decided: problem.is_decided(),
    };
    Write::reread(
        Update::builder()
            .table_name(table)
            .set_key(Some(key.attributes()))
            .update_expression("SET listed = :listed, expiresAt = :expiry")
            .expression_attribute_values(":listed", item::json_attribute(&listed))
            .expression_attribute_values(":expiry", item::seconds(expiry(problem))),
    )
}

fn row(noticed: Timestamp, id: &str) -> String {
    format!("{}#{id}", moment(noticed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edge_is_read_as_it_is_written() {
        let edge = ProblemEdge {
            noticed: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
            id: "-5.V2".to_owned(),
        };
        assert_eq!(edge.to_string().parse(), Ok(edge));
        for text in ["", "1", "x.1", "99999999999999999999.1"] {
            assert_eq!(text.parse::<ProblemEdge>(), Err(NoEdge), "{text}");
        }
    }
}

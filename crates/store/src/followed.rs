//! Problems as work.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::problem::{Phase, Problem, Reported};
use release::runbook::Permission;

use crate::claim::Claimed;
use crate::due::Due;
use crate::item::{self, Item, Key};
use crate::item_update::ItemUpdate;
use crate::kind::{Actions, Kind, Record};
use crate::record;

/// A problem with what was read beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    /// What is known of it. [`crate::Remediations::advance`] writes it.
    pub problem: Problem,
    /// What was reported last.
    pub reported: Reported,
    /// What people said of its runs, by run.
    pub permissions: BTreeMap<String, Permission>,
    /// The document as it was read or last written.
    pub(crate) stored: Problem,
    /// Counts the writes of the document: a worker that does not know whether
    /// its last one arrived must not write over it.
    pub(crate) revision: u64,
    /// How many notices there were when it was claimed.
    notices: AttributeValue,
}

/// A problem that this worker owns.
pub type ClaimedProblem = Claimed<Followed>;

impl Record for Followed {
    const KIND: Kind<Self> = Kind {
        read: |item| {
            let problem = record::problem::read(item)?;
            Ok(Self {
                reported: item::plain(item, "reported")?,
                permissions: record::permission::read(item)?,
                stored: problem.clone(),
                problem,
                revision: item::number(item, "revision")?,
                notices: notices(item),
            })
        },
        counts: |followed| followed.problem.counts(),
        count: |followed, counts| followed.problem.count(counts),
        deferred: |followed| ItemUpdate::counts(followed.problem.counts()),
        settled: |followed| {
            ItemUpdate::counts(followed.problem.counts())
                .and("phase", item::word(Phase::Settled))
                .remove(&["dueShard", "dueAt"])
        },
        notices: |followed| Some(&followed.notices),
        deferred_by: "givenBackBy",
        settled_by: "givenBackBy",
        actions: Actions {
            find: "find due problems",
            claim: "claim a problem",
            defer: "defer a problem",
            settle: "settle a problem",
        },
    };
}

impl Due<Followed> {
    /// The place of the problem of this id, due at `at`.
    pub fn problem(id: &str, at: Timestamp) -> Self {
        Self::new(Key::problem(id), at)
    }

    /// What the tenant calls it.
    pub fn id(&self) -> String {
        item::problem_id(&self.key)
    }
}

fn notices(item: &Item) -> AttributeValue {
    let none = || AttributeValue::N("0".to_owned());
    item.get("notices").cloned().unwrap_or_else(none)
}

//! The right to work on one problem, and how it is given back.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use release::problem::{Phase, Problem, Reported};

use crate::change::{Change, MINE};
use crate::claim::ClaimError;
use crate::contention::giving_way;
use crate::error::unavailable;
use crate::item::{self, Item, Key};
use crate::problems::document;
use crate::{Store, StoreError, stuck};

/// A problem that this worker owns until its lease ends. Only
/// [`Store::claim_problem`] makes one, through a conditional write.
#[derive(Debug)]
pub struct ClaimedProblem {
    /// What is known of it. [`Store::advance`] writes it.
    pub problem: Problem,
    /// What was reported last.
    pub reported: Reported,
    /// The document as it was read or last written.
    pub(crate) stored: Problem,
    /// Counts the writes of the document: a worker that does not know whether
    /// its last one arrived must not write over it.
    pub(crate) revision: u64,
    pub(crate) key: Key,
    pub(crate) claim: String,
    /// How often the work on it panicked.
    pub(crate) panics: u32,
    /// How many notices there were when it was claimed.
    notices: AttributeValue,
}

impl ClaimedProblem {
    fn read(item: &Item, key: &Key, claim: &str) -> Result<Self, StoreError> {
        let problem = document(item)?;
        Ok(Self {
            reported: item::plain(item, "reported")?,
            stored: problem.clone(),
            problem,
            revision: item::number(item, "revision")?,
            key: key.clone(),
            claim: claim.to_owned(),
            panics: stuck::looks(item, stuck::PANICS),
            notices: notices(item),
        })
    }
}

impl Store {
    /// Takes a due problem until `lease_until`. `claim` names this claim and no
    /// other.
    pub async fn claim_problem(
        &self,
        id: &str,
        claim: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<ClaimedProblem, ClaimError> {
        let key = Key::problem(id);
        let place = (self.remediations.as_str(), &key);
        let item = self
            .take("claim a problem", place, claim, now, lease_until)
            .await?;
        self.claimed_problem(id, &item, claim, now).await
    }

    /// What is claimed, as it was read with its claim.
    pub(crate) async fn claimed_problem(
        &self,
        id: &str,
        item: &Item,
        claim: &str,
        now: Timestamp,
    ) -> Result<ClaimedProblem, ClaimError> {
        let key = Key::problem(id);
        match stuck::decoded(|| ClaimedProblem::read(item, &key, claim)) {
            Ok(claimed) => Ok(claimed),
            Err(why) => {
                let place = (self.remediations.as_str(), &key);
                let stuck = self.undecoded(place, claim, item, now, why).await?;
                Err(ClaimError::Stuck(Box::new(stuck)))
            }
        }
    }

    /// Gives the claim back with the counts of faults and waits; the problem is
    /// due again at `until`, or at once if something was reported meanwhile.
    pub async fn defer_problem(
        &self,
        claimed: ClaimedProblem,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let change = Change::set("dueAt", item::millis(until));
        self.give_back("defer a problem", &claimed, change, &["claim"])
            .await
    }

    /// Ends the work on a problem: it leaves the index. If something was
    /// reported meanwhile, it is due at once instead.
    pub async fn settle_problem(&self, claimed: ClaimedProblem) -> Result<(), StoreError> {
        let change = Change::set("phase", item::word(Phase::Settled));
        let gone = &["claim", "dueShard", "dueAt"];
        self.give_back("settle a problem", &claimed, change, gone)
            .await
    }

    async fn give_back(
        &self,
        action: &'static str,
        claimed: &ClaimedProblem,
        change: Change,
        remove: &'static [&'static str],
    ) -> Result<(), StoreError> {
        match self
            .released(action, claimed, change, remove, Some(&claimed.notices))
            .await?
        {
            Given::Back => Ok(()),
            Given::Reported { at } => {
                let change = Change::set("dueAt", at);
                match self
                    .released(action, claimed, change, &["claim"], None)
                    .await?
                {
                    Given::Back => Ok(()),
                    Given::Reported { .. } => Err(StoreError::Lost),
                }
            }
        }
    }

    /// Gives a claim back, as long as nothing was reported since it was taken.
    async fn released(
        &self,
        action: &'static str,
        claimed: &ClaimedProblem,
        change: Change,
        remove: &'static [&'static str],
        unless_reported: Option<&AttributeValue>,
    ) -> Result<Given, StoreError> {
        let count = |count: u32| AttributeValue::N(count.to_string());
        let change = change
            .and("faults", count(claimed.problem.faults))
            .and("waits", count(claimed.problem.waits))
            .and("givenBackBy", AttributeValue::S(claimed.claim.clone()))
            .remove(remove);
        let mut values = change.values(&claimed.claim);
        let condition = match unless_reported {
            Some(notices) => {
                values.insert(":notices".to_owned(), notices.clone());
                format!("{MINE} AND notices = :notices")
            }
            None => MINE.to_owned(),
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.remediations)
            .set_key(Some(claimed.key.attributes()))
            .update_expression(change.expression())
            .condition_expression(condition)
            .set_expression_attribute_names(Some(change.names()))
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let outcome = giving_way(|| update.clone().send()).await;
        let refused = match outcome {
            Ok(_) => return Ok(Given::Back),
            Err(error) => match error.into_service_error() {
                UpdateItemError::ConditionalCheckFailedException(refused) => refused,
                error => return Err(unavailable(action, error)),
            },
        };
        let found = refused.item.unwrap_or_default();
        let says = |attribute| item::string(&found, attribute).ok() == Some(&claimed.claim);
        if says("claim")
            && let Some(at) = found.get("reportedAt")
        {
            return Ok(Given::Reported { at: at.clone() });
        }
        // The client repeats a write whose answer was lost on the way.
        if !found.contains_key("claim") && says("givenBackBy") {
            return Ok(Given::Back);
        }
        Err(StoreError::Lost)
    }
}

/// How giving a claim back went.
enum Given {
    Back,
    /// Something was reported meanwhile; the claim is still held.
    Reported {
        /// When, as it is stored.
        at: AttributeValue,
    },
}

fn notices(item: &Item) -> AttributeValue {
    let none = || AttributeValue::N("0".to_owned());
    item.get("notices").cloned().unwrap_or_else(none)
}

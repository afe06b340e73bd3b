//! What people paused. All of it is one partition of the ledger, which everybody
//! reads who is about to change something.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use release::pause::{Pause, Target};

use crate::error::{missing, unavailable};
use crate::item::{self, Item, Key, PAUSES};
use crate::{Ledger, StoreError};

/// How many single targets are paused at once, beside everything.
pub const MOST_PAUSES: usize = 100;

/// How many items are read, which fit into one answer. What lies between this
/// and [`MOST_PAUSES`] is room for those who pause at the same moment: none of them
/// sees the others.
const READ: i32 = 400;

/// How many items are deleted at the same time.
const AT_ONCE: usize = 16;

/// What became of the wish to pause something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paused {
    /// It is paused.
    Stored {
        /// The pause in the place of which it stands, and which may have ended.
        replaced: Option<Pause>,
    },
    /// It was paused already, by this pause, which ends later and stays.
    Stays(Pause),
    /// [`MOST_PAUSES`] other targets are, or were until lately; nothing is stored.
    Full,
}

impl Ledger {
    /// Stores a pause. One of the same target that ends later stays as it is:
    /// whoever pauses wants to end nothing, and to end it there is
    /// [`Ledger::resume`].
    ///
    /// Everything can be paused always.
    pub async fn pause(&self, pause: &Pause) -> Result<Paused, StoreError> {
        if pause.target != Target::All && self.is_full_without(&pause.target).await? {
            return Ok(Paused::Full);
        }
        let mut item = Key::pause(&pause.target).attributes();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        item.extend([
            ("until".to_owned(), item::millis(pause.until)),
            ("who".to_owned(), text(&pause.who)),
            ("why".to_owned(), text(&pause.why)),
            ("expiresAt".to_owned(), item::seconds(pause.until)),
        ]);
        let put = self
            .table
            .client
            .put_item()
            .table_name(&self.table.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#until) OR #until <= :until")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":until", item::millis(pause.until))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match put.map_err(SdkError::into_service_error) {
            Ok(stored) => {
                let replaced = stored.attributes.as_ref().map(read);
                // One that cannot be read was none that could be told.
                let replaced = replaced.and_then(|read| read.ok().flatten());
                // The client repeats a write whose answer was lost.
                let replaced = replaced.filter(|replaced| replaced != pause);
                Ok(Paused::Stored { replaced })
            }
            Err(PutItemError::ConditionalCheckFailedException(failed)) => {
                let stays = failed.item().map(read).transpose()?.flatten();
                stays.map(Paused::Stays).ok_or_else(|| missing("sk"))
            }
            Err(error) => Err(unavailable("store a pause", error)),
        }
    }

    async fn is_full_without(&self, target: &Target) -> Result<bool, StoreError> {
        let items = match self.paused_items().await {
            Err(StoreError::Crowded) => return Ok(true),
            items => items?,
        };
        let without = [Target::All.to_string(), target.to_string()];
        let is_other = |item: &&Item| {
            let sk = item::string(item, "sk").unwrap_or_default();
            !without.iter().any(|target| target == sk)
        };
        Ok(MOST_PAUSES <= items.iter().filter(is_other).count())
    }

    /// Makes room: deletes the pauses that have ended, which may lie there for
    /// days.
    pub async fn forget_ended_pauses(&self, now: Timestamp) -> Result<(), StoreError> {
        let (items, _) = self.first_paused_items().await?;
        let keys: Vec<Key> = items.iter().map(Key::of).collect::<Result<_, _>>()?;
        let deletes = keys.iter().map(|key| self.forget_ended_pause(key, now));
        let deletes: Vec<_> = deletes.collect();
        stream::iter(deletes)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn forget_ended_pause(&self, key: &Key, now: Timestamp) -> Result<(), StoreError> {
        let deleted = self
            .table
            .client
            .delete_item()
            .table_name(&self.table.name)
            .set_key(Some(key.attributes()))
            // Somebody may have paused it again.
            .condition_expression("#until <= :now")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":now", item::millis(now))
            .send()
            .await;
        match deleted.map_err(SdkError::into_service_error) {
            Err(error) if !error.is_conditional_check_failed_exception() => {
                Err(unavailable("forget a pause that has ended", error))
            }
            _ => Ok(()),
        }
    }

    /// Ends the pause of a target; nothing, where there is none.
    pub async fn resume(
        &self,
        target: &Target,
        now: Timestamp,
    ) -> Result<Option<Pause>, StoreError> {
        let deleted = self
            .table
            .client
            .delete_item()
            .table_name(&self.table.name)
            .set_key(Some(Key::pause(target).attributes()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| unavailable("end a pause", error.into_service_error()))?;
        let Some(item) = deleted.attributes else {
            return Ok(None);
        };
        Ok(read(&item)?.filter(|pause| now < pause.until))
    }

    /// The pauses that hold now: all of them, or none and the reason.
    pub async fn pauses(&self, now: Timestamp) -> Result<Vec<Pause>, StoreError> {
        let items = self.paused_items().await?;
        let pauses: Vec<Option<Pause>> = items.iter().map(read).collect::<Result<_, _>>()?;
        // What has expired may lie there for days.
        let holds = |pause: &Pause| now < pause.until;
        Ok(pauses.into_iter().flatten().filter(holds).collect())
    }

    /// All that lies in the partition. What is only a part is no answer: the
    /// pause that somebody relies on may be in the rest.
    async fn paused_items(&self) -> Result<Vec<Item>, StoreError> {
        match self.first_paused_items().await? {
            (items, Rest::Nothing) => Ok(items),
            (_, Rest::Unread) => Err(StoreError::Crowded),
        }
    }

    async fn first_paused_items(&self) -> Result<(Vec<Item>, Rest), StoreError> {
        let found = self
            .table
            .query()
            .key_condition_expression("pk = :pauses")
            .expression_attribute_values(":pauses", AttributeValue::S(PAUSES.to_owned()))
            .consistent_read(true)
            .limit(READ)
            .send()
            .await
            .map_err(|error| unavailable("read what is paused", error.into_service_error()))?;
        let rest = match found.last_evaluated_key {
            None => Rest::Nothing,
            Some(_) => Rest::Unread,
        };
        Ok((found.items.unwrap_or_default(), rest))
    }
}

/// What lies behind what was read.
enum Rest {
    Nothing,
    Unread,
}

/// A pause; nothing where a newer version paused what this one cannot change.
fn read(item: &Item) -> Result<Option<Pause>, StoreError> {
    let Ok(target) = item::string(item, "sk")?.parse() else {
        return Ok(None);
    };
    Ok(Some(Pause {
        target,
        until: item::timestamp(item, "until")?,
        who: item::string(item, "who")?.to_owned(),
        why: item::string(item, "why")?.to_owned(),
    }))
}

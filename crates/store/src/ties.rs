//! Which groups are behind an entity, and which applications have a group of a
//! name.

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use release::deployment::Group;
use release::tie::Tie;

use crate::contention::giving_way;
use crate::error::unavailable;
use crate::item::{self, Item, Key};
use crate::transaction::Write;
use crate::{Ledger, StoreError, record};

/// How many groups of one entity are read, and how many applications of one
/// name.
const MOST: i32 = 50;

/// How many items are read or written at the same time.
const AT_ONCE: usize = 16;

impl Ledger {
    /// Keeps what announcements tied until `until`. An older announcement than
    /// the one that is known changes nothing.
    pub async fn tie(&self, ties: &[Tie], until: Timestamp) -> Result<(), StoreError> {
        let writes = ties.iter().map(|tie| self.tie_one(tie, until));
        let writes: Vec<_> = writes.collect();
        stream::iter(writes)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn tie_one(&self, tie: &Tie, until: Timestamp) -> Result<(), StoreError> {
        let update = || {
            self.table.update_item(&Key::tie(&tie.entity, &tie.group))
                .update_expression(
                    "SET tiedTo = :group, tiedAt = :at, mayServeSeveral = :shared, expiresAt = :until",
                )
                .condition_expression("attribute_not_exists(tiedAt) OR tiedAt <= :at")
                .expression_attribute_values(":group", record::change::group(&tie.group))
                .expression_attribute_values(":at", item::millis(tie.at))
                .expression_attribute_values(":shared", AttributeValue::Bool(tie.shared))
                .expression_attribute_values(":until", item::seconds(until))
                .send()
        };
        let Err(error) = giving_way(update).await else {
            return Ok(());
        };
        let error = error.into_service_error();
        if error.is_conditional_check_failed_exception() {
            return Ok(());
        }
        Err(unavailable("tie a group to an entity", error))
    }

    /// What announcements tied to these entities, as long as it is kept.
    pub async fn ties(&self, entities: &[&str], now: Timestamp) -> Result<Vec<Tie>, StoreError> {
        let reads = entities.iter().map(|entity| self.ties_of(entity, now));
        let reads: Vec<_> = reads.collect();
        let found: Vec<Vec<Tie>> = stream::iter(reads)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn ties_of(&self, entity: &str, now: Timestamp) -> Result<Vec<Tie>, StoreError> {
        let found = self.ledger_part(item::entity(entity)).await?;
        let ties = found.iter().map(|found| {
            let expires: i64 = item::number(found, "expiresAt")?;
            let tie = Tie {
                entity: entity.to_owned(),
                group: record::change::read_group(found, "tiedTo")?,
                at: item::timestamp(found, "tiedAt")?,
                shared: found.get("mayServeSeveral") == Some(&AttributeValue::Bool(true)),
            };
            // What has expired may lie there for days.
            Ok((now.as_second() < expires).then_some(tie))
        });
        ties.filter_map(Result::transpose).collect()
    }

    /// The applications that deployed to a group of this name.
    pub async fn applications_with(&self, group: &str) -> Result<Vec<String>, StoreError> {
        let found = self.ledger_part(item::groups_named(group)).await?;
        let names = found
            .iter()
            .map(|found| item::string(found, "application").map(str::to_owned));
        names.collect()
    }

    async fn ledger_part(&self, partition: String) -> Result<Vec<Item>, StoreError> {
        let found = self
            .table
            .query()
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", AttributeValue::S(partition))
            .consistent_read(true)
            .limit(MOST)
            .send()
            .await
            .map_err(|error| {
                unavailable("read which groups are behind", error.into_service_error())
            })?;
        Ok(found.items.unwrap_or_default())
    }

    /// The write that makes an application findable by the name of a group that
    /// it deployed to. It never expires: a name that is one application's alone
    /// must not become so because others are forgotten.
    pub(crate) fn group_write(&self, group: &Group) -> Write {
        let Group { application, .. } = group;
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(Key::named(group).attributes()))
            .update_expression("SET application = :application")
            .expression_attribute_values(":application", AttributeValue::S(application.clone()));
        Write::reread(update)
    }
}

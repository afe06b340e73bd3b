//! Registration: one transaction, so that a validation exists with everything
//! that belongs to it or not at all.

use std::fmt::Write as _;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use release::validation::{Ending, Phase, Registration, Validation, ValidationId};
use sha2::{Digest, Sha256};

use crate::error::unavailable;
use crate::item::{self, Item, Key};
use crate::packed::pack;
use crate::tables::SHARDS;
use crate::{Store, StoreError};

/// How often a registration is tried again when a neighbour's write came
/// between its read and its transaction.
const ATTEMPTS: usize = 4;

/// A monspec and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    hash: String,
    text: String,
}

impl Spec {
    /// The spec of this text.
    pub fn new(text: String) -> Self {
        let mut hash = String::new();
        for byte in Sha256::digest(text.as_bytes()) {
            write!(hash, "{byte:02x}").expect("writing to a string does not fail");
        }
        Self { hash, text }
    }

    /// The SHA-256 of the text, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The text as its author wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The validation is stored and waits.
    Waiting(ValidationId),
    /// This job had registered this validation before.
    Already(ValidationId),
}

impl Store {
    /// Stores a validation with its spec, slot, marker and deployments; an
    /// unsettled validation of the same registrant and execution is superseded.
    pub async fn register(
        &self,
        registration: &Registration,
        spec: &Spec,
        job: Option<&str>,
    ) -> Result<Registered, StoreError> {
        for _ in 0..ATTEMPTS {
            if let Some(job) = job
                && let Some(id) = self.registered_by(job).await?
            {
                return Ok(Registered::Already(id));
            }
            let predecessor = self.predecessor(registration).await?;
            let writes = self.registration_writes(registration, spec, job, predecessor.as_ref());
            let outcome = self
                .client
                .transact_write_items()
                .set_transact_items(Some(writes))
                .send()
                .await;
            match outcome {
                Ok(_) => return Ok(Registered::Waiting(registration.id)),
                Err(error) if condition_failed(&error) => {}
                Err(error) => return Err(unavailable("register a validation", error)),
            }
        }
        Err(StoreError::Lost)
    }

    /// The validation that this job registered, if it did.
    pub async fn registered_by(&self, job: &str) -> Result<Option<ValidationId>, StoreError> {
        let marker = self.get("read a job marker", &Key::job(job)).await?;
        marker.map(|item| item::plain(&item, "id")).transpose()
    }

    async fn predecessor(
        &self,
        registration: &Registration,
    ) -> Result<Option<Predecessor>, StoreError> {
        let Some(slot) = Key::slot(registration) else {
            return Ok(None);
        };
        let Some(slot) = self.get("read a slot", &slot).await? else {
            return Ok(None);
        };
        let key = Key::target(&slot)?;
        let id = item::plain(&slot, "id")?;
        let phase = match self.get("read a predecessor", &key).await? {
            Some(item) => item::plain(&item, "phase")?,
            None => Phase::Settled,
        };
        Ok(Some(Predecessor { key, id, phase }))
    }

    fn registration_writes(
        &self,
        registration: &Registration,
        spec: &Spec,
        job: Option<&str>,
        predecessor: Option<&Predecessor>,
    ) -> Vec<TransactWriteItem> {
        let key = Key::validation(registration);
        let validation = Validation::registered(registration.clone());
        let pointer = |at: &Key| {
            let mut item = at.pointing_at(&key);
            item.insert("id".to_owned(), item::word(registration.id));
            item
        };

        let shard = shard_of(registration.id);
        let mut writes = vec![
            self.put_new(item::registered(&validation, &key, shard), registration),
            self.put_new(pointer(&Key::locator(registration.id)), registration),
            self.keep_spec(spec, registration),
        ];
        if let Some(job) = job {
            writes.push(self.put_new(pointer(&Key::job(job)), registration));
        }
        if let Some(slot) = Key::slot(registration) {
            let mut item = pointer(&slot);
            if let Some(approval) = &registration.approval {
                item.insert("approval".to_owned(), item::json_attribute(approval));
            }
            writes.push(self.take_slot(item, registration, predecessor));
        }
        if let Some(predecessor) = predecessor
            && predecessor.phase != Phase::Settled
        {
            writes.push(self.supersede(predecessor, registration.id));
        }
        for deployment in &registration.deployments {
            writes.push(self.remember(deployment));
        }
        writes
    }

    fn put_new(&self, item: Item, registration: &Registration) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.validations)
            .set_item(Some(expiring(item, registration)))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .expect("table and item are given");
        TransactWriteItem::builder().put(put).build()
    }

    fn keep_spec(&self, spec: &Spec, registration: &Registration) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.validations)
            .set_key(Some(Key::spec(spec.hash()).attributes()))
            .update_expression("SET body = if_not_exists(body, :body), expiresAt = :expiry")
            .expression_attribute_values(":body", pack(spec.text()))
            .expression_attribute_values(":expiry", item::seconds(registration.expires_at))
            .build()
            .expect("table, key and expression are given");
        TransactWriteItem::builder().update(update).build()
    }

    fn take_slot(
        &self,
        item: Item,
        registration: &Registration,
        predecessor: Option<&Predecessor>,
    ) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.validations)
            .set_item(Some(expiring(item, registration)));
        let put = match predecessor {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(predecessor) => put
                .condition_expression("id = :predecessor")
                .expression_attribute_values(":predecessor", item::word(predecessor.id)),
        };
        let put = put.build().expect("table and item are given");
        TransactWriteItem::builder().put(put).build()
    }

    fn supersede(&self, predecessor: &Predecessor, by: ValidationId) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.validations)
            .set_key(Some(predecessor.key.attributes()))
            .update_expression(
                "SET phase = :settled, ending = :ending REMOVE dueShard, dueAt, claim",
            )
            .condition_expression("phase = :phase")
            .expression_attribute_values(":settled", item::word(Phase::Settled))
            .expression_attribute_values(":phase", item::word(predecessor.phase))
            .expression_attribute_values(
                ":ending",
                item::json_attribute(&Ending::Superseded { by }),
            )
            .build()
            .expect("table, key and expression are given");
        TransactWriteItem::builder().update(update).build()
    }
}

struct Predecessor {
    key: Key,
    id: ValidationId,
    phase: Phase,
}

/// Whether a transaction was cancelled because something it read has changed.
pub(crate) fn condition_failed<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return false;
    };
    cancelled.cancellation_reasons().iter().any(|reason| {
        matches!(
            reason.code(),
            Some("ConditionalCheckFailed" | "TransactionConflict")
        )
    })
}

pub(crate) fn expiring(mut item: Item, registration: &Registration) -> Item {
    item.insert(
        "expiresAt".to_owned(),
        AttributeValue::N(registration.expires_at.as_second().to_string()),
    );
    item
}

fn shard_of(id: ValidationId) -> u8 {
    let digest = Sha256::digest(id.to_string().as_bytes());
    digest[0] % SHARDS
}

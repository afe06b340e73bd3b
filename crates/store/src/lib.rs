#![doc = include_str!("../README.md")]

mod register;
mod slots;

mod answers;
mod claim;
mod due;
mod stuck;
mod unsettled;
mod validation;
mod verdict;
mod wish;

mod ledger;

mod catalogue;
mod history;

mod advance;
mod effect;
mod followed;
mod problems;

mod content;
mod entry;
mod guard;
mod heartbeat;
mod pauses;
mod ruling;
mod ties;

mod contention;
mod error;
mod item;
mod item_update;
mod packed;
mod record;
pub mod tables;
mod transaction;

pub use advance::Advanced;
pub use catalogue::{Catalogue, Catalogued, GateName};
pub use claim::{ClaimError, Claimed, Held, Kind, Record};
pub use due::Due;
pub use entry::Reading;
pub use error::StoreError;
pub use followed::{ClaimedProblem, Followed};
pub use heartbeat::Scheduled;
pub use history::{Evaluated, History, Part, Recorded, Room, Span};
pub use ledger::HISTORY;
pub use pauses::{MOST_PAUSES, Paused};
pub use problems::{Noticed, Taken};
pub use record::validation::registration_len;
pub use register::{Registered, Spec};
pub use slots::Slot;
pub use stuck::{Stuck, Why};
pub use unsettled::{Pending, Unsettled};
pub use verdict::Beside;
pub use wish::Fulfilled;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::Client;
use release::evidence::Evidence;
use release::validation::{Validation, ValidationId};
use tokio::sync::RwLock;

use crate::error::unavailable;
use crate::item::Key;

/// How many monspecs are remembered: a process meets those of a few pipelines.
const REMEMBERED: usize = 8;

/// The tables of one deployment of this product.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    validations: String,
    ledger: String,
    remediations: String,
    /// The monspecs that were read last, by their hash: they cannot change.
    specs: Arc<Mutex<VecDeque<Spec>>>,
    /// Whose turn it is where transactions of this process meet.
    turns: Arc<RwLock<()>>,
}

impl Store {
    /// A store on the tables of these names, and on the remediations under the
    /// name that the design gives them.
    pub fn new(client: Client, validations: impl Into<String>, ledger: impl Into<String>) -> Self {
        Self {
            client,
            validations: validations.into(),
            ledger: ledger.into(),
            specs: Arc::default(),
            turns: Arc::default(),
            remediations: tables::REMEDIATIONS.name.to_owned(),
        }
    }

    /// The same store with its remediations in the table of this name.
    #[must_use]
    pub fn with_remediations(self, table: impl Into<String>) -> Self {
        Self {
            remediations: table.into(),
            ..self
        }
    }

    /// The validation of this id.
    pub async fn validation(&self, id: ValidationId) -> Result<Option<Validation>, StoreError> {
        let Some(key) = self.locate(id).await? else {
            return Ok(None);
        };
        let found = self.get("read a validation", &key).await?;
        found.as_ref().map(item::validation).transpose()
    }

    /// What led to the verdict of this validation, once there is one.
    pub async fn evidence(&self, id: ValidationId) -> Result<Option<Evidence>, StoreError> {
        let Some(key) = self.locate(id).await? else {
            return Ok(None);
        };
        let found = self.get("read evidence", &key.evidence(id)).await?;
        found.as_ref().map(record::evidence::read).transpose()
    }

    /// The monspec of this hash.
    pub async fn spec(&self, hash: &str) -> Result<Option<String>, StoreError> {
        let known = self
            .specs()
            .iter()
            .find(|spec| spec.hash() == hash)
            .cloned();
        if let Some(known) = known {
            return Ok(Some(known.text().to_owned()));
        }
        let found = self.get("read a monspec", &Key::spec(hash)).await?;
        let text = found.map(|item| packed::text(&item, "body")).transpose()?;
        if let Some(text) = &text {
            let mut specs = self.specs();
            specs.push_front(Spec::new(text.clone()));
            specs.truncate(REMEMBERED);
        }
        Ok(text)
    }

    fn specs(&self) -> MutexGuard<'_, VecDeque<Spec>> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn locate(&self, id: ValidationId) -> Result<Option<Key>, StoreError> {
        let found = self.get("locate a validation", &Key::locator(id)).await?;
        found.map(|item| Key::target(&item)).transpose()
    }

    async fn get(&self, action: &'static str, key: &Key) -> Result<Option<item::Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.validations)
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(action, error.into_service_error()))?;
        Ok(found.item)
    }
}

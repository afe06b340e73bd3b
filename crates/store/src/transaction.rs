//! Writes that happen together or not at all.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::contention::Contention;
use crate::error::unavailable;
use crate::table::Table;
use crate::{Ledger, StoreError};

/// How often a transaction is tried when neighbours' writes have come between its
/// reads and its writes. From the second time on these are of other processes.
/// Those that are still under way are given way to instead.
const ATTEMPTS: u32 = 6;

/// The most writes of one transaction.
pub(crate) const MOST_WRITES: usize = 100;

/// One write of a transaction.
#[derive(Clone)]
pub(crate) struct Write {
    item: TransactWriteItem,
    refused: Refused,
}

/// What it means that the condition of a write does not hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// What the worker owned is another's now: trying again is of no use.
    Lost,
    /// What was read before has changed: reading again helps.
    Stale,
}

impl Write {
    /// A change of something the worker owns.
    pub(crate) fn owned(update: UpdateBuilder) -> Self {
        Self::update(update, Refused::Lost)
    }

    /// A change that rests on something read before.
    pub(crate) fn reread(update: UpdateBuilder) -> Self {
        Self::update(update, Refused::Stale)
    }

    /// An item that is put where something read before said so.
    pub(crate) fn put(put: PutBuilder) -> Self {
        let put = put.build().expect("table and item are given");
        Self {
            item: TransactWriteItem::builder().put(put).build(),
            refused: Refused::Stale,
        }
    }

    /// A condition on something read before that is not written.
    pub(crate) fn check(check: ConditionCheckBuilder) -> Self {
        let check = check.build().expect("table, key and condition are given");
        Self {
            item: TransactWriteItem::builder().condition_check(check).build(),
            refused: Refused::Stale,
        }
    }

    fn update(update: UpdateBuilder, refused: Refused) -> Self {
        let update = update.build().expect("table, key and expression are given");
        Self {
            item: TransactWriteItem::builder().update(update).build(),
            refused,
        }
    }
}

/// The attempts at one transaction.
///
/// First attempts go side by side. One that met a neighbour is repeated alone,
/// so that neighbours of this process never meet twice. Nobody waits for a pause
/// to end, but for a transaction of another process that is under way.
pub(crate) struct Attempts {
    client: Client,
    turns: Arc<RwLock<()>>,
    action: &'static str,
    made: u32,
    contention: Contention,
    beside: Option<OwnedRwLockReadGuard<()>>,
    alone: Option<OwnedRwLockWriteGuard<()>>,
}

/// How one attempt went.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Everything is written.
    Written,
    /// Nothing is written, because a neighbour's write came in between: read
    /// again, then try again.
    Stale,
}

impl Ledger {
    /// Begins a transaction. What it rests on is read after this.
    pub(crate) async fn attempts(&self, action: &'static str) -> Attempts {
        Attempts::begin(&self.table, &self.turns, action).await
    }
}

impl Attempts {
    /// Begins a transaction. What it rests on is read after this.
    pub(crate) async fn begin(
        table: &Table,
        turns: &Arc<RwLock<()>>,
        action: &'static str,
    ) -> Self {
        Self {
            client: table.client.clone(),
            turns: Arc::clone(turns),
            action,
            made: 0,
            contention: Contention::begin(),
            beside: Some(Arc::clone(turns).read_owned().await),
            alone: None,
        }
    }

    /// Tries to write everything. After the last attempt a neighbour in between
    /// is an error, so that a loop over this ends. More than are made together are
    /// refused before anything is sent.
    pub(crate) async fn write(&mut self, writes: Vec<Write>) -> Result<Attempt, StoreError> {
        fits(writes.len())?;
        let (items, refused): (Vec<_>, Vec<_>) = writes
            .into_iter()
            .map(|write| (write.item, write.refused))
            .unzip();
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Attempt::Written);
        };
        let error = error.into_service_error();
        let again = match cancelled(&error, &refused) {
            Some(Cancelled::Lost) => return Err(StoreError::Lost),
            Some(Cancelled::Stale) => {
                self.made += 1;
                self.made < ATTEMPTS
            }
            Some(Cancelled::Met) => self.contention.give_way().await,
            None => false,
        };
        if !again {
            return Err(unavailable(self.action, error));
        }
        if self.alone.is_none() {
            // Whoever waits to be alone must not be what the others wait for.
            drop(self.beside.take());
            self.alone = Some(Arc::clone(&self.turns).write_owned().await);
        }
        Ok(Attempt::Stale)
    }
}

/// Refuses more writes than are made together.
pub(crate) fn fits(needed: usize) -> Result<(), StoreError> {
    match needed {
        ..=MOST_WRITES => Ok(()),
        _ => Err(StoreError::TooLarge {
            needed,
            most: MOST_WRITES,
        }),
    }
}

/// What a neighbour did to a transaction.
enum Cancelled {
    /// What the worker owned is another's now.
    Lost,
    /// What was read before has changed.
    Stale,
    /// The neighbour's own write is under way.
    Met,
}

/// Why a transaction was cancelled, if a neighbour was the cause.
fn cancelled(error: &TransactWriteItemsError, refused: &[Refused]) -> Option<Cancelled> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return None;
    };
    let reasons = || cancelled.cancellation_reasons().iter().zip(refused);
    let is = |reason: &CancellationReason, code| reason.code() == Some(code);
    let failed = |reason: &CancellationReason| is(reason, "ConditionalCheckFailed");
    if reasons().any(|(reason, refused)| *refused == Refused::Lost && failed(reason)) {
        Some(Cancelled::Lost)
    } else if reasons().any(|(reason, _)| is(reason, "TransactionConflict")) {
        Some(Cancelled::Met)
    } else if reasons().any(|(reason, _)| failed(reason)) {
        Some(Cancelled::Stale)
    } else {
        None
    }
}

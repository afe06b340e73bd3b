//! One handle for each table: code that may not touch a table has no handle to it.

use std::marker::PhantomData;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use release::validation::Validation;
use tokio::sync::RwLock;

use crate::StoreError;
use crate::error::unavailable;
use crate::followed::Followed;
use crate::item::{Item, Key};
use crate::spec::Specs;

/// The table of validations.
#[derive(Clone, Debug)]
pub struct Validations {
    pub(crate) table: Table,
    queue: Queue<Validation>,
    pub(crate) specs: Specs,
}

/// The table of deployments. Every transaction writes to it or may do so.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(crate) table: Table,
    /// Whose turn it is where transactions of this process meet.
    pub(crate) turns: Arc<RwLock<()>>,
}

/// The table of problems and how they are answered.
#[derive(Clone, Debug)]
pub struct Remediations {
    pub(crate) table: Table,
    queue: Queue<Followed>,
}

/// The records of one table as work: what is due, and the claims on it.
#[derive(Clone, Debug)]
pub struct Queue<R> {
    pub(crate) table: Table,
    record: PhantomData<fn() -> R>,
}

/// A table and the client that reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
}

impl Validations {
    /// The validations in the table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = Table::new(client, table);
        Self {
            queue: Queue::of(&table),
            table,
            specs: Specs::default(),
        }
    }

    /// The validations as work.
    pub fn queue(&self) -> &Queue<Validation> {
        &self.queue
    }
}

impl Ledger {
    /// The ledger in the table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table),
            turns: Arc::default(),
        }
    }
}

impl Remediations {
    /// The problems in the table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = Table::new(client, table);
        Self {
            queue: Queue::of(&table),
            table,
        }
    }

    /// The problems as work.
    pub fn queue(&self) -> &Queue<Followed> {
        &self.queue
    }
}

impl<R> Queue<R> {
    pub(crate) fn of(table: &Table) -> Self {
        Self {
            table: table.clone(),
            record: PhantomData,
        }
    }
}

impl Table {
    pub(crate) fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
        }
    }

    /// The item at this place, as the last write left it.
    pub(crate) async fn get(
        &self,
        action: &'static str,
        key: &Key,
    ) -> Result<Option<Item>, StoreError> {
        let found = self
            .get_item(key)
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(action, error.into_service_error()))?;
        Ok(found.item)
    }

    pub(crate) fn get_item(&self, key: &Key) -> GetItemFluentBuilder {
        let get = self.client.get_item().table_name(&self.name);
        get.set_key(Some(key.attributes()))
    }

    pub(crate) fn query(&self) -> QueryFluentBuilder {
        self.client.query().table_name(&self.name)
    }

    pub(crate) fn update_item(&self, key: &Key) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.name);
        update.set_key(Some(key.attributes()))
    }
}

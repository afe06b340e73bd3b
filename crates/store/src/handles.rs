//! One handle for each table: code that may not touch a table has no handle to it.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use release::validation::Validation;
use tokio::sync::RwLock;

use crate::followed::Followed;
use crate::queue::Queue;
use crate::spec::Specs;
use crate::table::Table;

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

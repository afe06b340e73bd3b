//! The work of one table.

use std::marker::PhantomData;

use crate::table::Table;

/// The records of one table as work: what is due, and the claims on it.
#[derive(Clone, Debug)]
pub struct Queue<R> {
    pub(crate) table: Table,
    record: PhantomData<fn() -> R>,
}

impl<R> Queue<R> {
    pub(crate) fn of(table: &Table) -> Self {
        Self {
            table: table.clone(),
            record: PhantomData,
        }
    }
}

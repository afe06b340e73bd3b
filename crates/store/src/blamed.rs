//! A change of a flag that was blamed: what is known of it, and which problem
//! holds it. What it was is in the history of the flag.

use aws_sdk_dynamodb::types::Update;
use release::change::{Flag, FlagChange};
use release::ledger::Known;

use crate::item::Key;
use crate::transaction::Write;
use crate::{Ledger, StoreError, known, record};

/// A change of a flag as it was read, and as it shall be known.
pub(crate) struct Blamed {
    pub(crate) change: FlagChange,
    pub(crate) known: Known,
    /// What was known when it was read; nothing if nobody blamed it before.
    read: Option<Known>,
}

impl Blamed {
    /// What it is where nobody blamed the change before.
    pub(crate) fn first(change: &FlagChange) -> Self {
        Self {
            change: change.clone(),
            known: Known::default(),
            read: None,
        }
    }
}

impl Ledger {
    /// The problem that holds a change of a flag, if one does.
    pub async fn holder_of(&self, flag: &Flag, change: &str) -> Result<Option<String>, StoreError> {
        let found = self.item(&Key::blamed(flag, change)).await?;
        let known = found.as_ref().map(record::ledger::read).transpose()?;
        Ok(known.and_then(|known| known.bound_to))
    }

    /// What is known of a change of a flag.
    pub(crate) async fn blamed(&self, change: &FlagChange) -> Result<Blamed, StoreError> {
        let found = self.item(&Key::blamed(&change.flag, &change.id)).await?;
        let read = found.as_ref().map(record::ledger::read).transpose()?;
        Ok(Blamed {
            known: read.clone().unwrap_or_default(),
            read,
            ..Blamed::first(change)
        })
    }

    /// The write of what changed, if anything did.
    pub(crate) fn blamed_write(&self, blamed: &Blamed) -> Option<Write> {
        if blamed.read.as_ref() == Some(&blamed.known) {
            return None;
        }
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(
                Key::blamed(&blamed.change.flag, &blamed.change.id).attributes(),
            ))
            .expression_attribute_values(":blamed", record::change::flag(&blamed.change));
        let what = "blamed = :blamed";
        Some(known::write(
            update,
            what,
            &blamed.known,
            blamed.read.as_ref(),
        ))
    }
}

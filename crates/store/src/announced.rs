//! What is known of an announced configuration, which is a cause like a
//! deployment: who holds it, and what its answer has shown.

use aws_sdk_dynamodb::types::Update;
use release::ledger::{Effect, Held, Known};
use release::runbook::{Cause, Configuration};

use crate::item::Key;
use crate::transaction::Write;
use crate::{Ledger, StoreError, known, record};

/// A configuration as it was read, and as it shall be.
pub(crate) struct Announced {
    event: Cause,
    known: Known,
    read: Option<Known>,
}

impl Announced {
    pub(crate) fn is(&self, configuration: &Configuration) -> bool {
        self.event.identity() == configuration.event.identity()
    }

    pub(crate) fn apply(&mut self, problem: &str, effect: &Effect) -> Result<(), Held> {
        self.known.apply(problem, effect)
    }
}

impl Ledger {
    /// What is known of an announced configuration.
    pub async fn known_of(&self, event: &Cause) -> Result<Known, StoreError> {
        Ok(self.announced(event).await?.known)
    }

    pub(crate) async fn announced(&self, event: &Cause) -> Result<Announced, StoreError> {
        let found = self.item(&Key::announced(event)).await?;
        let read = found.as_ref().map(record::ledger::read).transpose()?;
        Ok(Announced {
            event: event.clone(),
            known: read.clone().unwrap_or_default(),
            read,
        })
    }

    pub(crate) fn announced_writes(&self, changes: &[Announced]) -> Vec<Write> {
        let changed = changes
            .iter()
            .filter(|change| change.read.as_ref() != Some(&change.known));
        let written = changed.map(|change| {
            let update = Update::builder()
                .table_name(&self.table.name)
                .set_key(Some(Key::announced(&change.event).attributes()))
                .expression_attribute_values(":event", record::configuration::event(&change.event));
            let set = "event = if_not_exists(event, :event)";
            known::write(update, set, &change.known, change.read.as_ref())
        });
        written.collect()
    }
}

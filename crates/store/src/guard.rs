//! The guard of a place: one item that only ever turns from what was read.

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use release::change::Place;
use release::remediation::Guard;

use crate::item::{self, Key};
use crate::record::change::partition;
use crate::transaction::Write;
use crate::{Ledger, StoreError, record};

impl Ledger {
    /// What keeps this place from being healed in a circle.
    pub async fn guard(&self, place: &Place) -> Result<Guard, StoreError> {
        let stored = self.stored_guard(place).await?;
        Ok(stored.map(|stored| stored.guard).unwrap_or_default())
    }

    pub(crate) async fn stored_guard(
        &self,
        place: &Place,
    ) -> Result<Option<StoredGuard>, StoreError> {
        let found = self.item(&Key::guard(partition(place))).await?;
        let Some(found) = found else { return Ok(None) };
        Ok(Some(StoredGuard {
            guard: record::guard::read(&found)?,
            text: item::string(&found, "guard")?.to_owned(),
        }))
    }

    /// The write that puts `to` where `stored` was read.
    pub(crate) fn guard_write(
        &self,
        place: &Place,
        stored: Option<&StoredGuard>,
        to: &Guard,
    ) -> Write {
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(Key::guard(partition(place)).attributes()))
            .update_expression("SET guard = :to")
            .expression_attribute_values(":to", AttributeValue::S(record::guard::text(to)));
        Write::reread(match stored {
            None => update.condition_expression("attribute_not_exists(guard)"),
            Some(stored) => update
                .condition_expression("guard = :from")
                .expression_attribute_values(":from", AttributeValue::S(stored.text.clone())),
        })
    }
}

/// A guard and the very text of it, which another version may have written in
/// other words.
pub(crate) struct StoredGuard {
    pub(crate) guard: Guard,
    text: String,
}

impl StoredGuard {
    /// How this version would have stored it; nobody stores one that says
    /// nothing.
    pub(crate) fn assumed(guard: &Guard) -> Option<Self> {
        (*guard != Guard::default()).then(|| Self {
            guard: guard.clone(),
            text: record::guard::text(guard),
        })
    }
}

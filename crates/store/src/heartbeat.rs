//! When each schedule ran last: one item that every tick overwrites. An idle
//! tick leaves nothing else behind that a person could look at.

use jiff::Timestamp;

use crate::error::unavailable;
use crate::item::{self, Key};
use crate::{Store, StoreError};

/// Who is called by a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduled {
    /// Whoever judges validations.
    Validations,
    /// Whoever answers problems.
    Problems,
}

impl Store {
    /// Writes down that a schedule runs now.
    pub async fn beat(&self, scheduled: Scheduled, now: Timestamp) -> Result<(), StoreError> {
        let written = self
            .client
            .update_item()
            .table_name(self.table_of(scheduled))
            .set_key(Some(Key::heartbeat().attributes()))
            .update_expression("SET ranAt = :now")
            .expression_attribute_values(":now", item::millis(now))
            .send()
            .await;
        written.map_err(|error| unavailable("write a heartbeat", error.into_service_error()))?;
        Ok(())
    }

    /// When a schedule ran last, if it ever did.
    pub async fn last_beat(&self, scheduled: Scheduled) -> Result<Option<Timestamp>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(self.table_of(scheduled))
            .set_key(Some(Key::heartbeat().attributes()))
            .send()
            .await
            .map_err(|error| unavailable("read a heartbeat", error.into_service_error()))?;
        let ran_at = |item: &item::Item| item::timestamp(item, "ranAt");
        found.item().map(ran_at).transpose()
    }

    fn table_of(&self, scheduled: Scheduled) -> &str {
        match scheduled {
            Scheduled::Validations => &self.validations,
            Scheduled::Problems => &self.remediations,
        }
    }
}

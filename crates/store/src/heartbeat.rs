//! When each schedule ran last: one item that every tick overwrites. An idle
//! tick leaves nothing else behind that a person could look at.

use jiff::Timestamp;

use crate::error::unavailable;
use crate::item::{self, Key};
use crate::{Queue, StoreError};

impl<R> Queue<R> {
    /// Writes down that the schedule that works on these records runs now.
    pub async fn beat(&self, now: Timestamp) -> Result<(), StoreError> {
        let written = self
            .table
            .update_item(&Key::heartbeat())
            .update_expression("SET ranAt = :now")
            .expression_attribute_values(":now", item::millis(now))
            .send()
            .await;
        written.map_err(|error| unavailable("write a heartbeat", error.into_service_error()))?;
        Ok(())
    }

    /// When the schedule ran last, if it ever did.
    pub async fn last_beat(&self) -> Result<Option<Timestamp>, StoreError> {
        let found = self
            .table
            .get_item(&Key::heartbeat())
            .send()
            .await
            .map_err(|error| unavailable("read a heartbeat", error.into_service_error()))?;
        let ran_at = |item: &item::Item| item::timestamp(item, "ranAt");
        found.item().map(ran_at).transpose()
    }
}

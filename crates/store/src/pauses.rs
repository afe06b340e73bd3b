//! What people paused. All of it is one partition of the ledger, which everybody
//! reads who is about to change something.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use release::pause::{Pause, Target};

use crate::error::unavailable;
use crate::item::{self, Item, Key, PAUSES};
use crate::{Store, StoreError};

/// How many pauses are read. The one of everything sorts first.
const MOST: i32 = 100;

impl Store {
    /// Stores a pause in the place of an earlier one of the same target.
    pub async fn pause(&self, pause: &Pause) -> Result<(), StoreError> {
        let mut item = Key::pause(&pause.target).attributes();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        item.extend([
            ("until".to_owned(), item::millis(pause.until)),
            ("who".to_owned(), text(&pause.who)),
            ("why".to_owned(), text(&pause.why)),
            ("expiresAt".to_owned(), item::seconds(pause.until)),
        ]);
        let put = self.client.put_item().table_name(&self.ledger);
        let put = put.set_item(Some(item)).send().await;
        put.map_err(|error| unavailable("store a pause", error.into_service_error()))?;
        Ok(())
    }

    /// Ends the pause of a target; nothing, where there is none.
    pub async fn resume(
        &self,
        target: &Target,
        now: Timestamp,
    ) -> Result<Option<Pause>, StoreError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.ledger)
            .set_key(Some(Key::pause(target).attributes()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| unavailable("end a pause", error.into_service_error()))?;
        let Some(item) = deleted.attributes else {
            return Ok(None);
        };
        Ok(pause(&item)?.filter(|pause| now < pause.until))
    }

    /// The pauses that hold now.
    pub async fn pauses(&self, now: Timestamp) -> Result<Vec<Pause>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.ledger)
            .key_condition_expression("pk = :pauses")
            .expression_attribute_values(":pauses", AttributeValue::S(PAUSES.to_owned()))
            .consistent_read(true)
            .limit(MOST)
            .send()
            .await
            .map_err(|error| unavailable("read what is paused", error.into_service_error()))?;
        let pauses = found.items().iter().map(pause);
        let pauses: Vec<Option<Pause>> = pauses.collect::<Result<_, _>>()?;
        // What has expired may lie there for days.
        let holds = |pause: &Pause| now < pause.until;
        Ok(pauses.into_iter().flatten().filter(holds).collect())
    }
}

/// A pause; nothing where a newer version paused what this one cannot change.
fn pause(item: &Item) -> Result<Option<Pause>, StoreError> {
    let Ok(target) = item::string(item, "sk")?.parse() else {
        return Ok(None);
    };
    Ok(Some(Pause {
        target,
        until: item::timestamp(item, "until")?,
        who: item::string(item, "who")?.to_owned(),
        why: item::string(item, "why")?.to_owned(),
    }))
}

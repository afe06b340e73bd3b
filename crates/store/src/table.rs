//! A table, as it is reached.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;

use crate::StoreError;
use crate::error::unavailable;
use crate::item::{Item, Key};

/// A table and the client that reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
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

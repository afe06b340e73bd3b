//! Keys of people, programs and browsers.

use aws_sdk_dynamodb::types::AttributeValue;
use flags::key::{self, KeyHolder, Scope, SecretHash};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record;
use crate::StoreError;
use crate::item::{self, Item};

/// A key, as an attribute.
pub(crate) fn attribute(key: &key::Key) -> AttributeValue {
    item::json_attribute(&Key::from(key.clone()))
}

/// The key that is stored.
pub(crate) fn read(item: &Item) -> Result<key::Key, StoreError> {
    item::json::<Key>(item, "key").map(Into::into)
}

#[derive(Serialize, Deserialize)]
struct Key {
    id: String,
    name: String,
    holder: KeyHolder,
    secrets: Vec<SecretHash>,
    scopes: Vec<Scope>,
    expires: Option<Timestamp>,
}

record!(Key = key::Key {
    same: id, name, holder, secrets, scopes, expires;
});

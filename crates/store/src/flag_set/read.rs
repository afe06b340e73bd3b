//! Reading a set: whether it is still the one that is known, together with who
//! asks, and all of it where it is not.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use flags::key::Key as FlagKey;

use super::{FlagSet, Flags, keys};
use crate::error::unavailable;
use crate::item::{self, Item, Key};
use crate::{StoreError, record};

/// What is known without reading a set.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// How often something of the set was written; nothing, if it is not there.
    pub revision: Option<u64>,
    /// The key that was asked for.
    pub key: Option<FlagKey>,
}

impl Look {
    pub(super) fn revision(&self) -> u64 {
        self.revision.unwrap_or(0)
    }
}

impl Flags {
    /// The revision of a set, and a key by its id: one strongly consistent read.
    pub async fn look(&self, set: &str, key: Option<&str>) -> Result<Look, StoreError> {
        let head = keys::head(set);
        let key = key.map(keys::key);
        let wanted = std::iter::once(&head).chain(&key);
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(wanted.map(Key::attributes).collect()))
            .consistent_read(true)
            .build()
            .expect("there are keys");
        let mut look = Look {
            revision: None,
            key: None,
        };
        for item in self.batch("look at a set of flags", wanted).await? {
            if item::string(&item, "sk")? == head.sk {
                look.revision = Some(item::number(&item, "revision")?);
            } else {
                look.key = Some(record::key::read(&item)?);
            }
        }
        Ok(look)
    }

    /// What of the wanted items is there; all of it or nothing.
    pub(super) async fn batch(
        &self,
        action: &'static str,
        wanted: KeysAndAttributes,
    ) -> Result<Vec<Item>, StoreError> {
        let read = self
            .client()
            .batch_get_item()
            .request_items(self.table(), wanted)
            .send()
            .await
            .map_err(|error| unavailable(action, error.into_service_error()))?;
        let left = read.unprocessed_keys.unwrap_or_default();
        if !left.is_empty() {
            return Err(unavailable(action, Throttled));
        }
        let found = read.responses.unwrap_or_default().into_values();
        Ok(found.flatten().collect())
    }

    /// The whole set; nothing, if it was never declared.
    ///
    /// A change that is written during the read may be in a part of it. Whoever
    /// keeps the set must therefore keep it under a revision that was looked at
    /// *before*, which [`FlagSet::revision`] may be ahead of.
    pub async fn set(&self, set: &str) -> Result<Option<FlagSet>, StoreError> {
        let items = self
            .partition("read a set of flags", &keys::set(set))
            .await?;
        let mut read = FlagSet::undeclared(set);
        for item in &items {
            if let Some(flag) = item::string(item, "sk")?.strip_prefix("f#") {
                read.add(flag, item)?;
            } else {
                read.revision = item::number(item, "revision")?;
                read.declarations.options = record::declaration::read_options(item)?;
                read.declarations.presets = record::declaration::read_presets(item)?;
            }
        }
        Ok((read.revision != 0).then_some(read))
    }
}

impl FlagSet {
    fn add(&mut self, name: &str, item: &Item) -> Result<(), StoreError> {
        // What was said of a flag outlives its declaration: should it come back,
        // its history goes on.
        if let Some(state) = record::flag::read(item)? {
            self.states.insert(name.to_owned(), state);
        }
        if let Some(prepared) = record::prepared::read_of_flag(item)? {
            self.prepared.insert(name.to_owned(), prepared);
        }
        if let Some(declaration) = record::declaration::read(item)? {
            let revision = item::number(item, "declaredIn")?;
            self.declared_in.insert(name.to_owned(), revision);
            self.declarations.flags.insert(name.to_owned(), declaration);
        }
        Ok(())
    }
}

/// `DynamoDB` left something unread.
#[derive(Debug, thiserror::Error)]
#[error("the table did not answer everything that was asked")]
struct Throttled;

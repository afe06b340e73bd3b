//! The table of flags: what is declared, what was said, who may, and what is
//! owed to the tenant and to the clock.

mod change;
mod entry_id;
mod history;
mod keys;
mod outbox;
mod owed;
mod prepare;
mod prepared;
mod read;
mod remark;
mod repeat;
mod rules;
mod say;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{Put, Update};
use flags::Declarations;
use flags::key::Key as FlagKey;
use flags::state::State;
use tokio::sync::RwLock;

use crate::error::unavailable;
use crate::item::{Item, Key};
use crate::queue::Queue;
use crate::table::Table;
use crate::transaction::{Attempt, Attempts, Write};
use crate::{StoreError, record};

pub use change::{Commit, Decision, Ends, Found, Written};
pub use entry_id::EntryId;
pub use history::{FlagHistory, FlagVersions};
pub use outbox::{ChangeEvent, OnlyIf, Outbox};
pub use owed::{Owed, What};
pub use prepared::{EndedAs, Prepared, PreparedChange, WantedChange};
pub use read::Look;
pub use remark::Remark;
pub use repeat::{Completion, Repeat, RepeatId};
pub use rules::StoredRule;

/// How many flags one transaction declares: it takes a hundred writes at most.
const DECLARED_AT_ONCE: usize = 90;

/// The table of flags.
#[derive(Clone, Debug)]
pub struct Flags {
    table: Table,
    /// Every record of the table that is due.
    queue: Queue<Owed>,
    /// Whose turn it is where transactions of this process meet.
    turns: Arc<RwLock<()>>,
}

/// What is known of a set of flags.
#[derive(Clone, Debug, PartialEq)]
pub struct FlagSet {
    /// The name.
    pub name: String,
    /// How often something of it was written.
    pub revision: u64,
    /// What is declared.
    pub declarations: Declarations,
    /// What was said, by flag; nothing of flags that nobody touched.
    pub states: BTreeMap<String, State>,
    /// What is written once the tenant has its event, by flag.
    prepared: BTreeMap<String, Prepared>,
    /// The revision that declared each flag.
    declared_in: BTreeMap<String, u64>,
}

/// What became of new declarations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// They hold; the revision of the set from now on.
    Stored(u64),
    /// The set was changed since it was read.
    Moved,
}

impl FlagSet {
    /// A set of which nothing was ever declared.
    fn undeclared(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            revision: 0,
            declarations: Declarations::default(),
            states: BTreeMap::new(),
            prepared: BTreeMap::new(),
            declared_in: BTreeMap::new(),
        }
    }

    /// The set as it is evaluated.
    pub fn as_set(&self) -> flags::Set<'_> {
        flags::Set {
            name: &self.name,
            revision: self.revision,
            declarations: &self.declarations,
            states: &self.states,
            stale: false,
        }
    }
}

impl Flags {
    /// The flags in the table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = Table::new(client, table);
        Self {
            queue: Queue::of(&table),
            table,
            turns: Arc::default(),
        }
    }

    /// The timers and events as work.
    pub fn queue(&self) -> &Queue<Owed> {
        &self.queue
    }

    /// Stores what a file declares, as long as the set is as it was read: nothing
    /// where there was none.
    pub async fn declare(
        &self,
        set: &str,
        declarations: &Declarations,
        read: Option<&FlagSet>,
    ) -> Result<Declared, StoreError> {
        let none = Declarations::default();
        let old = read.map_or(&none, |read| &read.declarations);
        let names = old.flags.keys().chain(declarations.flags.keys());
        let mut names: Vec<&String> = names.collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| old.flags.get(*name) != declarations.flags.get(*name));
        let mut revision = read.map_or(0, |read| read.revision);
        let mut chunks: Vec<&[&String]> = names.chunks(DECLARED_AT_ONCE).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        for chunk in chunks {
            let mut writes = vec![self.declared_head(set, declarations, revision)];
            writes.extend(chunk.iter().map(|name| {
                let declaration = declarations.flags.get(*name);
                self.declared(set, name, declaration, revision + 1)
            }));
            let mut attempts = self.attempts("declare flags").await;
            loop {
                match attempts.write(writes.clone()).await {
                    Ok(Attempt::Written) => break,
                    // What is refused once because the set moved is refused always.
                    Ok(Attempt::Stale) if self.look(set, None).await?.revision() != revision => {
                        return Ok(Declared::Moved);
                    }
                    Ok(Attempt::Stale) => {}
                    Err(error) => return Err(error),
                }
            }
            revision += 1;
        }
        Ok(Declared::Stored(revision))
    }

    fn declared_head(&self, set: &str, declarations: &Declarations, read: u64) -> Write {
        let condition = if read == 0 {
            "attribute_not_exists(pk)"
        } else {
            "revision = :read"
        };
        let mut update = Update::builder()
            .table_name(self.table())
            .set_key(Some(keys::head(set).attributes()))
            .update_expression("SET revision = :next, options = :options, presets = :presets")
            .condition_expression(condition)
            .expression_attribute_values(":next", keys::number(read + 1))
            .expression_attribute_values(
                ":options",
                record::declaration::options(declarations.options),
            )
            .expression_attribute_values(
                ":presets",
                record::declaration::presets(&declarations.presets),
            );
        if read != 0 {
            update = update.expression_attribute_values(":read", keys::number(read));
        }
        Write::reread(update)
    }

    fn declared(
        &self,
        set: &str,
        name: &str,
        flag: Option<&flags::Declaration>,
        revision: u64,
    ) -> Write {
        let update = Update::builder()
            .table_name(self.table())
            .set_key(Some(keys::flag(set, name).attributes()));
        Write::reread(match flag {
            Some(flag) => update
                .update_expression(
                    "SET declaration = :declaration, declaredIn = :revision \
                     REMOVE prepared, preparedBy",
                )
                .expression_attribute_values(":revision", keys::number(revision))
                .expression_attribute_values(":declaration", record::declaration::attribute(flag)),
            None => {
                update.update_expression("REMOVE declaration, declaredIn, prepared, preparedBy")
            }
        })
    }

    /// Stores a key, instead of what is stored of it.
    pub async fn put_key(&self, key: &FlagKey) -> Result<(), StoreError> {
        let mut item = keys::key(&key.id).attributes();
        item.insert("key".to_owned(), record::key::attribute(key));
        let put = self.client().put_item().table_name(self.table());
        let put = put.set_item(Some(item)).send().await;
        put.map_err(|error| unavailable("store a key", error.into_service_error()))?;
        Ok(())
    }

    /// Ends a key: from the next request on it is nobody's. The key as it was, if
    /// there was one.
    pub async fn revoke_key(&self, id: &str) -> Result<Option<FlagKey>, StoreError> {
        let deleted = self
            .client()
            .delete_item()
            .table_name(self.table())
            .set_key(Some(keys::key(id).attributes()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| unavailable("revoke a key", error.into_service_error()))?;
        let found = deleted.attributes;
        found.as_ref().map(record::key::read).transpose()
    }

    async fn partition(&self, action: &'static str, pk: &str) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let found = self
                .client()
                .query()
                .table_name(self.table())
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", keys::text(pk))
                .consistent_read(true)
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(SdkError::into_service_error)
                .map_err(|error| unavailable(action, error))?;
            items.extend(found.items.unwrap_or_default());
            after = found.last_evaluated_key;
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    fn put(
        &self,
        key: &Key,
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
    ) -> PutOf {
        let mut item = key.attributes();
        let attributes = attributes.into_iter();
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        Put::builder().table_name(self.table()).set_item(Some(item))
    }

    fn client(&self) -> &Client {
        &self.table.client
    }

    fn table(&self) -> &str {
        &self.table.name
    }

    async fn attempts(&self, action: &'static str) -> Attempts {
        Attempts::begin(&self.table, &self.turns, action).await
    }
}

type Attribute = aws_sdk_dynamodb::types::AttributeValue;
type PutOf = aws_sdk_dynamodb::types::builders::PutBuilder;

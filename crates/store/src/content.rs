//! What is held against contents: a revision that is bad in one group is a
//! target in none, under whatever deployment.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Update};
use release::deployment::{Deployment, Standing};

use crate::error::unavailable;
use crate::item::{self, Key};
use crate::transaction::Write;
use crate::{Ledger, StoreError};

/// How many items DynamoDB gives out at once.
const AT_ONCE: usize = 100;

/// How often DynamoDB is asked for what it did not give out at first.
const ATTEMPTS: usize = 4;

/// What changes for the contents of deployments. Each deployment speaks for
/// itself alone, so that clearing one does not clear the same content
/// elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Contents(BTreeMap<String, Turned>);

#[derive(Debug, Default)]
struct Turned {
    against: BTreeSet<String>,
    no_longer: BTreeSet<String>,
}

impl Contents {
    /// Notes that what is known of `deployment` goes from one to the other.
    pub(crate) fn turn(&mut self, deployment: &Deployment, from: Standing, to: Standing) {
        if from.is_against() == to.is_against() {
            return;
        }
        let witness = format!("{}#{}", item::history(&deployment.group), deployment.id);
        for identity in deployment.contents() {
            let turned = self.0.entry(identity).or_default();
            if to.is_against() {
                turned.against.insert(witness.clone());
            } else {
                turned.no_longer.insert(witness.clone());
            }
        }
    }

    /// One write for each content, as one item cannot be written twice in a
    /// transaction. They rest on nothing: a set is added to or taken from. Both
    /// cannot be done to one set at once, and then what speaks against it stays.
    pub(crate) fn writes(self, table: &str) -> Vec<Write> {
        let writes = self.0.into_iter().map(|(identity, turned)| {
            let update = Update::builder()
                .table_name(table)
                .set_key(Some(Key::content(&identity).attributes()))
                // A word that DynamoDB keeps to itself.
                .expression_attribute_names("#identity", "identity")
                .expression_attribute_values(":identity", AttributeValue::S(identity));
            let (action, witnesses) = if turned.against.is_empty() {
                ("DELETE", turned.no_longer)
            } else {
                ("ADD", turned.against)
            };
            let update = update.expression_attribute_values(
                ":witnesses",
                AttributeValue::Ss(witnesses.into_iter().collect()),
            );
            let expression = format!("SET #identity = :identity {action} against :witnesses");
            Write::reread(update.update_expression(expression))
        });
        writes.collect()
    }
}

impl Ledger {
    /// Those of these contents that are suspect or bad in any group.
    pub async fn bad_contents(
        &self,
        identities: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let asked: Vec<&String> = identities.iter().collect();
        let mut bad = BTreeSet::new();
        for some in asked.chunks(AT_ONCE) {
            let keys = some
                .iter()
                .map(|identity| Key::content(identity).attributes());
            let mut wanted = KeysAndAttributes::builder()
                .set_keys(Some(keys.collect()))
                .consistent_read(true)
                .build()
                .expect("keys are given");
            for attempt in 1.. {
                let found = self
                    .table
                    .client
                    .batch_get_item()
                    .request_items(&self.table.name, wanted)
                    .send()
                    .await
                    .map_err(|error| {
                        unavailable("read bad contents", error.into_service_error())
                    })?;
                let items = found.responses.unwrap_or_default();
                for content in items.get(&self.table.name).into_iter().flatten() {
                    if content.contains_key("against") {
                        bad.insert(item::string(content, "identity")?.to_owned());
                    }
                }
                let mut left = found.unprocessed_keys.unwrap_or_default();
                match left.remove(&self.table.name) {
                    None => break,
                    Some(_) if attempt == ATTEMPTS => {
                        return Err(StoreError::Unavailable {
                            action: "read bad contents",
                            cause: "DynamoDB does not give out all of them".into(),
                        });
                    }
                    Some(left) => wanted = left,
                }
            }
        }
        Ok(bad)
    }
}

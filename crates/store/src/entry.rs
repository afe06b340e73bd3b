//! One deployment in the ledger: found by its id, and changed only from what
//! was read.

use aws_sdk_dynamodb::types::{AttributeValue, Put, Update};
use release::deployment::{Deployment, Group, LedgerEntry, Standing};

use crate::content::Contents;
use crate::error::unavailable;
use crate::item::{self, Item, Key};
use crate::transaction::Write;
use crate::{Store, StoreError};

/// Who said what is known of a deployment that was only entered.
pub(crate) const NOBODY: &str = "nobody yet";

/// A deployment as it was read, and as it shall be.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// What was deployed. One that is known keeps what it was entered with.
    pub(crate) deployment: Deployment,
    /// What shall be known of it.
    pub(crate) known: Known,
    /// What was known when it was read; nothing if it has to be entered.
    read: Option<Known>,
    key: Key,
    located: bool,
    redescribed: bool,
}

/// What is known of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) standing: Standing,
    /// Who or what said so.
    pub(crate) by: String,
    /// The problem that answers for it.
    pub(crate) bound_to: Option<String>,
}

impl Entry {
    /// Whether it is about this deployment.
    pub(crate) fn is(&self, deployment: &Deployment) -> bool {
        self.deployment.id == deployment.id && self.deployment.group == deployment.group
    }

    /// Whether it has to be written.
    pub(crate) fn is_changed(&self) -> bool {
        self.redescribed || self.read.as_ref() != Some(&self.known)
    }

    /// Says what it is in other words than those it was entered with. When it
    /// reached the group is a part of its key and stays.
    pub(crate) fn redescribe(&mut self, deployment: &Deployment) {
        let deployment = Deployment {
            at: self.deployment.at,
            ..deployment.clone()
        };
        self.redescribed |= self.deployment != deployment;
        self.deployment = deployment;
    }

    /// As everybody outside sees it.
    pub(crate) fn outward(self) -> LedgerEntry {
        LedgerEntry {
            deployment: self.deployment,
            standing: self.known.standing,
            taught_by: self.known.by,
            bound_to: self.known.bound_to,
        }
    }
}

impl Store {
    /// What the ledger knows of one deployment of a group.
    pub async fn ledger_entry(
        &self,
        group: &Group,
        deployment: &str,
    ) -> Result<Option<LedgerEntry>, StoreError> {
        let locator = Key::deployment_locator(group, deployment);
        let Some(locator) = self.ledger_item(&locator).await? else {
            return Ok(None);
        };
        let found = self.ledger_item(&Key::target(&locator)?).await?;
        found.as_ref().map(outward).transpose()
    }

    /// A deployment as the ledger has it, or as it will be entered.
    ///
    /// Those who enter deployments do not all see them begin at the same time.
    /// The first time stays, and the id leads to it.
    pub(crate) async fn entry(&self, deployment: &Deployment) -> Result<Entry, StoreError> {
        let key = Key::deployment(&deployment.group, deployment.at, &deployment.id);
        let locator = Key::deployment_locator(&deployment.group, &deployment.id);
        let (locator, here) = tokio::try_join!(self.ledger_item(&locator), self.ledger_item(&key))?;
        let located = locator.is_some();
        let (key, found) = match locator.as_ref().map(Key::target).transpose()? {
            Some(target) if target != key => {
                let found = self.ledger_item(&target).await?;
                (target, found)
            }
            _ => (key, here),
        };
        let read = found.as_ref().map(known).transpose()?;
        Ok(Entry {
            deployment: match &found {
                Some(found) => item::json(found, "deployment")?,
                None => deployment.clone(),
            },
            known: read.clone().unwrap_or(Known {
                standing: Standing::Unknown,
                by: NOBODY.to_owned(),
                bound_to: None,
            }),
            read,
            key,
            located,
            redescribed: false,
        })
    }

    /// Everything that has to be written for what changed: the deployments, the
    /// way to those that are new, and what is held against their contents.
    pub(crate) fn entry_writes(&self, entries: &[Entry]) -> Vec<Write> {
        let mut contents = Contents::default();
        let mut writes = Vec::new();
        for entry in entries.iter().filter(|entry| entry.is_changed()) {
            writes.push(self.entry_write(entry));
            if !entry.located {
                writes.push(self.locator_write(entry));
            }
            let before = entry.read.as_ref().map(|known| known.standing);
            contents.turn(
                &entry.deployment,
                before.unwrap_or_default(),
                entry.known.standing,
            );
        }
        writes.extend(contents.writes(&self.ledger));
        writes
    }

    fn entry_write(&self, entry: &Entry) -> Write {
        let Known {
            standing,
            by,
            bound_to,
        } = &entry.known;
        let deployment = if entry.redescribed {
            ":deployment"
        } else {
            "if_not_exists(deployment, :deployment)"
        };
        let (bind, unbind) = match bound_to {
            Some(_) => (", boundTo = :boundTo", ""),
            None => ("", " REMOVE boundTo"),
        };
        let expression = format!(
            "SET deployment = {deployment}, standing = :standing, taughtBy = :by{bind}{unbind}"
        );
        let mut update = Update::builder()
            .table_name(&self.ledger)
            .set_key(Some(entry.key.attributes()))
            .update_expression(expression)
            .expression_attribute_values(":deployment", item::json_attribute(&entry.deployment))
            .expression_attribute_values(":standing", item::word(*standing))
            .expression_attribute_values(":by", AttributeValue::S(by.clone()));
        if let Some(problem) = bound_to {
            let problem = AttributeValue::S(problem.clone());
            update = update.expression_attribute_values(":boundTo", problem);
        }
        let Some(read) = &entry.read else {
            return Write::reread(update.condition_expression("attribute_not_exists(standing)"));
        };
        let bound = match &read.bound_to {
            Some(_) => "boundTo = :wasBoundTo",
            None => "attribute_not_exists(boundTo)",
        };
        if let Some(problem) = &read.bound_to {
            let problem = AttributeValue::S(problem.clone());
            update = update.expression_attribute_values(":wasBoundTo", problem);
        }
        Write::reread(
            update
                .condition_expression(format!("standing = :was AND taughtBy = :wasBy AND {bound}"))
                .expression_attribute_values(":was", item::word(read.standing))
                .expression_attribute_values(":wasBy", AttributeValue::S(read.by.clone())),
        )
    }

    fn locator_write(&self, entry: &Entry) -> Write {
        let Deployment { group, id, .. } = &entry.deployment;
        let locator = Key::deployment_locator(group, id);
        Write::put(
            Put::builder()
                .table_name(&self.ledger)
                .set_item(Some(locator.pointing_at(&entry.key)))
                .condition_expression("attribute_not_exists(pk)"),
        )
    }

    pub(crate) async fn ledger_item(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.ledger)
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable("read the ledger", error.into_service_error()))?;
        Ok(found.item)
    }
}

/// The item of a deployment.
pub(crate) fn outward(found: &Item) -> Result<LedgerEntry, StoreError> {
    let known = known(found)?;
    Ok(LedgerEntry {
        deployment: item::json(found, "deployment")?,
        standing: known.standing,
        taught_by: known.by,
        bound_to: known.bound_to,
    })
}

fn known(found: &Item) -> Result<Known, StoreError> {
    Ok(Known {
        standing: item::plain(found, "standing")?,
        by: item::string(found, "taughtBy")?.to_owned(),
        bound_to: found
            .contains_key("boundTo")
            .then(|| item::string(found, "boundTo").map(str::to_owned))
            .transpose()?,
    })
}

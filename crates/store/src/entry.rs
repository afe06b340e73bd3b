//! One deployment in the ledger: found by its id, and changed only from what
//! was read.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Put, Update};
use futures_util::future::try_join_all;
use release::deployment::{Deployment, Group, LedgerEntry, Standing};
use release::ledger::Known;

use crate::content::Contents;
use crate::item::{Item, Key};
use crate::transaction::Write;
use crate::{Ledger, StoreError, known, record};

/// A deployment as it was read, and as it shall be.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// What was deployed. One that is known keeps what it was entered with,
    /// until somebody knows more.
    pub(crate) deployment: Deployment,
    /// What shall be known of it.
    pub(crate) known: Known,
    /// What was known when it was read; nothing if it has to be entered.
    read: Option<Known>,
    key: Key,
    located: bool,
    /// What it was entered as, where somebody knows more by now.
    entered_as: Option<Deployment>,
}

impl Entry {
    /// Whether it is about this deployment.
    pub(crate) fn is(&self, deployment: &Deployment) -> bool {
        self.deployment.id == deployment.id && self.deployment.group == deployment.group
    }

    /// Whether it has to be written.
    pub(crate) fn is_changed(&self) -> bool {
        self.entered_as.is_some() || self.read.as_ref() != Some(&self.known)
    }

    /// Takes the word of somebody who knows more.
    pub(crate) fn learn_what_it_is(&mut self, deployment: &Deployment) {
        if let Some(better) = self.deployment.enriched_with(deployment) {
            let entered_as = std::mem::replace(&mut self.deployment, better);
            // What is stored is what it was entered as; what is new is not.
            if self.read.is_some() {
                self.entered_as.get_or_insert(entered_as);
            }
        }
    }

    /// As everybody outside sees it.
    pub(crate) fn outward(self) -> LedgerEntry {
        LedgerEntry {
            deployment: self.deployment,
            standing: self.known.said.standing,
            taught_by: self.known.said.by,
            bound_to: self.known.bound_to,
        }
    }
}

/// A deployment as the ledger had it, or that it was not there; a write may rest
/// on this.
#[derive(Clone, Debug)]
pub struct Reading(Entry);

impl Reading {
    pub(crate) fn read(found: &Item) -> Result<Self, StoreError> {
        let known = record::ledger::read(found)?;
        Ok(Self(Entry {
            deployment: record::change::deployed(found)?,
            known: known.clone(),
            read: Some(known),
            key: Key::of(found)?,
            // Whoever enters a deployment writes the way to it as well.
            located: true,
            entered_as: None,
        }))
    }

    /// What it is where the ledger was read and does not know the deployment.
    pub fn of_unknown(deployment: Deployment) -> Self {
        Self(Entry {
            key: Key::deployment(&deployment.group, deployment.at, &deployment.id),
            deployment,
            known: Known::default(),
            read: None,
            located: false,
            entered_as: None,
        })
    }

    /// The id of the deployment.
    pub fn id(&self) -> &str {
        &self.0.deployment.id
    }

    /// What it says.
    pub fn entry(&self) -> LedgerEntry {
        self.0.clone().outward()
    }

    pub(crate) fn is(&self, deployment: &Deployment) -> bool {
        self.0.is(deployment)
    }

    /// As a write begins with it that knows this of the deployment.
    pub(crate) fn of(&self, deployment: &Deployment) -> Entry {
        let mut entry = self.0.clone();
        entry.learn_what_it_is(deployment);
        entry
    }
}

impl Ledger {
    /// What the ledger knows of one deployment of a group.
    pub async fn entry(
        &self,
        group: &Group,
        deployment: &str,
    ) -> Result<Option<LedgerEntry>, StoreError> {
        let locator = Key::deployment_locator(group, deployment);
        let Some(locator) = self.item(&locator).await? else {
            return Ok(None);
        };
        let found = self.item(&Key::target(&locator)?).await?;
        found.as_ref().map(outward).transpose()
    }

    /// Each of these deployments as the ledger has it, or as it will be entered.
    pub(crate) async fn entries(
        &self,
        deployments: &[Deployment],
    ) -> Result<Vec<Entry>, StoreError> {
        let mut each: Vec<&Deployment> = Vec::new();
        for deployment in deployments {
            let is_same =
                |other: &&Deployment| other.id == deployment.id && other.group == deployment.group;
            if !each.iter().any(is_same) {
                each.push(deployment);
            }
        }
        try_join_all(each.into_iter().map(|deployment| self.entry_of(deployment))).await
    }

    /// A deployment as the ledger has it, or as it will be entered.
    ///
    /// Those who enter deployments do not all see them begin at the same time.
    /// The first time stays, and the id leads to it.
    pub(crate) async fn entry_of(&self, deployment: &Deployment) -> Result<Entry, StoreError> {
        let key = Key::deployment(&deployment.group, deployment.at, &deployment.id);
        let locator = Key::deployment_locator(&deployment.group, &deployment.id);
        let (locator, here) = tokio::try_join!(self.item(&locator), self.item(&key))?;
        let located = locator.is_some();
        let (key, found) = match locator.as_ref().map(Key::target).transpose()? {
            Some(target) if target != key => {
                let found = self.item(&target).await?;
                (target, found)
            }
            _ => (key, here),
        };
        let read = found.as_ref().map(record::ledger::read).transpose()?;
        let mut entry = Entry {
            deployment: match &found {
                Some(found) => record::change::deployed(found)?,
                None => deployment.clone(),
            },
            known: read.clone().unwrap_or_default(),
            read,
            key,
            located,
            entered_as: None,
        };
        entry.learn_what_it_is(deployment);
        Ok(entry)
    }

    /// Everything that has to be written for what changed: the deployments, the
    /// way to those that are new, and what is held against their contents.
    pub(crate) fn entry_writes(&self, entries: &[Entry]) -> Vec<Write> {
        let mut contents = Contents::default();
        let mut groups: BTreeSet<&Group> = BTreeSet::new();
        let mut writes = Vec::new();
        for entry in entries.iter().filter(|entry| entry.is_changed()) {
            writes.push(self.entry_write(entry));
            if !entry.located {
                writes.push(self.locator_write(entry));
                groups.insert(&entry.deployment.group);
            }
            let read = entry.read.as_ref().map(|known| known.said.standing);
            let (before, after) = (read.unwrap_or_default(), entry.known.said.standing);
            match &entry.entered_as {
                Some(other) => {
                    contents.turn(other, before, Standing::Unknown);
                    contents.turn(&entry.deployment, Standing::Unknown, after);
                }
                None => contents.turn(&entry.deployment, before, after),
            }
        }
        writes.extend(groups.into_iter().map(|group| self.group_write(group)));
        writes.extend(contents.writes(&self.table.name));
        writes
    }

    fn entry_write(&self, entry: &Entry) -> Write {
        let deployment = if entry.entered_as.is_some() {
            "deployment = :deployment"
        } else {
            "deployment = if_not_exists(deployment, :deployment)"
        };
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(entry.key.attributes()))
            .expression_attribute_values(
                ":deployment",
                record::change::deployment(&entry.deployment),
            );
        known::write(update, deployment, &entry.known, entry.read.as_ref())
    }

    fn locator_write(&self, entry: &Entry) -> Write {
        let Deployment { group, id, .. } = &entry.deployment;
        let locator = Key::deployment_locator(group, id);
        Write::put(
            Put::builder()
                .table_name(&self.table.name)
                .set_item(Some(locator.pointing_at(&entry.key)))
                .condition_expression("attribute_not_exists(pk)"),
        )
    }

    pub(crate) async fn item(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.table.get("read the ledger", key).await
    }
}

/// The item of a deployment.
pub(crate) fn outward(found: &Item) -> Result<LedgerEntry, StoreError> {
    let known = record::ledger::read(found)?;
    Ok(LedgerEntry {
        deployment: record::change::deployed(found)?,
        standing: known.said.standing,
        taught_by: known.said.by,
        bound_to: known.bound_to,
    })
}

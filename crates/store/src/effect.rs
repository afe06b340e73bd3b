//! What a step of an answer does to the ledger.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck};
use release::change::{Change, Remedy};
use release::deployment::{Deployment, Standing};
use release::ledger::Effect;
use release::remediation::Guard;

use crate::announced::Announced;
use crate::blamed::Blamed;
use crate::entry::{self, Entry, Reading};
use crate::guard::StoredGuard;
use crate::item::{self, Key};
use crate::transaction::Write;
use crate::{Ledger, StoreError};

/// Whether what the writer holds in hand is still so.
pub(crate) enum Planned {
    Writes(Vec<Write>),
    Stale,
}

impl Ledger {
    /// The problem that holds a change, if one does.
    pub async fn holder(&self, change: &Change) -> Result<Option<String>, StoreError> {
        match change {
            Change::Deployment(Deployment { group, id, .. }) => {
                let entry = self.entry(group, id).await?;
                Ok(entry.and_then(|entry| entry.bound_to))
            }
            Change::Flag(change) => self.holder_of(&change.flag, &change.id).await,
            Change::Configuration(configuration) => {
                Ok(self.known_of(&configuration.event).await?.bound_to)
            }
        }
    }

    /// The writes of these effects of `problem`, on what the ledger knows now.
    /// The first time a guard is taken to be what the caller has read, and so are
    /// the deployments in `readings`.
    pub(crate) async fn planned(
        &self,
        problem: &str,
        effects: &[Effect],
        readings: &[Reading],
        again: bool,
    ) -> Result<Planned, StoreError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut flags: Vec<Blamed> = Vec::new();
        let mut announced: Vec<Announced> = Vec::new();
        let mut writes = Vec::new();
        for effect in effects {
            let change = match effect {
                Effect::Guard { place, from, to } => {
                    let stored = if again {
                        self.stored_guard(place).await?
                    } else {
                        StoredGuard::assumed(from)
                    };
                    if stored
                        .as_ref()
                        .map_or(&Guard::default(), |stored| &stored.guard)
                        != from
                    {
                        return Ok(Planned::Stale);
                    }
                    writes.push(self.guard_write(place, stored.as_ref(), to));
                    continue;
                }
                Effect::Trust { remedy } => {
                    let target = match remedy {
                        Remedy::Redeploy(target) => target,
                        // What a flag was is taken as it is when it is restored.
                        Remedy::Restore(_) => continue,
                    };
                    // The caller has just chosen it; the conditions say whether
                    // anything has changed since.
                    if again && !self.is_trusted(target).await? {
                        return Ok(Planned::Stale);
                    }
                    writes.extend(self.trust_checks(target));
                    continue;
                }
                Effect::Blame { change }
                | Effect::Release { change, .. }
                | Effect::Condemn { change }
                | Effect::Enter { change } => change,
            };
            let deployment = match change {
                Change::Deployment(deployment) => deployment,
                Change::Flag(change) => {
                    let known = flags.iter_mut().find(|known| known.change == *change);
                    let flag = match known {
                        Some(flag) => flag,
                        // Hardly any change was blamed before: the condition says so.
                        None if !again && matches!(effect, Effect::Blame { .. }) => {
                            flags.push_mut(Blamed::first(change))
                        }
                        None => flags.push_mut(self.blamed(change).await?),
                    };
                    if flag.known.apply(problem, effect).is_err() {
                        return Ok(Planned::Stale);
                    }
                    continue;
                }
                Change::Configuration(configuration) => {
                    let known = announced.iter_mut().find(|one| one.is(configuration));
                    let known = match known {
                        Some(known) => known,
                        None => announced.push_mut(self.announced(&configuration.event).await?),
                    };
                    if known.apply(problem, effect).is_err() {
                        return Ok(Planned::Stale);
                    }
                    continue;
                }
            };
            let known = entries.iter_mut().find(|entry| entry.is(deployment));
            let entry = match known {
                Some(entry) => entry,
                None => entries.push_mut(
                    match readings.iter().find(|reading| reading.is(deployment)) {
                        Some(reading) => reading.of(deployment),
                        None => self.entry_of(deployment).await?,
                    },
                ),
            };
            if entry.known.apply(problem, effect).is_err() {
                return Ok(Planned::Stale);
            }
        }
        writes.extend(self.entry_writes(&entries));
        writes.extend(flags.iter().filter_map(|flag| self.blamed_write(flag)));
        writes.extend(self.announced_writes(&announced));
        Ok(Planned::Writes(writes))
    }

    async fn is_trusted(&self, target: &Deployment) -> Result<bool, StoreError> {
        let key = Key::deployment(&target.group, target.at, &target.id);
        let contents = target.may_be();
        let (bad, found) = tokio::try_join!(self.bad_contents(&contents), self.item(&key))?;
        let known = found.as_ref().map(entry::outward).transpose()?;
        let standing = known.map_or_else(Standing::default, |known| known.standing);
        Ok(bad.is_empty() && !standing.is_against())
    }

    fn trust_checks(&self, target: &Deployment) -> Vec<Write> {
        let all = Standing::ALL.into_iter().zip(0..);
        let trusted: HashMap<String, AttributeValue> = all
            .filter(|(standing, _)| !standing.is_against())
            .map(|(standing, at)| (format!(":s{at}"), item::word(standing)))
            .collect();
        let names: Vec<&str> = trusted.keys().map(String::as_str).collect();
        let is_trusted = format!("standing IN ({})", names.join(", "));
        let entry = ConditionCheck::builder()
            .table_name(&self.table.name)
            .set_key(Some(
                Key::deployment(&target.group, target.at, &target.id).attributes(),
            ))
            // What only CodeDeploy knows has no entry.
            .condition_expression(format!("attribute_not_exists(standing) OR {is_trusted}"))
            .set_expression_attribute_values(Some(trusted));
        let contents = target.may_be().into_iter().map(|identity| {
            ConditionCheck::builder()
                .table_name(&self.table.name)
                .set_key(Some(Key::content(&identity).attributes()))
                .condition_expression("attribute_not_exists(against)")
        });
        [entry]
            .into_iter()
            .chain(contents)
            .map(Write::check)
            .collect()
    }
}

//! What a step of an answer does to the ledger.

use aws_sdk_dynamodb::types::ConditionCheck;
use release::deployment::{Deployment, Group, Standing};
use release::remediation::Guard;

use crate::entry::{self, Entry, Known, Reading};
use crate::guard::StoredGuard;
use crate::item::{self, Key};
use crate::ledger::Lesson;
use crate::transaction::Write;
use crate::{Store, StoreError};

/// What a step of an answer to a problem does to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The deployment becomes suspect because of the problem and is bound to
    /// it. Stale if another problem holds it. What is bad already stays bad.
    Blame {
        /// What is to blame.
        deployment: Deployment,
    },
    /// The binding ends without a heal. Nothing, where another problem holds
    /// the deployment.
    Release {
        /// What was to blame.
        deployment: Deployment,
        /// Whether what the problem said of it is taken back as well.
        lift: bool,
    },
    /// What is suspect because of the problem becomes bad. Nothing, where
    /// somebody has cleared it.
    Condemn {
        /// What was to blame.
        deployment: Deployment,
    },
    /// The guard of a group goes from what was read to what follows. Stale if
    /// it has changed.
    Guard {
        /// The group.
        group: Group,
        /// What was read.
        from: Guard,
        /// What follows.
        to: Guard,
    },
    /// Nothing, while nothing speaks against deploying this again. Stale
    /// otherwise.
    Trust {
        /// What shall be deployed again.
        target: Deployment,
    },
    /// A heal enters the ledger.
    Enter {
        /// The heal.
        deployment: Deployment,
    },
}

/// Whether what the writer holds in hand is still so.
pub(crate) enum Planned {
    Writes(Vec<Write>),
    Stale,
}

impl Store {
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
        let mut writes = Vec::new();
        for effect in effects {
            let deployment = match effect {
                Effect::Guard { group, from, to } => {
                    let stored = if again {
                        self.stored_guard(group).await?
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
                    writes.push(self.guard_write(group, stored.as_ref(), to));
                    continue;
                }
                Effect::Trust { target } => {
                    // The caller has just chosen it; the conditions say whether
                    // anything has changed since.
                    if again && !self.is_trusted(target).await? {
                        return Ok(Planned::Stale);
                    }
                    writes.extend(self.trust_checks(target));
                    continue;
                }
                Effect::Blame { deployment }
                | Effect::Release { deployment, .. }
                | Effect::Condemn { deployment }
                | Effect::Enter { deployment } => deployment,
            };
            let known = entries.iter_mut().find(|entry| entry.is(deployment));
            let entry = match known {
                Some(entry) => entry,
                None => entries.push_mut(
                    match readings.iter().find(|reading| reading.is(deployment)) {
                        Some(reading) => reading.of(deployment),
                        None => self.entry(deployment).await?,
                    },
                ),
            };
            if apply(problem, effect, entry).is_err() {
                return Ok(Planned::Stale);
            }
        }
        writes.extend(self.entry_writes(&entries));
        Ok(Planned::Writes(writes))
    }
}

impl Store {
    async fn is_trusted(&self, target: &Deployment) -> Result<bool, StoreError> {
        let key = Key::deployment(&target.group, target.at, &target.id);
        let contents = target.may_be();
        let (bad, found) = tokio::try_join!(self.bad_contents(&contents), self.ledger_item(&key))?;
        let known = found.as_ref().map(entry::outward).transpose()?;
        let standing = known.map_or_else(Standing::default, |known| known.standing);
        Ok(bad.is_empty() && TRUSTED.contains(&standing))
    }

    fn trust_checks(&self, target: &Deployment) -> Vec<Write> {
        let [unknown, good] = TRUSTED.map(item::word);
        let entry = ConditionCheck::builder()
            .table_name(&self.ledger)
            .set_key(Some(
                Key::deployment(&target.group, target.at, &target.id).attributes(),
            ))
            // What only CodeDeploy knows has no entry.
            .condition_expression("attribute_not_exists(standing) OR standing IN (:unknown, :good)")
            .expression_attribute_values(":unknown", unknown)
            .expression_attribute_values(":good", good);
        let contents = target.may_be().into_iter().map(|identity| {
            ConditionCheck::builder()
                .table_name(&self.ledger)
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

/// What may be known of a deployment that is made again.
const TRUSTED: [Standing; 2] = [Standing::Unknown, Standing::Good];

/// Another problem holds the deployment.
struct Held;

fn apply(problem: &str, effect: &Effect, entry: &mut Entry) -> Result<(), Held> {
    let Known { said, bound_to, .. } = &mut entry.known;
    let is_bound = bound_to.as_deref() == Some(problem);
    let is_suspect = said.standing == Standing::Suspect && said.by == by_problem(problem);
    match effect {
        Effect::Blame { .. } => {
            if bound_to.is_some() && !is_bound {
                return Err(Held);
            }
            *bound_to = Some(problem.to_owned());
            if said.standing != Standing::Bad {
                *said = Lesson {
                    standing: Standing::Suspect,
                    by: by_problem(problem),
                };
            }
        }
        Effect::Release { lift, .. } => {
            if is_bound {
                *bound_to = None;
            }
            if *lift && is_suspect {
                let by = format!("{}, which was not answered", by_problem(problem));
                entry.known.lift(by);
            }
        }
        Effect::Condemn { .. } => {
            if is_suspect {
                said.standing = Standing::Bad;
            }
        }
        // Reading the entry has taken in what it is.
        Effect::Enter { .. } | Effect::Guard { .. } | Effect::Trust { .. } => {}
    }
    Ok(())
}

/// How a problem signs what it says of a deployment.
fn by_problem(id: &str) -> String {
    format!("problem {id}")
}

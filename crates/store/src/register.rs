//! Registration: one transaction, so that a validation exists with everything
//! that belongs to it or not at all.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, Update};
use release::validation::{Ending, Hook, Phase, Registration, Validation, ValidationId};

use crate::item::{self, Item, Key, STUCK_SINCE, expiring};
use crate::packed::pack;
use crate::spec::Spec;
use crate::tables::{self, shard_of};
use crate::transaction::{Attempt, Write};
use crate::{Ledger, StoreError, Validations, record};

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The validation is stored and waits.
    Waiting(ValidationId),
    /// This job had registered this validation before.
    Already(ValidationId),
}

impl Validations {
    /// Stores a validation with its spec, slot, marker and deployments; an
    /// unsettled validation of the same registrant and execution is superseded.
    pub async fn register(
        &self,
        ledger: &Ledger,
        registration: &Registration,
        spec: &Spec,
        job: Option<&str>,
    ) -> Result<Registered, StoreError> {
        let mut attempts = ledger.attempts("register a validation").await;
        loop {
            let earlier = async {
                match job {
                    Some(job) => self.registered_by(job).await,
                    None => Ok(None),
                }
            };
            // On the heap: four requests under way are too large for a stack.
            let read = Box::pin(async {
                tokio::try_join!(
                    earlier,
                    self.predecessor(registration),
                    self.keep_spec(spec, registration),
                    ledger.entries(&registration.deployments),
                )
            });
            let (earlier, predecessor, spec, entries) = read.await?;
            if let Some(id) = earlier {
                return Ok(Registered::Already(id));
            }
            let mut writes = self.registration_writes(registration, job, predecessor.as_ref());
            writes.push(spec);
            writes.extend(ledger.entry_writes(&entries));
            if attempts.write(writes).await? == Attempt::Written {
                return Ok(Registered::Waiting(registration.id));
            }
        }
    }

    /// The validation that this job registered, if it did.
    pub async fn registered_by(&self, job: &str) -> Result<Option<ValidationId>, StoreError> {
        let marker = self.table.get("read a job marker", &Key::job(job)).await?;
        marker.map(|item| item::plain(&item, "id")).transpose()
    }

    async fn predecessor(
        &self,
        registration: &Registration,
    ) -> Result<Option<Predecessor>, StoreError> {
        let Some(slot) = Key::slot(registration) else {
            return Ok(None);
        };
        let Some(slot) = self.table.get("read a slot", &slot).await? else {
            return Ok(None);
        };
        let key = Key::target(&slot)?;
        let id = item::plain(&slot, "id")?;
        let Some(found) = self.table.get("read a predecessor", &key).await? else {
            let phase = Phase::Settled;
            return Ok(Some(Predecessor {
                key,
                id,
                phase,
                intent: None,
                inherited: None,
                hook: Hook::None,
                is_stuck: false,
                is_indexed: false,
            }));
        };
        Ok(Some(Predecessor {
            key,
            id,
            phase: record::validation::phase_of(&found)?,
            intent: found.get("intent").cloned(),
            inherited: found.get("inherited").cloned(),
            hook: record::validation::hook_of(&found)?,
            is_stuck: found.contains_key(STUCK_SINCE),
            is_indexed: found.contains_key("dueShard"),
        }))
    }

    fn registration_writes(
        &self,
        registration: &Registration,
        job: Option<&str>,
        predecessor: Option<&Predecessor>,
    ) -> Vec<Write> {
        let key = Key::validation(registration);
        let validation = Validation::registered(registration.clone());
        let pointer = |at: &Key| {
            let mut item = at.pointing_at(&key);
            item.insert("id".to_owned(), item::word(registration.id));
            item
        };

        let shard = shard_of(&registration.id.to_string());
        let mut item = registered(&validation, &key, shard);
        if let Some(intent) = predecessor.and_then(Predecessor::unfinished) {
            item.insert("inherited".to_owned(), intent.clone());
        }
        let mut writes = vec![
            self.put_new(item, registration),
            self.put_new(pointer(&Key::locator(registration.id)), registration),
        ];
        if let Some(job) = job {
            writes.push(self.put_new(pointer(&Key::job(job)), registration));
        }
        if let Some(slot) = Key::slot(registration) {
            let mut item = pointer(&slot);
            if let Some(approval) = &registration.approval {
                item.insert(
                    "approval".to_owned(),
                    record::validation::approval(approval),
                );
            }
            writes.push(self.take_slot(item, registration, predecessor));
        }
        if let Some(predecessor) = predecessor {
            writes.push(match predecessor.phase {
                Phase::Settled if predecessor.is_indexed => self.put_away(predecessor),
                Phase::Settled => self.stays_settled(predecessor),
                Phase::Waiting | Phase::Judged => self.supersede(predecessor, registration.id),
            });
        }
        writes
    }

    fn put_new(&self, item: Item, registration: &Registration) -> Write {
        Write::put(
            Put::builder()
                .table_name(&self.table.name)
                .set_item(Some(expiring(item, registration)))
                .condition_expression("attribute_not_exists(pk)"),
        )
    }

    /// The write that keeps the spec at least as long as this registration
    /// needs it, and never shorter than an earlier one does.
    async fn keep_spec(
        &self,
        spec: &Spec,
        registration: &Registration,
    ) -> Result<Write, StoreError> {
        let key = Key::spec(spec.hash());
        let needed = registration.expires_at.as_second();
        let kept = match self
            .table
            .get("read how long a monspec is kept", &key)
            .await?
        {
            Some(item) => item::number(&item, "expiresAt")?,
            None => needed,
        };
        Ok(Write::reread(
            Update::builder()
                .table_name(&self.table.name)
                .set_key(Some(key.attributes()))
                .update_expression("SET body = if_not_exists(body, :body), expiresAt = :expiry")
                .condition_expression("attribute_not_exists(expiresAt) OR expiresAt <= :expiry")
                .expression_attribute_values(":body", pack(spec.text()))
                .expression_attribute_values(
                    ":expiry",
                    AttributeValue::N(kept.max(needed).to_string()),
                ),
        ))
    }

    fn take_slot(
        &self,
        item: Item,
        registration: &Registration,
        predecessor: Option<&Predecessor>,
    ) -> Write {
        let put = Put::builder()
            .table_name(&self.table.name)
            .set_item(Some(expiring(item, registration)));
        Write::put(match predecessor {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(predecessor) => put
                .condition_expression("id = :predecessor")
                .expression_attribute_values(":predecessor", item::word(predecessor.id)),
        })
    }

    /// A person may take up a predecessor again that has given up; then it has
    /// to be superseded. One that has expired stays away.
    fn stays_settled(&self, predecessor: &Predecessor) -> Write {
        Write::check(
            ConditionCheck::builder()
                .table_name(&self.table.name)
                .set_key(Some(predecessor.key.attributes()))
                .condition_expression("attribute_not_exists(pk) OR phase = :settled")
                .expression_attribute_values(":settled", record::validation::phase(Phase::Settled)),
        )
    }

    /// What gave up rests no longer, because its approval is its successor's.
    fn put_away(&self, predecessor: &Predecessor) -> Write {
        Write::reread(
            Update::builder()
                .table_name(&self.table.name)
                .set_key(Some(predecessor.key.attributes()))
                .update_expression("REMOVE dueShard, dueAt")
                .condition_expression("phase = :settled")
                .expression_attribute_values(":settled", record::validation::phase(Phase::Settled)),
        )
    }

    /// Ends the work on a predecessor. How its approval ended is kept, if it
    /// did: what was answered stays answered. What it is about to answer must
    /// be what was read, because it is inherited. It stays due only for its
    /// result hook, if that is owed and somebody can work on it.
    fn supersede(&self, predecessor: &Predecessor, by: ValidationId) -> Write {
        let update = match &predecessor.intent {
            None => Update::builder()
                .condition_expression("phase = :phase AND attribute_not_exists(intent)"),
            Some(intent) => Update::builder()
                .condition_expression("phase = :phase AND intent = :intent")
                .expression_attribute_values(":intent", intent.clone()),
        };
        let gone = match predecessor.hook {
            Hook::Owed if !predecessor.is_stuck => "claim",
            _ => "dueShard, dueAt, claim",
        };
        Write::reread(
            update
                .table_name(&self.table.name)
                .set_key(Some(predecessor.key.attributes()))
                .update_expression(format!(
                    "SET phase = :settled, ending = if_not_exists(ending, :ending) REMOVE {gone}"
                ))
                .expression_attribute_values(":settled", record::validation::phase(Phase::Settled))
                .expression_attribute_values(":phase", record::validation::phase(predecessor.phase))
                .expression_attribute_values(
                    ":ending",
                    record::answer::ending(&Ending::Superseded { by }),
                ),
        )
    }
}

struct Predecessor {
    key: Key,
    id: ValidationId,
    phase: Phase,
    intent: Option<AttributeValue>,
    inherited: Option<AttributeValue>,
    hook: Hook,
    is_stuck: bool,
    is_indexed: bool,
}

impl Predecessor {
    /// The answer that may still be on its way to the approval.
    fn unfinished(&self) -> Option<&AttributeValue> {
        let unsettled = self.phase != Phase::Settled;
        self.intent
            .as_ref()
            .or(self.inherited.as_ref())
            .filter(|_| unsettled)
    }
}

/// The attributes of a validation that was just registered.
fn registered(validation: &Validation, key: &Key, shard: u8) -> Item {
    let registration = &validation.registration;
    let mut item = key.attributes();
    let attributes = [
        (
            "registration",
            record::validation::registration(registration),
        ),
        ("phase", record::validation::phase(validation.phase())),
        ("hook", record::validation::hook(validation.hook())),
        ("faults", AttributeValue::N("0".to_owned())),
        ("waits", AttributeValue::N("0".to_owned())),
        ("dueShard", AttributeValue::S(tables::shard_key(shard))),
        ("dueAt", item::millis(registration.due_at)),
    ];
    for (name, value) in attributes {
        item.insert(name.to_owned(), value);
    }
    item
}

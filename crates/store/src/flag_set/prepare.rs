//! A change that waits for its event: what would be written lies beside each
//! flag, and the request is claimed by whoever made it.

use aws_sdk_dynamodb::types::Update;
use flags::announcement;
use flags::step::Transition;
use jiff::{SignedDuration, Timestamp};
use release::window::saturating_add;

use super::change::{Commit, Ends};
use super::outbox::{ChangeEvent, Outbox};
use super::owed::{Owed, What};
use super::prepared::{Prepared, PreparedChange};
use super::{FlagSet, Flags, keys};
use crate::claim::Claimed;
use crate::held::Held;
use crate::item;
use crate::item_update::ItemUpdate;
use crate::record;
use crate::tables::{shard_key, shard_of};
use crate::transaction::Write;

/// How long a change that waited stays in the table once it has ended.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

impl PreparedChange {
    /// What would be written of its flags, if all of them are as it found them.
    pub fn prepared<'s>(&self, set: &'s FlagSet) -> Option<Vec<(&'s str, &'s Transition)>> {
        let prepared = |flag: &String| {
            let (flag, prepared) = set.waiting(flag)?;
            (prepared.request == self.request).then_some((flag, &prepared.transition))
        };
        self.wanted.keys().map(prepared).collect()
    }

    /// The events of what would be written of a flag.
    pub fn events(&self, set: &FlagSet, flag: &str, transition: &Transition) -> Vec<Outbox> {
        let Some(declared) = set.declarations.flags.get(flag) else {
            return Vec::new();
        };
        let announced = transition.entries.iter().filter_map(|entry| {
            let announced = announcement(entry, declared)?;
            let event = ChangeEvent::from(announced);
            let version = entry.record.version;
            let outbox = Outbox::new(&self.set, flag, version, event, self.since);
            // Nobody can be told of what belongs to no entity.
            outbox.event.entities.is_some().then_some(outbox)
        });
        announced.collect()
    }
}

impl FlagSet {
    /// What waits for a flag, unless the flag was changed since.
    pub fn waiting(&self, flag: &str) -> Option<(&str, &Prepared)> {
        let (flag, prepared) = self.prepared.get_key_value(flag)?;
        let untouched = flags::state::State::default();
        let state = self.states.get(flag).unwrap_or(&untouched);
        let follows = prepared.transition.follows(state);
        follows.then_some((flag.as_str(), prepared))
    }
}

impl Flags {
    /// What would be written, and who will.
    pub(super) fn prepare(
        &self,
        read: &FlagSet,
        commit: &Commit,
        change: &PreparedChange,
        now: Timestamp,
    ) -> (Vec<Write>, Option<Claimed<Owed>>) {
        let mut writes = Vec::new();
        for (name, transition) in &commit.flags {
            writes.push(self.prepared(read, name, &change.request, transition));
        }
        let key = keys::prepared(&change.request);
        let mut attributes = vec![
            ("prepared", record::prepared::attribute(change)),
            ("faults", keys::number(0)),
            ("waits", keys::number(0)),
            ("dueShard", keys::text(&shard_key(shard_of(&key.pk)))),
        ];
        let mut held = None;
        match &commit.claim {
            Some((claim, until)) => {
                attributes.push(("claim", keys::text(claim)));
                attributes.push(("dueAt", item::millis(*until)));
                held = Some(Claimed {
                    record: Owed::new(What::Prepared(Box::new(change.clone()))),
                    held: Held {
                        table: self.table().to_owned(),
                        key: key.clone(),
                        claim: claim.clone(),
                        panics: 0,
                    },
                });
            }
            None => attributes.push(("dueAt", item::millis(now))),
        }
        let put = self.put(&key, attributes);
        writes.push(Write::put(
            put.condition_expression("attribute_not_exists(pk)"),
        ));
        (writes, held)
    }

    /// What would be written of a flag, as long as it is as it was read.
    fn prepared(
        &self,
        read: &FlagSet,
        name: &str,
        request: &str,
        transition: &Transition,
    ) -> Write {
        let prepared = Prepared {
            request: request.to_owned(),
            transition: transition.clone(),
        };
        let mut update = Update::builder()
            .table_name(self.table())
            .set_key(Some(keys::flag(&read.name, name).attributes()))
            .update_expression("SET prepared = :prepared, preparedBy = :request")
            .expression_attribute_values(":prepared", record::prepared::of_flag(&prepared))
            .expression_attribute_values(":request", keys::text(request));
        let earlier = match read.prepared.get(name) {
            Some(earlier) => {
                let earlier = keys::text(&earlier.request);
                update = update.expression_attribute_values(":earlier", earlier);
                "preparedBy = :earlier"
            }
            None => "attribute_not_exists(preparedBy)",
        };
        let (as_read, update) = Self::as_read(read, name, update);
        Write::reread(update.condition_expression(format!("{as_read} AND {earlier}")))
    }

    /// The request as it ended, written by whoever holds it. Only from now on it
    /// expires: until then it is all that is known of what waits.
    pub(super) fn ended(ends: &Ends, now: Timestamp) -> Write {
        let change = ItemUpdate::set("prepared", record::prepared::attribute(&ends.change))
            .and("settledBy", keys::text(&ends.held.claim))
            .and("expiresAt", item::seconds(saturating_add(now, KEPT)))
            .remove(&["claim", "dueShard", "dueAt"]);
        Write::owned(ends.held.update(&change))
    }
}

//! One change, one transaction: the revision of the set, the flags, their
//! histories, timers and events, and the answer to a repeated request.

use aws_sdk_dynamodb::types::Update;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use flags::step::Transition;
use flags::{Cause, Entry, announcement};
use jiff::{SignedDuration, Timestamp};
use release::window::saturating_add;

use super::outbox::{ChangeEvent, OnlyIf, Outbox};
use super::owed::{Owed, What};
use super::prepared::PreparedChange;
use super::repeat::{Repeat, RepeatId};
use super::{FlagSet, Flags, keys};
use crate::claim::Claimed;
use crate::error::unavailable;
use crate::held::Held;
use crate::item::{self, Key};
use crate::tables::{shard_key, shard_of};
use crate::transaction::{Attempt, Write, fits};
use crate::{StoreError, record, tables};

/// How long an answer is kept for repeated requests.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// How long an event or a comment stays in the table.
pub(super) const EVENTS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// After how long the tenant is asked whether it has the event of a change that
/// was not made: it may have taken it and list it late.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// When an event is sent.
enum Due {
    /// It was.
    Never,
    /// From this moment on, by whoever finds it.
    At(Timestamp),
    /// Now, by whoever has this claim until then.
    Claimed(String, Timestamp),
}

/// What a change is decided on, read after any earlier attempt.
#[derive(Debug)]
pub struct Found {
    /// The set; nothing, if it was never declared.
    pub set: Option<FlagSet>,
    /// What was answered to the same request before.
    pub repeat: Option<Repeat>,
}

/// What is to be written together.
#[derive(Debug, Default)]
pub struct Commit {
    /// What follows for each flag.
    pub flags: Vec<(String, Transition)>,
    /// The answer to a repeated request.
    pub repeat: Option<Box<Repeat>>,
    /// Whose work the events are: until then, they are this claim's.
    pub claim: Option<(String, Timestamp)>,
    /// The problems that are watched from now on: what they hold is given back
    /// once they are over.
    pub watches: Vec<String>,
    /// All of it is only prepared: it is written once the tenant has its events.
    pub prepares: Option<Box<PreparedChange>>,
    /// What ends with this.
    pub ends: Option<Box<Ends>>,
}

/// The end of a change that waited, and who holds it.
#[derive(Debug)]
pub struct Ends {
    /// The request as it ends.
    pub change: PreparedChange,
    /// The claim on it.
    pub held: Held,
    /// The events that the tenant has, by what they are known by.
    pub sent: Vec<String>,
}

/// What was decided.
#[derive(Debug)]
pub enum Decision<T> {
    /// Nothing is written.
    Leave(T),
    /// This is written, and then this holds.
    Write(Commit, T),
}

/// What came of a change.
#[derive(Debug)]
pub struct Written<T> {
    /// What was decided.
    pub decided: T,
    /// The events that are to be sent now, by whoever made the change.
    pub events: Vec<Claimed<Owed>>,
    /// What was prepared, for whoever sends its events.
    pub prepared: Option<Claimed<Owed>>,
}

impl Flags {
    /// Changes flags of a set as `decide` says. Where another write comes in
    /// between, everything is read and decided again.
    pub async fn change<T>(
        &self,
        set: &str,
        repeat: Option<&RepeatId>,
        now: Timestamp,
        decide: impl Fn(&Found) -> Decision<T>,
    ) -> Result<Written<T>, StoreError> {
        self.change_on(None, set, repeat, now, decide).await
    }

    /// The same, first on the set as it was read before: it is read again only
    /// where that does not hold any more.
    pub async fn change_on<T>(
        &self,
        mut read: Option<FlagSet>,
        set: &str,
        repeat: Option<&RepeatId>,
        now: Timestamp,
        decide: impl Fn(&Found) -> Decision<T>,
    ) -> Result<Written<T>, StoreError> {
        let mut attempts = self.attempts("change flags").await;
        loop {
            let found = Found {
                repeat: match repeat {
                    Some(repeat) => self.repeat(repeat).await?,
                    None => None,
                },
                set: match read.take() {
                    Some(read) => Some(read),
                    None => self.set(set).await?,
                },
            };
            let (commit, decided) = match decide(&found) {
                Decision::Leave(decided) => {
                    return Ok(Written {
                        decided,
                        events: Vec::new(),
                        prepared: None,
                    });
                }
                Decision::Write(commit, decided) => (commit, decided),
            };
            let read = found.set.as_ref().expect("a flag that changes is declared");
            let earlier = found.repeat.as_ref();
            let (mut writes, mut events) = self.writes(read, &commit, repeat, earlier, now);
            let mut prepared = None;
            // What is prepared is written later, together with its end.
            fits(writes.len() + usize::from(commit.prepares.is_some()))?;
            if let Some(change) = &commit.prepares {
                (writes, prepared) = self.prepare(read, &commit, change, now);
                events.clear();
            }
            if attempts.write(writes).await? == Attempt::Written {
                return Ok(Written {
                    decided,
                    events,
                    prepared,
                });
            }
        }
    }

    /// Stores the outcome of an event, for repeated requests.
    pub async fn answered(&self, id: &RepeatId, repeat: &Repeat) -> Result<(), StoreError> {
        let written = self
            .client()
            .update_item()
            .table_name(self.table())
            .set_key(Some(keys::repeat(&id.key, &id.hash).attributes()))
            .update_expression("SET answer = :answer")
            .condition_expression("#change = :change")
            .expression_attribute_names("#change", "change")
            .expression_attribute_values(":answer", record::repeat::attribute(repeat))
            .expression_attribute_values(":change", keys::text(&repeat.change))
            .send()
            .await;
        match written.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            // The same was asked and done once more meanwhile.
            Err(error) if error.is_conditional_check_failed_exception() => Ok(()),
            Err(error) => Err(unavailable("store an answer", error)),
            Ok(_) => Ok(()),
        }
    }

    async fn repeat(&self, id: &RepeatId) -> Result<Option<Repeat>, StoreError> {
        let found = self
            .client()
            .get_item()
            .table_name(self.table())
            .set_key(Some(keys::repeat(&id.key, &id.hash).attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable("read an answer", error.into_service_error()))?;
        let answer = found.item.as_ref().map(record::repeat::read);
        answer.transpose()
    }

    pub(super) fn writes(
        &self,
        read: &FlagSet,
        commit: &Commit,
        repeat: Option<&RepeatId>,
        earlier: Option<&Repeat>,
        now: Timestamp,
    ) -> (Vec<Write>, Vec<Claimed<Owed>>) {
        let set = &read.name;
        let mut writes = vec![self.next_revision(set)];
        let mut events = Vec::new();
        for (name, transition) in &commit.flags {
            writes.push(self.said(read, name, transition));
            writes.push(self.timer(set, name, transition));
            for entry in &transition.entries {
                writes.push(self.history_of(set, name, entry));
                if let Some(declared) = read.declarations.flags.get(name)
                    && let Some(announced) = announcement(entry, declared)
                    // There is nothing to attach it to.
                    && announced.entities.is_some()
                {
                    let event = ChangeEvent::from(announced);
                    let version = entry.record.version;
                    let mut outbox = Outbox::new(set, name, version, event, now);
                    let key = keys::event(&entry.record.change, set, name, version);
                    let due = Self::due(&mut outbox, commit, name, entry, now);
                    writes.push(self.event(&key, &outbox, &due, now));
                    if let Due::Claimed(claim, _) = due {
                        events.push(self.held(key, outbox, &claim));
                    }
                }
            }
        }
        writes.extend(self.logged(set, commit, now));
        writes.extend(self.remarks(read, commit, now));
        if let (Some(id), Some(repeat)) = (repeat, &commit.repeat) {
            writes.push(self.answer(id, repeat, earlier, now));
        }
        let watches = commit.watches.iter();
        writes.extend(watches.map(|problem| self.watch(set, problem, now)));
        let ends = commit.ends.as_deref();
        writes.extend(ends.map(|ends| Self::ended(ends, now)));
        (writes, events)
    }

    /// When an event is sent, and by whom.
    fn due(outbox: &mut Outbox, commit: &Commit, name: &str, entry: &Entry, now: Timestamp) -> Due {
        if let Some(ends) = &commit.ends {
            if ends.sent.contains(&outbox.entry.text) {
                outbox.entry.posted = Some(now);
                return Due::Never;
            }
            if let (Cause::Aborted(_), Some(wanted)) =
                (&entry.record.cause, ends.change.wanted.get(name))
            {
                outbox.only_if = Some(OnlyIf {
                    marker: wanted.marker(),
                    at: ends.change.since,
                });
                return Due::At(saturating_add(now, LATE));
            }
        }
        match &commit.claim {
            Some((claim, until)) => Due::Claimed(claim.clone(), *until),
            None => Due::At(now),
        }
    }

    fn next_revision(&self, set: &str) -> Write {
        let update = Update::builder()
            .table_name(self.table())
            .set_key(Some(keys::head(set).attributes()))
            .update_expression("SET revision = revision + :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":one", keys::number(1));
        Write::reread(update)
    }

    /// The flag, as long as it is as it was read. What was prepared of it is
    /// written with this, or never.
    fn said(&self, read: &FlagSet, name: &str, transition: &Transition) -> Write {
        let update = Update::builder()
            .table_name(self.table())
            .set_key(Some(keys::flag(&read.name, name).attributes()))
            .update_expression(
                "SET #state = :state, version = :version REMOVE prepared, preparedBy",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", record::flag::attribute(&transition.state))
            .expression_attribute_values(":version", keys::number(transition.state.version));
        let (as_read, update) = Self::as_read(read, name, update);
        Write::reread(update.condition_expression(as_read))
    }

    /// The condition that neither its declaration nor what was said of a flag has
    /// changed since it was read, and an update with its values.
    pub(super) fn as_read(
        read: &FlagSet,
        name: &str,
        mut update: UpdateBuilder,
    ) -> (&'static str, UpdateBuilder) {
        let before = read.states.get(name).map_or(0, |state| state.version);
        let declared = read.declared_in.get(name).copied().unwrap_or_default();
        let condition = if before == 0 {
            "attribute_not_exists(version) AND declaredIn = :declared"
        } else {
            update = update.expression_attribute_values(":read", keys::number(before));
            "version = :read AND declaredIn = :declared"
        };
        let declared = keys::number(declared);
        let update = update.expression_attribute_values(":declared", declared);
        (condition, update)
    }

    fn history_of(&self, set: &str, name: &str, entry: &Entry) -> Write {
        let key = keys::change(set, name, entry.record.version);
        let put = self.put(&key, [("entry", record::entry::attribute(entry))]);
        Write::put(put.condition_expression("attribute_not_exists(pk)"))
    }

    /// When the clock has something to write down next. Whoever works on the old
    /// timer loses it.
    fn timer(&self, set: &str, name: &str, transition: &Transition) -> Write {
        let key = keys::timer(set, name);
        let mut attributes = vec![
            ("set", keys::text(set)),
            ("flag", keys::text(name)),
            ("faults", keys::number(0)),
            ("waits", keys::number(0)),
        ];
        if let Some(at) = transition.state.timer() {
            attributes.push(("dueShard", keys::text(&shard_key(shard_of(&key.pk)))));
            attributes.push(("dueAt", item::millis(at)));
        }
        Write::put(self.put(&key, attributes))
    }

    /// Whoever watches the problem already loses it.
    fn watch(&self, set: &str, problem: &str, now: Timestamp) -> Write {
        let key = keys::watch(set, problem);
        let attributes = [
            ("set", keys::text(set)),
            ("problem", keys::text(problem)),
            ("since", item::millis(now)),
            ("faults", keys::number(0)),
            ("waits", keys::number(0)),
            ("dueShard", keys::text(&shard_key(shard_of(&key.pk)))),
            ("dueAt", item::millis(saturating_add(now, LATE))),
            ("expiresAt", item::seconds(saturating_add(now, EVENTS_KEPT))),
        ];
        Write::put(self.put(&key, attributes))
    }

    fn event(&self, key: &Key, outbox: &Outbox, due: &Due, now: Timestamp) -> Write {
        let shard = tables::shard_key(shard_of(&key.pk));
        let expires = saturating_add(now, EVENTS_KEPT);
        let mut attributes = vec![
            ("outbox", record::owed::attribute(outbox)),
            ("faults", keys::number(0)),
            ("waits", keys::number(0)),
            ("expiresAt", item::seconds(expires)),
        ];
        if let Due::Claimed(claim, _) = due {
            attributes.push(("claim", keys::text(claim)));
        }
        if let Due::Claimed(_, at) | Due::At(at) = due {
            attributes.push(("dueShard", keys::text(&shard)));
            attributes.push(("dueAt", item::millis(*at)));
        }
        let put = self.put(key, attributes);
        Write::put(put.condition_expression("attribute_not_exists(pk)"))
    }

    fn held(&self, key: Key, outbox: Outbox, claim: &str) -> Claimed<Owed> {
        Claimed {
            record: Owed::new(What::Event(Box::new(outbox))),
            held: Held {
                table: self.table().to_owned(),
                key,
                claim: claim.to_owned(),
                panics: 0,
            },
        }
    }

    /// The answer, as long as nobody answered the same request since it was read.
    fn answer(
        &self,
        id: &RepeatId,
        repeat: &Repeat,
        earlier: Option<&Repeat>,
        now: Timestamp,
    ) -> Write {
        let put = self.put(
            &keys::repeat(&id.key, &id.hash),
            [
                ("answer", record::repeat::attribute(repeat)),
                ("change", keys::text(&repeat.change)),
                ("expiresAt", item::seconds(saturating_add(now, KEPT))),
            ],
        );
        Write::put(match earlier {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(earlier) => put
                .condition_expression("#change = :earlier")
                .expression_attribute_names("#change", "change")
                .expression_attribute_values(":earlier", keys::text(&earlier.change)),
        })
    }
}

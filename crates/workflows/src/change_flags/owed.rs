//! What is owed because of changes: events for the tenant, comments on problems, and
//! what the clock did to flags.
//!
//! An event is stored with its change, attached as [`crate::announce`] says, looked
//! for by whoever did not store it, then noted as sent; given up, it is an entry of
//! [`release::outbox`]. The clock's doings hold whether or not they are written
//! down.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use dynatrace::{Dynatrace, EntityType, EventKind, RecordedEvent, Scope, Tag, Window};
use flags::Cause;
use flags::state::{Author, AuthorKind, State};
use flags::step::{self, Request, Situation, step};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join};
use jiff::{SignedDuration, Timestamp};
use release::outbox;
use release::window::saturating_add;
use release::work::{Outcome, Time, Wait};
use store::{
    ChangeEvent, Claimed, Commit, Decision, Due, Found, OnlyIf, Outbox, Owed, StoreError, What,
};

use super::{Services, restore};
use crate::announce::{Entities, InDoubt, Look as LookFor, Teller};
use crate::work::{self, Look, Tick, Worker};

/// How many timers and events are worked on at the same time.
const CONCURRENCY: usize = 8;

/// How long an event or a comment is tried for.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How long a problem is watched: longer than it holds anything.
const WATCHED_FOR: SignedDuration = SignedDuration::from_hours(25);

/// How far back an entity may have been seen last.
const SEEN_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Events may begin so long ago and no longer.
const OLDEST: SignedDuration = SignedDuration::from_hours(24 * 29);

/// Who says so.
pub(crate) const SOURCE: &str = "Unbreakable";

/// What is told of a timer or an event that was worked on.
#[derive(Debug)]
pub struct Worked {
    /// As it was left.
    pub owed: Owed,
}

/// What a tick did.
pub type Ticked = work::Ticked<Worked>;

/// What whoever counts and logs is told, while the tick goes on.
pub type Observed<'a> = work::Observed<'a, Worked>;

/// Works on every timer and event that is due until nothing is left or the time
/// is over. `connect` is called only when something is due.
pub async fn tick(
    services: &Services,
    connect: impl AsyncFnOnce() -> anyhow::Result<Dynatrace>,
    tick: Tick,
    observe: &(dyn Fn(Observed<'_>) + Sync),
) -> anyhow::Result<Ticked> {
    let worker = Worker {
        queue: services.flags.queue(),
        tick,
        observe: &|observed| observe(observed),
    };
    let beat = services.flags.queue().beat(tick.now);
    let (beat, first) = join(beat, worker.first_pages()).await;
    work::untold("flags", beat);
    let first = first?;
    if first.iter().all(Vec::is_empty) {
        return Ok(Ticked::default());
    }
    // What the clock did is written down whether or not the tenant can be asked.
    let tenant = connect().await;
    let begin = async |_: &Due<Owed>| Walk::new(services, &tenant, tick, Stored::Earlier);
    Ok(worker.work_through(first, begin, CONCURRENCY).await)
}

/// When an event was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// In this very request: nobody can have sent it.
    JustNow,
    /// By an earlier worker, which may have sent it.
    Earlier,
}

/// One look at a timer or an event.
pub(super) struct Walk<'a> {
    pub(super) services: &'a Services,
    pub(super) tenant: &'a anyhow::Result<Dynatrace>,
    pub(super) tick: Tick,
    pub(super) stored: Stored,
    token_refused: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        services: &'a Services,
        tenant: &'a anyhow::Result<Dynatrace>,
        tick: Tick,
        stored: Stored,
    ) -> Self {
        Self {
            services,
            tenant,
            tick,
            stored,
            token_refused: false,
        }
    }
}

impl Look for Walk<'_> {
    type Record = Owed;
    type Told = Worked;

    fn pursue<'a>(
        &'a mut self,
        claimed: &'a mut Claimed<Owed>,
    ) -> BoxFuture<'a, anyhow::Result<Outcome>> {
        async {
            match &mut claimed.what {
                What::Timer { set, flag } => self.write_down(set, flag).await,
                What::Event(outbox) => self.send(outbox).await,
                What::Remark(remark) => self.remark(remark).await,
                What::Prepared(_) => self.make(claimed).await,
                What::Watch {
                    set,
                    problem,
                    since,
                } => {
                    let (set, problem, since) = (set.clone(), problem.clone(), *since);
                    self.watch(&set, &problem, since).await
                }
            }
        }
        .boxed()
    }

    fn time(&self, owed: &Owed, _: &Outcome) -> Time {
        match &owed.what {
            What::Event(outbox) if saturating_add(outbox.entry.at, TRIED_FOR) <= self.tick.now => {
                Time::Over
            }
            What::Remark(remark) if saturating_add(remark.entry.at, TRIED_FOR) <= self.tick.now => {
                Time::Over
            }
            What::Watch { since, .. } if saturating_add(*since, WATCHED_FOR) <= self.tick.now => {
                Time::Over
            }
            What::Event(_)
            | What::Remark(_)
            | What::Timer { .. }
            | What::Prepared(_)
            | What::Watch { .. } => Time::Left,
        }
    }

    fn give_up<'a>(
        &'a mut self,
        claimed: &'a mut Claimed<Owed>,
        why: String,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let entry = match &mut claimed.what {
            What::Event(outbox) => Some(&mut outbox.entry),
            What::Remark(remark) => Some(&mut remark.entry),
            What::Timer { .. } | What::Prepared(_) | What::Watch { .. } => None,
        };
        let entry = entry.map(std::slice::from_mut);
        outbox::give_up(entry.unwrap_or_default(), &why);
        async { Ok(()) }.boxed()
    }

    fn token_refused(&self) -> bool {
        self.token_refused
    }

    fn told(_: Owed, left: Owed) -> Worked {
        Worked { owed: left }
    }
}

impl Walk<'_> {
    /// Writes down what the clock did to a flag.
    async fn write_down(&self, set: &str, flag: &str) -> anyhow::Result<Outcome> {
        let decide = |found: &Found, change: &str| {
            let set = found.set.as_ref();
            if set.is_some_and(|set| set.waiting(flag).is_some()) {
                return Decision::Leave(Clock::Waits);
            }
            clock(found, flag, change, self.tick.now)
        };
        Ok(match self.clock(set, decide).await? {
            // The flag has another timer by now, or none.
            Clock::Written => Outcome::Lost,
            Clock::Nothing => Outcome::Done,
            Clock::Waits => Outcome::Waits(vec![Wait::for_("the event of a prepared change")]),
        })
    }

    /// The same of a flag whose prepared change ends now.
    pub(super) async fn catch_up(&self, set: &str, flag: &str) -> Result<(), StoreError> {
        let decide = |found: &Found, change: &str| clock(found, flag, change, self.tick.now);
        self.clock(set, decide).await?;
        Ok(())
    }

    async fn clock(
        &self,
        set: &str,
        decide: impl Fn(&Found, &str) -> Decision<Clock>,
    ) -> Result<Clock, StoreError> {
        let change = uuid::Uuid::new_v4().to_string();
        let decide = |found: &Found| decide(found, &change);
        let flags = &self.services.flags;
        let written = flags.change(set, None, self.tick.now, decide).await?;
        Ok(written.decided)
    }

    /// Tells the tenant of a change, unless it knows.
    async fn send(&mut self, outbox: &mut Outbox) -> anyhow::Result<Outcome> {
        let told = self.told(self.tenant()?, outbox).await;
        told.inspect_err(|error| self.noted(error))
    }

    pub(super) fn tenant(&self) -> anyhow::Result<&Dynatrace> {
        match self.tenant {
            Ok(tenant) => Ok(tenant),
            Err(error) => anyhow::bail!("the tenant cannot be asked: {error:#}"),
        }
    }

    /// Notes whether the tenant refused the token.
    pub(super) fn noted(&mut self, error: &anyhow::Error) {
        let refused = error.downcast_ref::<dynatrace::Error>();
        self.token_refused |= matches!(refused, Some(dynatrace::Error::Unauthorised(_)));
    }

    pub(super) async fn told(
        &self,
        tenant: &Dynatrace,
        outbox: &mut Outbox,
    ) -> anyhow::Result<Outcome> {
        let now = self.tick.now;
        let entities = self.entities(tenant, outbox).await?;
        if let Some(OnlyIf { marker, at }) = &outbox.only_if {
            let having = self.having(tenant, outbox, marker, *at, &entities).await?;
            if having.is_empty() {
                return Ok(Outcome::Done);
            }
        }
        if entities.values().all(Vec::is_empty) {
            return Ok(Outcome::Waits(vec![Wait::for_(
                "an entity with the tags of the flag",
            )]));
        }
        let marker = &outbox.entry.text;
        let is_it = |event: &RecordedEvent| is_about(event, &outbox.flag, marker);
        let look = LookFor {
            window: around(start(&outbox.event, now), now),
            is_it: &is_it,
            in_doubt: InDoubt::Fault,
        };
        let look = (self.stored == Stored::Earlier).then_some(look);
        let event = event(&outbox.event, self.services.address.as_deref(), now);
        let attached = self.teller(tenant, outbox).attach(&event, &entities, look);
        let attached = attached.await;
        if let Some(error) = attached.faults.into_iter().next() {
            return Err(anyhow::Error::from(error).context("cannot tell the tenant of a change"));
        }
        if let Some(refused) = attached.refused.first() {
            anyhow::bail!("{refused}");
        }
        if !attached.missing.is_empty() {
            let wait = Wait::for_("entities that the tenant does not know yet");
            return Ok(Outcome::Waits(vec![wait]));
        }
        outbox.entry.posted = Some(now);
        Ok(Outcome::Done)
    }

    fn teller<'t>(&self, tenant: &'t Dynatrace, outbox: &'t Outbox) -> Teller<'t> {
        Teller {
            tenant,
            until: self.tick.remotes_until(),
            request: &outbox.entry.text,
        }
    }

    /// The entities that the flag touches.
    pub(super) async fn entities(
        &self,
        tenant: &Dynatrace,
        outbox: &Outbox,
    ) -> anyhow::Result<Entities> {
        let now = self.tick.now;
        let touches = outbox.event.entities.as_ref();
        let touches = touches.context("the event belongs to no entity")?;
        let entity_type = EntityType::named(&touches.etype)
            .with_context(|| format!("there are no entities of type `{}`", touches.etype))?;
        let scope = Scope {
            entity_type,
            tags: touches.tags.iter().map(tag).collect(),
        };
        let seen = Window {
            from_ms: now.saturating_sub(SEEN_WITHIN)?.as_millisecond(),
            to_ms: now.as_millisecond(),
        };
        let until = self.tick.remotes_until();
        let found = tenant.entities(&scope, seen, until).await;
        let found = found.context("cannot find the entities of the flag")?;
        let ids = found.into_iter().map(|entity| entity.id).collect();
        Ok(BTreeMap::from([(touches.etype.clone(), ids)]))
    }

    /// The entities that have the event already.
    pub(super) async fn has(
        &self,
        tenant: &Dynatrace,
        outbox: &Outbox,
        entities: &Entities,
    ) -> anyhow::Result<BTreeSet<String>> {
        let began = start(&outbox.event, self.tick.now);
        let marker = &outbox.entry.text;
        self.having(tenant, outbox, marker, began, entities).await
    }

    /// The entities that have the event about the flag of this marker, which
    /// began at this moment.
    async fn having(
        &self,
        tenant: &Dynatrace,
        outbox: &Outbox,
        marker: &str,
        began: Timestamp,
        entities: &Entities,
    ) -> anyhow::Result<BTreeSet<String>> {
        let look = LookFor {
            window: around(began, self.tick.now),
            is_it: &|event| is_about(event, &outbox.flag, marker),
            in_doubt: InDoubt::Fault,
        };
        let teller = self.teller(tenant, outbox);
        let having = teller
            .having(EventKind::Configuration, entities, look)
            .await;
        having.context("cannot look for an earlier event")
    }
}

fn is_about(event: &RecordedEvent, flag: &str, marker: &str) -> bool {
    ChangeEvent::marker(&event.properties) == marker
        && event.properties.get("feature.flag").map(String::as_str) == Some(flag)
}

/// When an event that began then may have been told.
fn around(began: Timestamp, now: Timestamp) -> Window {
    Window {
        from_ms: began.as_millisecond() - 60_000,
        to_ms: now.as_millisecond() + 60_000,
    }
}

/// Whether the clock had something to write down.
enum Clock {
    Written,
    Nothing,
    Waits,
}

fn clock(found: &Found, flag: &str, change: &str, now: Timestamp) -> Decision<Clock> {
    let Some(set) = &found.set else {
        return Decision::Leave(Clock::Nothing);
    };
    // What is declared no more does nothing.
    let Some(declared) = set.declarations.flags.get(flag) else {
        return Decision::Leave(Clock::Nothing);
    };
    let untouched = State::default();
    let situation = Situation {
        set: &set.name,
        flag: declared,
        state: set.states.get(flag).unwrap_or(&untouched),
        now,
    };
    let request = Request {
        change: change.to_owned(),
        batch: None,
        by: Author {
            name: "the clock".to_owned(),
            kind: AuthorKind::Clock,
        },
        why: String::new(),
        triggered_by: "schedule".to_owned(),
        problem: None,
        expected: None,
    };
    match step(situation, &request, &step::Event::Tick) {
        step::Outcome::Written(transition) => {
            let commit = Commit {
                flags: vec![(flag.to_owned(), *transition)],
                ..Commit::default()
            };
            Decision::Write(commit, Clock::Written)
        }
        _ => Decision::Leave(Clock::Nothing),
    }
}

fn event(event: &ChangeEvent, address: Option<&str>, now: Timestamp) -> dynatrace::Event {
    let mut properties = event.properties.clone();
    let action = address.and_then(|address| taken_back_at(address, &properties));
    properties.extend(action.map(|action| ("remediationAction".to_owned(), action)));
    let at = start(event, now).as_millisecond();
    dynatrace::Event {
        kind: EventKind::Configuration,
        title: event.title.clone(),
        start_ms: Some(at),
        end_ms: Some(at),
        source: SOURCE.to_owned(),
        properties,
        ..dynatrace::Event::default()
    }
}

/// Where the change of an event is taken back, if it can be: an address without
/// any credential.
fn taken_back_at(address: &str, properties: &BTreeMap<String, String>) -> Option<String> {
    if !Cause::is_word_of_a_change(properties.get("change.cause")?) {
        return None;
    }
    let flag = properties.get("feature.flag")?;
    let change = properties.get("change.id")?;
    let change = restore::named(change);
    Some(format!(
        "{address}/api/remediation/feature-flag/{flag}/restore?{change}"
    ))
}

fn start(event: &ChangeEvent, now: Timestamp) -> Timestamp {
    event.at.max(now.saturating_sub(OLDEST).unwrap_or(now))
}

fn tag(tag: &flags::Tag) -> Tag {
    Tag {
        context: tag.context.clone(),
        key: tag.key.clone(),
        value: tag.value.clone(),
    }
}

//! Attaching an event to entities that do not have it yet.

use std::collections::BTreeSet;

use dynatrace::{Announced, Dynatrace, Error, Event, RecordedEvent, Window};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::targets::Found;
use crate::refusal::{Refusal, Stop};

/// How far back an earlier attempt may lie: a function that is invoked
/// asynchronously is invoked again for up to six hours.
const EARLIER_ATTEMPTS: SignedDuration = SignedDuration::from_hours(6);

/// How many entities an earlier attempt is looked for on: looking must not use
/// up what the tenant answers in a minute, of which telling takes as much.
const MOST_LOOKED_FOR: usize = 400;

/// Looking for an earlier attempt may take one part of so many of what is left
/// of the time.
const SHARE: u32 = 4;

/// Something to be announced, whomever it is attached to.
#[derive(Debug)]
pub(super) struct Change {
    /// The event, without entities.
    pub(super) event: Event,
    /// The properties by which it is known again.
    pub(super) marker: Vec<&'static str>,
}

/// What became of events.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// How many entities have theirs by now.
    have_it: usize,
    /// What is still missing, in words.
    missing: Vec<String>,
    /// What kept the others from being told.
    stopped: Vec<Stop>,
}

/// The tenant that gets events, and the time for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Teller<'a> {
    /// What asked for it, for log lines.
    pub(super) request: &'a str,
    pub(super) tenant: &'a Dynatrace,
    pub(super) now: Timestamp,
    pub(super) deadline: Instant,
}

impl Teller<'_> {
    /// Attaches an event to those of the entities that are not known to have
    /// it. An earlier attempt whose event is not visible yet, or cannot be
    /// looked for, is repeated: the search for causes merges a duplicate, but
    /// cannot fill a gap. What stops one type of entities stops no other.
    pub(super) async fn tell(self, change: &Change, found: &Found, told: &mut Told) {
        let having = self.having(change, found).await;
        for (type_, ids) in &found.by_type {
            let lacking = ids.iter().filter(|id| !having.contains(*id));
            let lacking: Vec<String> = lacking.cloned().collect();
            told.have_it += ids.len() - lacking.len();
            if lacking.is_empty() {
                continue;
            }
            let wanted = lacking.len();
            let event = Event {
                entities: lacking,
                ..change.event.clone()
            };
            let attached = match self.tenant.announce(&event, self.deadline).await {
                Ok(Announced::Attached { attached, .. }) => attached,
                Ok(Announced::NobodyMatched) => 0,
                Ok(Announced::Refused { statuses, .. }) => {
                    told.stopped.push(refused(type_, &statuses).into());
                    continue;
                }
                Err(error) => {
                    told.stopped.push(stop(error));
                    continue;
                }
            };
            told.have_it += attached.min(wanted);
            if attached < wanted {
                told.missing.push(format!(
                    "Dynatrace attached the event to {attached} of {wanted} entities of type {type_}"
                ));
            }
        }
    }

    /// The entities that carry the event already, as far as it can be known
    /// within its share of the time.
    async fn having(self, change: &Change, found: &Found) -> BTreeSet<String> {
        let entities: usize = found.by_type.values().map(Vec::len).sum();
        if MOST_LOOKED_FOR < entities {
            tracing::warn!(
                request.id = self.request,
                entities,
                "Not looking for an earlier announcement on so many entities, it may be there twice"
            );
            return BTreeSet::new();
        }
        let start = change.event.start_ms.unwrap_or(i64::MAX);
        let earliest = self
            .now
            .saturating_sub(EARLIER_ATTEMPTS)
            .unwrap_or(self.now);
        let window = Window {
            from_ms: start.min(earliest.as_millisecond()),
            to_ms: self.now.as_millisecond() + 60_000,
        };
        let began = Instant::now();
        let until = began + self.deadline.saturating_duration_since(began) / SHARE;
        let kind = change.event.kind;
        let looks = found
            .by_type
            .values()
            .map(|ids| self.tenant.events(kind, ids, window, until));
        let mut having = BTreeSet::new();
        for look in join_all(looks).await {
            match look {
                Ok(events) => {
                    let ours = events.into_iter().filter(|event| change.is(event));
                    having.extend(ours.map(|event| event.entity));
                }
                Err(error) => tracing::warn!(
                    request.id = self.request,
                    "Cannot look for an earlier announcement, it may be there twice: {:#}",
                    anyhow::Error::from(error)
                ),
            }
        }
        having
    }
}

impl Told {
    /// How many have it, and what is missing. Of what stopped something, all
    /// that a person can correct is told; else the first fault.
    pub(super) fn ended(self) -> Result<(usize, Vec<String>), Stop> {
        let mut refused: Option<Refusal> = None;
        let mut fault = None;
        for stop in self.stopped {
            match (stop, &mut refused) {
                (Stop::Refused(refusal), None) => refused = Some(refusal),
                (Stop::Refused(refusal), Some(known)) => {
                    if !known.text.contains(&refusal.text) {
                        known.text = format!("{}; {}", known.text, refusal.text);
                    }
                }
                (Stop::Fault(error), _) => {
                    fault.get_or_insert(error);
                }
            }
        }
        match (refused, fault) {
            (Some(refusal), _) => Err(refusal.into()),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok((self.have_it, self.missing)),
        }
    }
}

impl Change {
    /// Others may announce the same thing, and say less about it.
    fn is(&self, recorded: &RecordedEvent) -> bool {
        recorded.source.as_ref() == Some(&self.event.source)
            && self.marker.iter().all(|name| {
                let wanted = self.event.properties.get(*name);
                wanted.is_some() && recorded.properties.get(*name) == wanted
            })
    }
}

fn refused(type_: &str, statuses: &[String]) -> Refusal {
    Refusal::configuration(format!(
        "Dynatrace did not take the event for entities of type {type_}: {}",
        statuses.join(", ")
    ))
}

/// What a person can correct is a refusal; anything else may pass by itself.
pub(super) fn stop(error: Error) -> Stop {
    match error {
        Error::Unauthorised(_) | Error::ScopeMissing(_) => Refusal::permission(error).into(),
        Error::BadSelector(_) | Error::ApiGone => Refusal::configuration(error).into(),
        other => Stop::Fault(anyhow::Error::from(other).context("cannot announce the deployment")),
    }
}

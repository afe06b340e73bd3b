//! Attaching an event to entities that do not have it yet.

use std::collections::BTreeSet;

use dynatrace::{Announced, Dynatrace, Error, Event, EventKind, RecordedEvent, Window};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::targets::Found;
use crate::refusal::{Refusal, Stop};

/// How far back an earlier attempt may lie: a function that is invoked
/// asynchronously is invoked again for up to six hours.
const EARLIER_ATTEMPTS: SignedDuration = SignedDuration::from_hours(6);

/// Something to be announced, whomever it is attached to.
#[derive(Debug)]
pub(super) struct Change {
    /// The event, without entities.
    pub(super) event: Event,
    /// The properties by which it is known again.
    pub(super) marker: Vec<&'static str>,
}

/// What became of an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// How many entities have it by now.
    pub(super) have_it: usize,
    /// What is still missing, in words.
    pub(super) missing: Vec<String>,
}

/// Who is told, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Teller<'a> {
    pub(super) tenant: &'a Dynatrace,
    pub(super) now: Timestamp,
    pub(super) deadline: Instant,
}

impl Teller<'_> {
    /// Attaches an event to those of the entities that are not known to have
    /// it. An earlier attempt whose event is not visible yet is repeated: a
    /// duplicate is merged by whoever looks for causes, a gap is not.
    pub(super) async fn tell(self, change: &Change, found: &Found) -> Result<Told, Stop> {
        let mut told = Told::default();
        for (type_, ids) in &found.by_type {
            let having = self.having(change, ids).await?;
            told.have_it += having.len();
            let lacking: Vec<String> = ids
                .iter()
                .filter(|id| !having.contains(id.as_str()))
                .cloned()
                .collect();
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
                    return Err(Refusal::configuration(format!(
                        "Dynatrace did not take the event: {}",
                        statuses.join(", ")
                    ))
                    .into());
                }
                Err(error) => return Err(stop(error)),
            };
            told.have_it += attached.min(wanted);
            if attached < wanted {
                told.missing.push(format!(
                    "Dynatrace attached the event to {attached} of {wanted} entities of type {type_}"
                ));
            }
        }
        Ok(told)
    }

    /// The entities that carry the event already.
    async fn having<'i>(
        self,
        change: &Change,
        ids: &'i [String],
    ) -> Result<BTreeSet<&'i str>, Stop> {
        let start = change.event.start_ms.unwrap_or(i64::MAX);
        let earliest = self
            .now
            .saturating_sub(EARLIER_ATTEMPTS)
            .unwrap_or(self.now);
        let window = Window {
            from_ms: start.min(earliest.as_millisecond()),
            to_ms: self.now.as_millisecond() + 60_000,
        };
        let kind: EventKind = change.event.kind;
        let looks = ids.iter().map(async |id| {
            let one = std::slice::from_ref(id);
            let events = self.tenant.events(kind, one, window, self.deadline).await?;
            Ok(events
                .iter()
                .any(|event| change.is(event))
                .then_some(id.as_str()))
        });
        match try_join_all(looks).await {
            Ok(having) => Ok(having.into_iter().flatten().collect()),
            Err(Error::ScopeMissing(scope)) => {
                tracing::warn!(
                    "Cannot look for an earlier announcement, it may be there twice: the API token lacks a scope: {scope}"
                );
                Ok(BTreeSet::new())
            }
            Err(error) => Err(stop(error)),
        }
    }
}

impl Change {
    fn is(&self, recorded: &RecordedEvent) -> bool {
        self.marker.iter().all(|name| {
            let wanted = self.event.properties.get(*name);
            wanted.is_some() && recorded.properties.get(*name) == wanted
        })
    }
}

/// What a person can correct is told to a person; anything else may pass.
pub(super) fn stop(error: Error) -> Stop {
    use delivery::job::JobFailure;
    match error {
        Error::Unauthorised(_) | Error::ScopeMissing(_) => Stop::Refused(Refusal {
            failure: JobFailure::Permission,
            text: error.to_string(),
        }),
        Error::BadSelector(_) | Error::ApiGone => Refusal::configuration(error).into(),
        other => Stop::Fault(anyhow::Error::from(other).context("cannot announce the deployment")),
    }
}

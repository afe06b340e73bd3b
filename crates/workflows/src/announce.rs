//! Attaching an event to those entities that do not have it yet.
//!
//! A tenant that is told twice has two events. So an event is looked for on its
//! entities, wherever somebody may have attached it before, and attached to the
//! others. Nothing is kept here: whoever dies at any line is followed by somebody
//! who looks again. `tests/tests/it/rows.rs` names the test of each row.
//!
//! | Row | Entities | Looked for | Next |
//! |---|---|---|---|
//! | `story.first` | – | not: nobody can have told them | attached to all |
//! | `story.found` | all have it | and found | nothing is sent |
//! | `story.lacking` | some have it | and found on them | attached to the others |
//! | `story.doubt.repeat` | nobody can say in time, or they are too many to look at | in vain; whoever reads the events takes two for one | attached to all |
//! | `story.doubt.fault` | nobody can say | in vain; nobody would know the two for one | nothing is sent: a fault |
//!
//! What the tenant answers is counted, for each type of entities by itself:
//!
//! | Row | Answered | Counted as |
//! |---|---|---|
//! | `story.attached` | attached to all of them | having it |
//! | `story.missing` | attached to fewer | having it, and missing |
//! | `story.refused` | it does not take the event | refused; the other types are told |
//! | `story.fault` | nothing that can be understood | a fault; the other types are told |

use std::collections::{BTreeMap, BTreeSet};

use dynatrace::{Announced, Dynatrace, Error, Event, EventKind, RecordedEvent, Window};
use futures_util::future::join_all;
use tokio::time::Instant;

/// On how many entities an event is looked for: looking must not use up what the
/// tenant answers in a minute, of which telling takes as much.
const MOST_LOOKED_AT: usize = 400;

/// Looking may take one part of so many of what is left of the time, where the
/// rest is needed to tell without knowing.
const SHARE: u32 = 4;

/// Entities by their types.
pub(crate) type Entities = BTreeMap<String, Vec<String>>;

/// The tenant, and until when it is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Teller<'a> {
    pub(crate) tenant: &'a Dynatrace,
    pub(crate) until: Instant,
    /// What asked for it, for log lines.
    pub(crate) request: &'a str,
}

/// How an earlier event is looked for.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    /// When it may have begun.
    pub(crate) window: Window,
    /// Whether an event is the one that is looked for.
    pub(crate) is_it: &'a (dyn Fn(&RecordedEvent) -> bool + Sync),
    /// What follows where nobody can say.
    pub(crate) in_doubt: InDoubt,
}

/// What follows where nobody can say whether an event is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InDoubt {
    /// It is attached: its readers take two for one, but cannot fill a gap.
    Repeat,
    /// It is a fault.
    Fault,
}

/// Which entities have an event by now.
#[derive(Debug, Default)]
pub(crate) struct Attached {
    /// How many have it.
    pub(crate) have_it: usize,
    /// What is still missing, in words.
    pub(crate) missing: Vec<String>,
    /// Why the tenant did not take it, in words.
    pub(crate) refused: Vec<String>,
    /// What was broken.
    pub(crate) faults: Vec<Error>,
}

impl Attached {
    pub(crate) fn add(&mut self, other: Self) {
        self.have_it += other.have_it;
        self.missing.extend(other.missing);
        self.refused.extend(other.refused);
        self.faults.extend(other.faults);
    }
}

impl Teller<'_> {
    /// Attaches an event, which names no entities itself, to those of the entities
    /// that are not known to have it. Without a `look`, nobody can have told them.
    pub(crate) async fn attach(
        self,
        event: &Event,
        entities: &Entities,
        look: Option<Look<'_>>,
    ) -> Attached {
        let mut counted = Attached::default();
        let having = match look {
            None => BTreeSet::new(),
            Some(look) => match self.looked(event.kind, entities, look).await {
                Ok(having) => having,
                Err(error) => {
                    counted.faults.push(error);
                    return counted;
                }
            },
        };
        for (type_, ids) in entities {
            let lacking = ids.iter().filter(|id| !having.contains(*id));
            let lacking: Vec<String> = lacking.cloned().collect();
            counted.have_it += ids.len() - lacking.len();
            if lacking.is_empty() {
                continue;
            }
            let wanted = lacking.len();
            let event = Event {
                entities: lacking,
                ..event.clone()
            };
            let attached = match self.tenant.announce(&event, self.until).await {
                Ok(Announced::Attached { attached, .. }) => attached.min(wanted),
                Ok(Announced::NobodyMatched) => 0,
                Ok(Announced::Refused { statuses, .. }) => {
                    counted.refused.push(format!(
                        "Dynatrace did not take the event for entities of type {type_}: {}",
                        statuses.join(", ")
                    ));
                    continue;
                }
                Err(error) => {
                    counted.faults.push(error);
                    continue;
                }
            };
            counted.have_it += attached;
            if attached < wanted {
                counted.missing.push(format!(
                    "Dynatrace attached the event to {attached} of {wanted} entities of type {type_}"
                ));
            }
        }
        counted
    }

    async fn looked(
        self,
        kind: EventKind,
        entities: &Entities,
        look: Look<'_>,
    ) -> Result<BTreeSet<String>, Error> {
        if look.in_doubt == InDoubt::Fault {
            return self.having(kind, entities, look).await;
        }
        let count: usize = entities.values().map(Vec::len).sum();
        if MOST_LOOKED_AT < count {
            tracing::warn!(
                request.id = self.request,
                entities = count,
                "Not looking for an earlier announcement on so many entities, it may be there twice"
            );
            return Ok(BTreeSet::new());
        }
        let began = Instant::now();
        let soon = Self {
            until: began + self.until.saturating_duration_since(began) / SHARE,
            ..self
        };
        let mut having = BTreeSet::new();
        for looked in soon.looks(kind, entities, look).await {
            match looked {
                Ok(found) => having.extend(found),
                Err(error) => tracing::warn!(
                    request.id = self.request,
                    "Cannot look for an earlier announcement, it may be there twice: {:#}",
                    anyhow::Error::from(error)
                ),
            }
        }
        Ok(having)
    }

    /// The entities that have the event already.
    pub(crate) async fn having(
        self,
        kind: EventKind,
        entities: &Entities,
        look: Look<'_>,
    ) -> Result<BTreeSet<String>, Error> {
        let looks = self.looks(kind, entities, look).await.into_iter();
        let found: Vec<Vec<String>> = looks.collect::<Result<_, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The same of each type by itself.
    async fn looks(
        self,
        kind: EventKind,
        entities: &Entities,
        look: Look<'_>,
    ) -> Vec<Result<Vec<String>, Error>> {
        let looks = entities.values().map(async |ids| {
            let window = look.window;
            let events = self.tenant.events(kind, ids, window, self.until).await?;
            let found = events.into_iter().filter(|event| (look.is_it)(event));
            Ok(found.map(|event| event.entity).collect())
        });
        join_all(looks).await
    }
}

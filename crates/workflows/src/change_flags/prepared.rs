//! Changes that are made only together with their events: the table of
//! [`flags::require`].

use std::collections::BTreeSet;
use std::time::Duration;

use dynatrace::Dynatrace;
use flags::require::{Ending, Heard, ending};
use flags::state::State;
use flags::step::{self, Request, Situation, Transition, step};
use flags::{Aborted, Because};
use futures_util::future::join_all;
use jiff::Timestamp;
use release::work::Outcome;
use serde_json::{Value as Json, json};
use store::{
    Claimed, Commit, Decision, EndedAs, Ends, FlagSet, Found, Outbox, Owed, PreparedChange,
    StoreError, What,
};

use super::owed::{Observed, Stored, Walk};
use super::watched::begun;
use super::{Answer, Ended, Services, answer};
use crate::work::{Progress, Tick, Worker};

/// How long the tenant is waited for without which nothing is changed.
const WAITED_FOR: Duration = Duration::from_secs(10);

/// Makes what was prepared, or not, and says which.
pub(super) async fn make(
    services: &Services,
    tenant: &anyhow::Result<Dynatrace>,
    mut made: Answer,
    prepared: Claimed<Owed>,
    tick: Tick,
    observe: &(dyn Fn(Observed<'_>) + Sync),
) -> Answer {
    let soon = Tick {
        deadline: tick.deadline.min(tick.began + WAITED_FOR),
        ..tick
    };
    let worker = Worker {
        queue: services.flags.queue(),
        tick: soon,
        observe: &|observed| observe(observed),
    };
    let look = Walk::new(services, tenant, soon, Stored::JustNow);
    let ended = match worker.work_held(prepared, look).await {
        Ok(report) => report.and_then(|report| match report.about.owed.what {
            What::Prepared(change) => Some(*change),
            What::Timer { .. } | What::Event(_) | What::Remark(_) | What::Watch { .. } => None,
        }),
        Err(error) => {
            let error = anyhow::Error::from(error);
            tracing::warn!(
                change.batch = made.body["changeId"].as_str(),
                "What became of a change that requires its event is not known yet: {error:#}"
            );
            None
        }
    };
    match ended.map(|change| (change.ended, change.answer)) {
        Some((Some(EndedAs::Made), answer)) => {
            if let Some((_, repeat)) = answer {
                made.body = serde_json::from_str(&repeat.body).unwrap_or(made.body);
            }
            made
        }
        Some((Some(EndedAs::Aborted(Because::NotTold)), _)) => {
            let why = "the tenant did not take the event, so nothing was changed";
            let mut refused = Answer::refused(Ended::NotTold, why);
            refused.body["eventSent"] = false.into();
            refused.body["eventDetails"] = json!({"success": false, "error": why});
            refused
        }
        Some((Some(EndedAs::Aborted(Because::Overtaken)), _)) => {
            let why = "the flag was changed while the event was sent, so this was not";
            Answer::refused(Ended::Conflict, why)
        }
        Some((None, _)) | None => {
            let why = "it is not known yet whether the tenant took the event; send it again";
            Answer::refused(Ended::Waits, why)
        }
    }
}

impl Walk<'_> {
    /// Ends a change that waits for its event.
    pub(super) async fn make(&mut self, claimed: &mut Claimed<Owed>) -> anyhow::Result<Outcome> {
        let What::Prepared(change) = &claimed.what else {
            return Ok(Outcome::Done);
        };
        let change = change.as_ref().clone();
        let set = self.services.flags.set(&change.set).await?;
        let now = self.tick.now;
        let prepared = set
            .as_ref()
            .and_then(|set| Some((set, change.prepared(set)?)));
        let mut sent = Vec::new();
        let ending = match prepared {
            None => ending(Heard::Taken, false, now),
            Some((set, prepared)) => {
                let events = prepared
                    .into_iter()
                    .flat_map(|(flag, to)| change.events(set, flag, to));
                let heard = match self.stored {
                    Stored::JustNow => self.tell_all(&change, events.collect(), &mut sent).await,
                    Stored::Earlier => self.ask_for_all(&change, events.collect(), &mut sent).await,
                };
                match heard {
                    Ok(heard) => ending(heard, true, now),
                    Err(error) => {
                        let since = change.since;
                        match ending(Heard::Unknown { since }, true, now) {
                            Ending::Waits => return Err(error),
                            other => other,
                        }
                    }
                }
            }
        };
        let ended = match ending {
            Ending::Made => EndedAs::Made,
            Ending::Aborted(because) => EndedAs::Aborted(because),
            // Only where the tenant cannot be asked, which is an error.
            Ending::Waits => return Ok(Outcome::Done),
        };
        self.end(claimed, change, ended, &sent).await
    }

    /// Tells the tenant of everything: one attempt each.
    async fn tell_all(
        &mut self,
        change: &PreparedChange,
        events: Vec<Outbox>,
        sent: &mut Vec<String>,
    ) -> anyhow::Result<Heard> {
        let mut heard = Heard::Taken;
        let this = &*self;
        let telling = events.into_iter().map(async |mut outbox| {
            let told = match this.tenant() {
                Ok(tenant) => this.told(tenant, &mut outbox).await,
                Err(error) => Err(error),
            };
            (outbox, told)
        });
        for (outbox, told) in join_all(telling).await {
            if let Err(error) = &told {
                self.noted(error);
                tracing::warn!(
                    flag.name = outbox.flag,
                    "The tenant did not take an event that is required: {error:#}"
                );
            }
            if outbox.entry.posted.is_some() {
                sent.push(outbox.entry.text);
            } else if change.requires(&outbox.flag) {
                heard = Heard::NotTaken;
            }
        }
        Ok(heard)
    }

    /// Asks the tenant whether it has everything that a request told it which died.
    async fn ask_for_all(
        &mut self,
        change: &PreparedChange,
        events: Vec<Outbox>,
        sent: &mut Vec<String>,
    ) -> anyhow::Result<Heard> {
        let mut heard = Heard::Taken;
        let this = &*self;
        let asking = events.into_iter().map(async |outbox| {
            let asked = this.has_all(&outbox).await;
            (outbox, asked)
        });
        for (outbox, asked) in join_all(asking).await {
            match asked {
                Ok(Has::Everywhere) => sent.push(outbox.entry.text),
                Ok(Has::Nowhere) if change.requires(&outbox.flag) => heard = Heard::NotTaken,
                Err(error) if change.requires(&outbox.flag) => {
                    self.noted(&error);
                    return Err(error);
                }
                // What is lacking somewhere follows with the outbox.
                Ok(Has::Somewhere | Has::Nowhere) | Err(_) => {}
            }
        }
        Ok(heard)
    }

    async fn has_all(&self, outbox: &Outbox) -> anyhow::Result<Has> {
        let tenant = self.tenant()?;
        let entities = self.entities(tenant, outbox).await?;
        let having = self.has(tenant, outbox, &entities).await?;
        Ok(match having.len() {
            0 => Has::Nowhere,
            some if some < entities.values().map(Vec::len).sum() => Has::Somewhere,
            _ => Has::Everywhere,
        })
    }

    async fn end(
        &self,
        claimed: &mut Claimed<Owed>,
        change: PreparedChange,
        ended: EndedAs,
        sent: &[String],
    ) -> anyhow::Result<Outcome> {
        let now = self.tick.now;
        let held = claimed.held();
        let repeat = change.answer.as_ref().map(|(id, _)| id.clone());
        let decide = |found: &Found| {
            let Some(set) = &found.set else {
                return Decision::Leave(None);
            };
            let prepared = change.prepared(set);
            let mut change = change.clone();
            let mut watches = BTreeSet::new();
            let (ended, flags) = match (ended, prepared) {
                (EndedAs::Made, Some(prepared)) => {
                    say_sent(&mut change, set, &prepared, sent);
                    watches.extend(prepared.iter().flat_map(|(flag, to)| begun(set, flag, to)));
                    (EndedAs::Made, as_prepared(prepared))
                }
                (EndedAs::Made, None) => {
                    let because = Because::Overtaken;
                    let flags = aborted(&change, set, because, now);
                    (EndedAs::Aborted(because), flags)
                }
                (EndedAs::Aborted(because), _) => (ended, aborted(&change, set, because, now)),
            };
            change.ended = Some(ended);
            let repeat = change.answer.clone().map(|(_, repeat)| repeat);
            let commit = Commit {
                flags,
                repeat: repeat.filter(|_| ended == EndedAs::Made).map(Box::new),
                watches: watches.into_iter().collect(),
                ends: Some(Box::new(Ends {
                    change: change.clone(),
                    held: held.clone(),
                    sent: sent.to_vec(),
                })),
                ..Commit::default()
            };
            Decision::Write(commit, Some(change))
        };
        let flags = &self.services.flags;
        let mut written = flags
            .change(&change.set, repeat.as_ref(), now, decide)
            .await;
        if let Err(StoreError::TooLarge { .. }) = written {
            // What was prepared fits. With what the clock did since, each flag has
            // more to write down, and can by itself.
            for flag in change.wanted.keys() {
                self.catch_up(&change.set, flag).await?;
            }
            written = flags
                .change(&change.set, repeat.as_ref(), now, decide)
                .await;
        }
        let Some(change) = written?.decided else {
            return Ok(Outcome::Done);
        };
        claimed.what = What::Prepared(Box::new(change));
        // Its end was written with what it changed.
        Ok(Outcome::Lost)
    }
}

/// Where the tenant has an event.
enum Has {
    Everywhere,
    Somewhere,
    Nowhere,
}

fn as_prepared(prepared: Vec<(&str, &Transition)>) -> Vec<(String, Transition)> {
    let flags = prepared.into_iter();
    flags
        .map(|(flag, transition)| (flag.to_owned(), transition.clone()))
        .collect()
}

/// Says in the answer which events the tenant has.
fn say_sent(
    change: &mut PreparedChange,
    set: &FlagSet,
    prepared: &[(&str, &Transition)],
    sent: &[String],
) {
    let events = prepared
        .iter()
        .flat_map(|(flag, to)| change.events(set, flag, to));
    let events: Vec<Outbox> = events.collect();
    let Some((_, repeat)) = &mut change.answer else {
        return;
    };
    let mut body: Json = serde_json::from_str(&repeat.body).unwrap_or_default();
    for mut outbox in events {
        if sent.contains(&outbox.entry.text) {
            outbox.entry.posted = Some(repeat.at);
        }
        answer::event(&mut body, &outbox, &Progress::Settled);
    }
    repeat.body = body.to_string();
}

/// What is written of each flag whose change is not made.
fn aborted(
    change: &PreparedChange,
    set: &FlagSet,
    because: Because,
    now: Timestamp,
) -> Vec<(String, Transition)> {
    let untouched = State::default();
    let aborted = change.wanted.iter().filter_map(|(flag, wanted)| {
        let situation = Situation {
            set: &set.name,
            // What is declared no more has nothing to be aborted.
            flag: set.declarations.flags.get(flag)?,
            state: set.states.get(flag).unwrap_or(&untouched),
            now,
        };
        let request = Request {
            change: wanted.change.clone(),
            batch: (1 < change.wanted.len()).then(|| change.request.clone()),
            by: change.by.clone(),
            why: change.why.clone(),
            triggered_by: change.triggered_by.clone(),
            problem: None,
            expected: None,
        };
        let event = step::Event::Abort(Aborted {
            wanted: wanted.value.clone(),
            because,
        });
        match step(situation, &request, &event) {
            step::Outcome::Written(transition) => Some((flag.clone(), *transition)),
            _ => None,
        }
    });
    aborted.collect()
}

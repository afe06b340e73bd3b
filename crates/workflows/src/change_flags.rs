//! Flags are changed over HTTP, and what is owed because of it is done: the
//! tenant is told, and what the clock did is written down.
//!
//! What follows from a change is the table of [`flags::step`].

mod answer;
mod asked;
mod owed;

use std::collections::BTreeMap;
use std::time::Duration;

use dynatrace::Dynatrace;
use flags::key::{Action, Denied, Key, Presented, verify};
use flags::state::State;
use flags::step::{self, Refusal, Request, Situation, Transition, step};
use flags::{Declarations, is_flag_name};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use release::window::saturating_add;
use serde_json::{Value as Json, json};
use store::{Commit, Decision, FlagSet, Flags, Found, Repeat, RepeatId, What};
use uuid::Uuid;

use crate::work::{Tick, Worker};
use asked::{Asked, Happens};

pub use asked::Call;
pub(crate) use owed::SOURCE;
pub use owed::{Observed, Ticked, Worked, tick};

/// How long whoever changes a flag waits for its event: what is not sent by then
/// follows.
const WAITED_FOR: Duration = Duration::from_secs(2);

/// How long the same request without a key of its own is the same one.
const SAME_REQUEST: SignedDuration = SignedDuration::from_mins(15);

/// What flags are changed with.
#[derive(Debug)]
pub struct Services {
    /// Where they are.
    pub flags: Flags,
    /// Which set it is.
    pub set: String,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What is asked for.
    pub call: Call,
    /// The key that was presented.
    pub key: Option<&'a Presented>,
    /// What makes a repetition the same request, in the words of the caller.
    pub idempotency: Option<&'a str>,
    /// The body.
    pub body: &'a str,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How it ended.
    pub ended: Ended,
    /// What the caller is told.
    pub body: Json,
    /// The changes that were made: flags and their versions.
    pub made: Vec<(String, u64)>,
    /// The versions of all flags that it is about.
    versions: BTreeMap<String, u64>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is done, was done before, or was so already.
    Done,
    /// It has begun.
    Begun,
    /// It makes no sense.
    Bad,
    /// Nobody knows who asks.
    Unknown,
    /// Whoever asks may not.
    Forbidden,
    /// Something else was done meanwhile.
    Conflict,
    /// It comes too often.
    TooOften {
        /// After how many seconds it may come again.
        seconds: i64,
    },
    /// Nothing is declared yet.
    Undeclared,
}

impl Ended {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::Done => 200,
            Self::Begun => 202,
            Self::Bad => 400,
            Self::Unknown => 401,
            Self::Forbidden => 403,
            Self::Conflict => 409,
            Self::TooOften { .. } => 429,
            Self::Undeclared => 503,
        }
    }
}

/// Whether a set may have this name.
pub fn is_set_name(name: &str) -> bool {
    is_flag_name(name)
}

/// Does what is asked for.
pub async fn change_flags(
    services: &Services,
    connect: impl AsyncFnOnce() -> anyhow::Result<Dynatrace>,
    wanted: Wanted<'_>,
    tick: Tick,
    observe: &(dyn Fn(Observed<'_>) + Sync),
) -> anyhow::Result<Answer> {
    let now = tick.now;
    let id = wanted.key.map(|key| key.id.as_str());
    let look = services.flags.look(&services.set, id).await?;
    let key = match wanted.key {
        Some(presented) => verify(look.key.as_ref(), presented, now),
        None => Err(Denied::Unknown),
    };
    let Ok(key) = key else {
        return Ok(Answer::refused(Ended::Unknown, Denied::Unknown));
    };
    let asked = match asked::read(wanted.call, wanted.body) {
        Ok(Some(asked)) => asked,
        Ok(None) => return list(services, key, now).await,
        Err(bad) => return Ok(Answer::refused(Ended::Bad, bad)),
    };
    let hash = asked.hash();
    let repeat = RepeatId {
        key: key.id.clone(),
        hash: wanted.idempotency.map_or(hash.clone(), asked::hash_of),
    };
    let batch = Uuid::new_v4().to_string();
    let claim = Uuid::new_v4().to_string();
    let change = OneChange {
        services,
        key,
        asked: &asked,
        hash,
        is_named: wanted.idempotency.is_some(),
        batch: &batch,
        claim: (claim, tick.lease_until),
        now,
    };
    let decide = |found: &Found| change.decide(found);
    let flags = &services.flags;
    let written = flags
        .change(&services.set, Some(&repeat), now, decide)
        .await?;
    let mut answer = written.decided;
    if written.events.is_empty() {
        return Ok(answer);
    }

    // A tenant that cannot be reached is a fault of the event, which follows.
    let tenant = connect().await;
    let soon = Tick {
        deadline: tick.deadline.min(tick.began + WAITED_FOR),
        ..tick
    };
    let worker = Worker {
        queue: flags.queue(),
        tick: soon,
        observe: &|observed| observe(observed),
    };
    let sending = written.events.into_iter().map(|event| {
        let look = owed::Walk::new(services, &tenant, soon, owed::Stored::JustNow);
        worker.work_held(event, look)
    });
    for sent in join_all(sending).await {
        match sent {
            Ok(Some(report)) => {
                if let What::Event(outbox) = &report.about.owed.what {
                    answer::event(&mut answer.body, outbox, &report.progress);
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(
                change.batch = batch,
                "The result of sending an event was not stored: {:#}",
                anyhow::Error::from(error)
            ),
        }
    }
    let told = change.repeat(&answer);
    if let Err(error) = flags.answered(&repeat, &told).await {
        tracing::warn!(
            change.batch = batch,
            "The answer to a repeated request will say that the event is not sent: {:#}",
            anyhow::Error::from(error)
        );
    }
    Ok(answer)
}

async fn list(services: &Services, key: &Key, now: Timestamp) -> anyhow::Result<Answer> {
    let Some(set) = services.flags.set(&services.set).await? else {
        return Ok(Answer::undeclared(services));
    };
    if !key
        .scopes
        .iter()
        .any(|scope| scope.action == Action::Read && scope.set == services.set)
    {
        return Ok(Answer::refused(
            Ended::Forbidden,
            "the key may not read the flags",
        ));
    }
    Ok(Answer {
        ended: Ended::Done,
        body: answer::list(&set, key, now),
        made: Vec::new(),
        versions: BTreeMap::new(),
    })
}

/// One request that changes flags, whatever is found.
struct OneChange<'a> {
    services: &'a Services,
    key: &'a Key,
    asked: &'a Asked,
    hash: String,
    is_named: bool,
    batch: &'a str,
    claim: (String, Timestamp),
    now: Timestamp,
}

impl OneChange<'_> {
    fn decide(&self, found: &Found) -> Decision<Answer> {
        let Some(set) = &found.set else {
            return Decision::Leave(Answer::undeclared(self.services));
        };
        if let Some(repeat) = &found.repeat
            && (self.is_named || self.still_holds(set, repeat))
        {
            return Decision::Leave(self.again(repeat));
        }
        match self.transitions(set) {
            Err(refused) => Decision::Leave(*refused),
            Ok(transitions) => {
                let told = answer::done(set, self.asked, self.batch, &transitions, self.now);
                let flags: Vec<(String, Transition)> = transitions
                    .into_iter()
                    .filter_map(|(flag, transition)| Some((flag, transition?)))
                    .collect();
                if flags.is_empty() {
                    return Decision::Leave(told);
                }
                let commit = Commit {
                    repeat: Some(self.repeat(&told)),
                    flags,
                    claim: Some(self.claim.clone()),
                };
                Decision::Write(commit, told)
            }
        }
    }

    /// What was answered before, if the same was asked for.
    fn again(&self, repeat: &Repeat) -> Answer {
        if repeat.asked != self.hash {
            let why = "this Idempotency-Key belongs to another request";
            return Answer::refused(Ended::Conflict, why);
        }
        let ended = if repeat.status == Ended::Begun.status() {
            Ended::Begun
        } else {
            Ended::Done
        };
        Answer {
            ended,
            body: serde_json::from_str(&repeat.body).unwrap_or_default(),
            made: Vec::new(),
            versions: BTreeMap::new(),
        }
    }

    /// Whether the same request is a repetition: it is none once anything else
    /// was done with a flag, be it by the clock.
    fn still_holds(&self, set: &FlagSet, repeat: &Repeat) -> bool {
        let untouched = State::default();
        let is_as_it_was = |(flag, version): (&String, &u64)| {
            let state = set.states.get(flag).unwrap_or(&untouched);
            state.version == *version && !state.is_overdue(self.now)
        };
        self.now < saturating_add(repeat.at, SAME_REQUEST)
            && repeat.versions.iter().all(is_as_it_was)
    }

    fn repeat(&self, told: &Answer) -> Repeat {
        Repeat {
            change: self.batch.to_owned(),
            versions: told.versions.clone(),
            at: self.now,
            asked: self.hash.clone(),
            status: told.ended.status(),
            body: told.body.to_string(),
        }
    }

    /// What follows for each flag; nothing, where it is so already. What is wrong
    /// with one of them refuses all.
    fn transitions(&self, set: &FlagSet) -> Result<Transitions, Box<Answer>> {
        let events = self.events(&set.declarations)?;
        let author = self.key.author();
        let Some(author) = author else {
            let why = "a key that browsers have changes nothing";
            return Err(Box::new(Answer::refused(Ended::Forbidden, why)));
        };
        let untouched = State::default();
        let many = 1 < self.asked.wishes.len() || self.asked.is_bulk;
        let mut transitions = Transitions::new();
        for (index, (wish, event)) in self.asked.wishes.iter().zip(&events).enumerate() {
            let situation = Situation {
                set: &set.name,
                flag: &set.declarations.flags[&wish.flag],
                state: set.states.get(&wish.flag).unwrap_or(&untouched),
                now: self.now,
            };
            let request = Request {
                change: if many {
                    format!("{}-{index}", self.batch)
                } else {
                    self.batch.to_owned()
                },
                batch: many.then(|| self.batch.to_owned()),
                by: author.clone(),
                why: self.asked.reason.clone().unwrap_or_default(),
                triggered_by: self.asked.triggered_by.clone(),
                problem: self.asked.problem.clone(),
                expected: self.asked.expected,
            };
            let transition = match step(situation, &request, event) {
                step::Outcome::Written(transition) => Some(*transition),
                step::Outcome::Refused(refusal) => {
                    return Err(Box::new(self.refused(&wish.flag, &refusal)));
                }
                // All but the first follow from events that nobody asks for here.
                step::Outcome::Unchanged
                | step::Outcome::Deferred
                | step::Outcome::NotHeld(_)
                | step::Outcome::AlreadyBack => None,
            };
            transitions.insert(wish.flag.clone(), transition);
        }
        Ok(transitions)
    }

    /// What is to happen to each flag, if there is one, it may be so, and the key
    /// admits it: first what is wrong with the request, then who asks.
    fn events(&self, declared: &Declarations) -> Result<Vec<step::Event>, Box<Answer>> {
        let mut events = Vec::new();
        let mut invalid = Vec::new();
        let mut forbidden = None;
        for wish in &self.asked.wishes {
            match wish.event(declared, self.now) {
                Err(bad) => invalid.push((wish.flag.as_str(), bad)),
                Ok(Happens {
                    action,
                    value,
                    event,
                }) => {
                    let set = &self.services.set;
                    let admitted = self.key.admit(action, set, &wish.flag, value.as_ref());
                    forbidden = forbidden.or(admitted.err());
                    events.push(event);
                }
            }
        }
        if !invalid.is_empty() {
            let known = self.visible(declared);
            return Err(Box::new(answer::invalid(self.asked, &invalid, &known)));
        }
        match forbidden {
            Some(denied) => Err(Box::new(Answer::refused(Ended::Forbidden, denied))),
            None => Ok(events),
        }
    }

    /// The flags that whoever asks may know of.
    fn visible<'d>(&self, declared: &'d Declarations) -> Vec<&'d str> {
        let set = &self.services.set;
        let may = |name: &&str| {
            let named = |action| {
                self.key.scopes.iter().any(|scope| {
                    let unlimited = flags::key::Scope {
                        limits: Vec::new(),
                        ..scope.clone()
                    };
                    unlimited.admits(action, set, name, None)
                })
            };
            Action::ALL.into_iter().any(named)
        };
        declared.names().filter(may).collect()
    }

    fn refused(&self, flag: &str, refusal: &Refusal) -> Answer {
        let ended = match refusal {
            Refusal::Value(_)
            | Refusal::NothingBetween
            | Refusal::BadRamp
            | Refusal::Over(_)
            | Refusal::TooLong(_) => Ended::Bad,
            Refusal::TooOften { .. } | Refusal::Flapping { .. } => Ended::TooOften {
                seconds: refusal.retry_after(self.now).unwrap_or(1),
            },
            Refusal::NotAPerson => Ended::Forbidden,
            Refusal::Moved { .. }
            | Refusal::TooManyTrials
            | Refusal::Overruled(_)
            | Refusal::NothingToKeep
            | Refusal::NothingMoves
            | Refusal::NotLocked
            | Refusal::ChangedSince(_)
            | Refusal::UnknownChange(_)
            | Refusal::NothingBefore => Ended::Conflict,
        };
        let mut answer = Answer::refused(ended, refusal);
        answer.body["flag"] = flag.into();
        answer
    }
}

/// What follows for each flag.
type Transitions = BTreeMap<String, Option<Transition>>;

impl Answer {
    fn refused(ended: Ended, why: impl std::fmt::Display) -> Self {
        Self {
            ended,
            body: json!({"ok": false, "error": why.to_string()}),
            made: Vec::new(),
            versions: BTreeMap::new(),
        }
    }

    fn undeclared(services: &Services) -> Self {
        let why = format!(
            "nothing is declared in `{}`: apply a file with `monspec flags apply`",
            services.set
        );
        Self::refused(Ended::Undeclared, why)
    }
}

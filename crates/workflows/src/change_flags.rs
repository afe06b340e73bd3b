//! Flags are changed over HTTP, and what is owed because of it is done: the
//! tenant is told, and what the clock did is written down.
//!
//! What follows from a change is the table of [`flags::step`].

mod answer;
mod asked;
mod follows;
mod one;
mod owed;
mod prepared;
mod remarks;
pub mod restore;
mod watched;

use std::collections::BTreeMap;
use std::time::Duration;

use dynatrace::Dynatrace;
use flags::is_flag_name;
use flags::key::{Action, Denied, Key, Presented, verify};
use flags::require::BUSY_SECONDS;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use store::{Flags, Found, RepeatId, StoreError, What};
use uuid::Uuid;

use crate::work::{Tick, Worker};
use one::OneChange;

pub use asked::Call;
pub(crate) use owed::SOURCE;
pub use owed::{Observed, Ticked, Worked, tick};

/// How long whoever changes a flag waits for its event: what is not sent by then
/// follows.
const WAITED_FOR: Duration = Duration::from_secs(2);

/// What flags are changed with.
#[derive(Debug)]
pub struct Services {
    /// Where they are.
    pub flags: Flags,
    /// Which set it is.
    pub set: String,
    /// Where people reach the function that changes flags; events name it as the
    /// place where their changes are taken back.
    pub address: Option<String>,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What is asked for.
    pub call: Call,
    /// The name in its address, where there is one.
    pub name: &'a str,
    /// The change that its address names.
    pub change: Option<&'a str>,
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
    /// The tenant did not take the event without which it is not done.
    NotTold,
    /// Another change waits for its event, or nobody knows yet what became of
    /// this one.
    Waits,
}

impl Ended {
    /// After how many seconds it may come again, where that is known.
    pub fn retry_after(self) -> Option<i64> {
        match self {
            Self::TooOften { seconds } => Some(seconds),
            Self::Waits => Some(BUSY_SECONDS),
            _ => None,
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
    connect: impl AsyncFn() -> anyhow::Result<Dynatrace>,
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
    let asked = match asked::read(wanted) {
        Ok(Some(asked)) => asked,
        Ok(None) => return list(services, key, now).await,
        Err(bad) => return Ok(Answer::refused(Ended::Bad, bad)),
    };
    let hash = asked.hash();
    let repeat = RepeatId {
        key: key.id.clone(),
        hash: wanted.idempotency.map_or(hash.clone(), asked::hash_of),
    };
    let recovery = match asked.recovery() {
        Some(problem) => Some(watched::recovery(&connect().await, problem, tick).await),
        None => None,
    };
    let batch = Uuid::new_v4().to_string();
    let claim = Uuid::new_v4().to_string();
    let change = OneChange {
        services,
        key,
        id: &repeat,
        asked: &asked,
        recovery,
        hash,
        is_named: wanted.idempotency.is_some(),
        batch: &batch,
        claim: (claim, tick.lease_until),
        now,
    };
    let decide = |found: &Found| change.decide(found);
    let flags = &services.flags;
    let written = match flags
        .change(&services.set, Some(&repeat), now, decide)
        .await
    {
        Err(error @ StoreError::TooLarge { .. }) => {
            let why = format!("{error}: change fewer flags at once");
            return Ok(Answer::refused(Ended::Bad, why));
        }
        written => written?,
    };
    let mut answer = written.decided;
    if let Some(prepared) = written.prepared {
        return Ok(
            prepared::make(services, &connect().await, answer, prepared, tick, observe).await,
        );
    }
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

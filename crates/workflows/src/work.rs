//! Working on what is due, of any kind: page by page, until nothing is left or
//! the time is over.
//!
//! What is written of a record at the end is the table of [`release::work`].

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::{BoxFuture, join, try_join_all};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use release::work::{Disposition, Outcome, Time, disposition};
use store::{ClaimError, Claimed, Due, Held, Queue, Record, StoreError, Stuck, tables};
use tokio::time::Instant;

/// How much due work of a shard is read at once.
const PAGE: i32 = 25;

/// Kept back from a tick's time, so that a remote that hangs still leaves the
/// time to write down that it did.
const RESERVE: Duration = Duration::from_secs(5);

/// The time of one invocation.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// When it began.
    pub now: Timestamp,
    /// The same moment, for what is waited for.
    pub began: Instant,
    /// When every claim must have been given back.
    pub deadline: Instant,
    /// Until when claims hold.
    pub lease_until: Timestamp,
}

impl Tick {
    /// When remotes are no longer waited for.
    pub(crate) fn remotes_until(&self) -> Instant {
        let remaining = self.deadline.saturating_duration_since(Instant::now());
        self.deadline - RESERVE.min(remaining / 4)
    }
}

/// Where a record was left.
#[derive(Debug)]
pub enum Progress {
    /// It waits.
    Deferred {
        /// For what.
        waiting_for: String,
        /// When it is looked at again.
        until: Timestamp,
    },
    /// Something it needs is broken.
    Faulted {
        /// What.
        error: anyhow::Error,
        /// When it is looked at again.
        until: Timestamp,
    },
    /// Nothing is left to do.
    Settled,
    /// Somebody else owns it now.
    Lost,
}

/// What became of one record in one look.
#[derive(Debug)]
pub struct LookResult<T> {
    /// The record, in the terms of its use case.
    pub about: T,
    /// Where it was left.
    pub progress: Progress,
    /// Whether the tenant refused the token.
    pub token_refused: bool,
}

/// What a tick did.
#[derive(Debug)]
pub struct Ticked<T> {
    /// One per record that was worked on.
    pub looks: Vec<LookResult<T>>,
    /// Whether due work was left for the next tick.
    pub work_left: bool,
    /// Whether the tenant refused the token: it may have been rotated.
    pub token_refused: bool,
}

impl<T> Default for Ticked<T> {
    fn default() -> Self {
        Self {
            looks: Vec::new(),
            work_left: false,
            token_refused: false,
        }
    }
}

/// What is counted and logged while the work goes on.
#[derive(Debug)]
pub enum Observed<'a, T> {
    /// What is due was looked for: for how long the oldest has been so, and for
    /// no time at all where nothing is.
    Looked(SignedDuration),
    /// A record was given back or settled.
    Left(&'a LookResult<T>),
    /// A record could not be read, or made its worker panic.
    Stuck(&'a Stuck),
}

/// One look at one record, from the claim until it is given back.
pub(crate) trait Look: Send {
    /// What is looked at.
    type Record: Record + Clone + Send + Sync;
    /// What callers learn about it afterwards.
    type Told;

    /// Takes what is claimed as far as it goes.
    fn pursue<'a>(
        &'a mut self,
        claimed: &'a mut Claimed<Self::Record>,
    ) -> BoxFuture<'a, anyhow::Result<Outcome>>;

    /// Whether it may be worked on any longer, having come so far.
    fn time(&self, record: &Self::Record, outcome: &Outcome) -> Time;

    /// Ends what is still owed in a state that can be seen.
    fn give_up<'a>(
        &'a mut self,
        claimed: &'a mut Claimed<Self::Record>,
        why: String,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Whether the tenant refused the token.
    fn token_refused(&self) -> bool;

    /// What callers learn about a record that was left like this.
    fn told(before: Self::Record, left: Self::Record) -> Self::Told;
}

/// Works on what is due of one kind.
pub(crate) struct Worker<'a, R, T> {
    pub(crate) queue: &'a Queue<R>,
    pub(crate) tick: Tick,
    pub(crate) observe: &'a (dyn Fn(Observed<'_, T>) + Sync),
}

impl<R: Record + Clone + Send + Sync, T> Worker<'_, R, T> {
    /// The first page of every shard.
    pub(crate) async fn first_pages(&self) -> anyhow::Result<Vec<Vec<Due<R>>>> {
        let pages = (0..tables::SHARDS).map(|shard| self.page(shard, None));
        let pages = try_join_all(pages)
            .await
            .context("cannot find what is due")?;
        let longest = pages.iter().flatten().map(|due| due.at).min();
        let overdue = longest.map_or(SignedDuration::ZERO, |at| self.tick.now.duration_since(at));
        (self.observe)(Observed::Looked(overdue));
        Ok(pages)
    }

    async fn page(&self, shard: u8, after: Option<&Due<R>>) -> Result<Vec<Due<R>>, StoreError> {
        self.queue.due(shard, self.tick.now, PAGE, after).await
    }

    /// Works on the given pages and all that follow them, `at_once` records at
    /// a time.
    ///
    /// One that cannot be claimed or given back is a neighbour like any other:
    /// its claim runs out.
    pub(crate) async fn work_through<L: Look<Record = R, Told = T>>(
        &self,
        mut pages: Vec<Vec<Due<R>>>,
        begin: impl AsyncFn(&Due<R>) -> L,
        at_once: usize,
    ) -> Ticked<T> {
        let mut ticked = Ticked {
            work_left: true,
            ..Ticked::default()
        };
        while pages.iter().any(|page| !page.is_empty()) {
            let work = async |due| {
                let worked = Box::pin(self.work(due, begin(due)));
                (due, AssertUnwindSafe(worked).catch_unwind().await)
            };
            let due = pages.iter().flatten();
            let mut working = stream::iter(due).map(work).buffer_unordered(at_once);
            loop {
                // Dropping work in the middle is what a crash does: safe by design.
                let Ok(next) = tokio::time::timeout_at(self.tick.deadline, working.next()).await
                else {
                    return ticked;
                };
                match next {
                    Some((_, Ok(Ok(None)))) => {}
                    Some((_, Ok(Ok(Some(result))))) => {
                        ticked.token_refused |= result.token_refused;
                        ticked.looks.push(result);
                    }
                    Some((due, Ok(Err(error)))) => {
                        let error = anyhow::Error::from(error);
                        tracing::error!(
                            place = %due,
                            "What is due at `{due}` could not be claimed or given back: {error:#}"
                        );
                    }
                    Some((due, Err(_))) => {
                        tracing::error!(place = %due, "The work on what is due at `{due}` panicked");
                    }
                    None => break,
                }
            }
            drop(working);
            let next =
                (0..tables::SHARDS)
                    .zip(&pages)
                    .map(async |(shard, page)| match page.last() {
                        // A page that is not full was the last one.
                        Some(last)
                            if i32::try_from(page.len()).is_ok_and(|length| PAGE <= length) =>
                        {
                            let page = self.page(shard, Some(last)).await;
                            page.map_err(|error| (shard, error))
                        }
                        _ => Ok(Vec::new()),
                    });
            pages = match try_join_all(next).await {
                Ok(pages) => pages,
                Err((shard, error)) => {
                    let error = anyhow::Error::from(error);
                    tracing::error!(
                        shard,
                        "The next page of what is due in shard {shard} could not be read: {error:#}"
                    );
                    return ticked;
                }
            };
        }
        ticked.work_left = false;
        ticked
    }

    /// Claims what is due and takes it as far as it goes; nothing if somebody
    /// else has it.
    pub(crate) async fn work<L: Look<Record = R, Told = T>>(
        &self,
        due: &Due<R>,
        begin: impl Future<Output = L>,
    ) -> Result<Option<LookResult<T>>, StoreError> {
        let claim = uuid::Uuid::new_v4().to_string();
        let Tick {
            now, lease_until, ..
        } = self.tick;
        // Looking needs no claim, and a claim needs no look.
        let claiming = self.queue.claim(due, &claim, now, lease_until);
        let beginning = AssertUnwindSafe(begin).catch_unwind();
        let (claimed, look) = join(claiming, beginning).await;
        match claimed {
            Ok(claimed) => match look {
                Ok(look) => self.work_held(claimed, look).await,
                Err(_) => self.panicked(&claimed.held()).await,
            },
            Err(ClaimError::Taken) => Ok(None),
            Err(ClaimError::Stuck(stuck)) => {
                (self.observe)(Observed::Stuck(&stuck));
                Ok(None)
            }
            Err(ClaimError::Store(error)) => Err(error),
        }
    }

    /// Takes what is held as far as it goes, and gives it back. If that panics,
    /// it is given back like what cannot be read: looked at again some times,
    /// then left for a person.
    pub(crate) async fn work_held<L: Look<Record = R, Told = T>>(
        &self,
        claimed: Claimed<R>,
        look: L,
    ) -> Result<Option<LookResult<T>>, StoreError> {
        let held = claimed.held();
        // Whatever the panic left behind belongs to this work and goes with it.
        // On the heap: it carries the whole record.
        let work = AssertUnwindSafe(Box::pin(self.work_on(claimed, look)));
        let Ok(result) = work.catch_unwind().await else {
            return self.panicked(&held).await;
        };
        (self.observe)(Observed::Left(&result));
        Ok(Some(result))
    }

    async fn panicked(&self, held: &Held) -> Result<Option<LookResult<T>>, StoreError> {
        let stuck = self.queue.panicked(held, self.tick.now).await?;
        (self.observe)(Observed::Stuck(&stuck));
        Ok(None)
    }

    async fn work_on<L: Look<Record = R, Told = T>>(
        &self,
        mut claimed: Claimed<R>,
        mut look: L,
    ) -> LookResult<T> {
        let before = claimed.clone();
        let pursued = look.pursue(&mut claimed).await;
        let mut left = claimed.clone();
        let giving_back = self.give_back(claimed, &mut look, pursued, &mut left);
        let progress = match Box::pin(giving_back).await {
            Ok(progress) => progress,
            Err(StoreError::Lost) => Progress::Lost,
            // What could not be written down is due again at the lease.
            Err(error) => Progress::Faulted {
                error: error.into(),
                until: self.tick.lease_until,
            },
        };
        LookResult {
            token_refused: look.token_refused(),
            about: L::told(before, left),
            progress,
        }
    }

    /// Gives the claim back, or settles the record; `left` is how it was written.
    async fn give_back<L: Look<Record = R, Told = T>>(
        &self,
        mut claimed: Claimed<R>,
        look: &mut L,
        pursued: anyhow::Result<Outcome>,
        left: &mut R,
    ) -> Result<Progress, StoreError> {
        let now = self.tick.now;
        let (outcome, error) = match pursued {
            Ok(outcome) => (outcome, None),
            Err(error) if is_lost(&error) => (Outcome::Lost, None),
            Err(error) => (Outcome::Fault, Some(error)),
        };
        let time = look.time(&claimed, &outcome);
        let why = error
            .as_ref()
            .map_or_else(|| outcome.in_words(), |error| format!("{error:#}"));
        match disposition(&outcome, claimed.counts(), time, now) {
            Disposition::Leave => Ok(Progress::Lost),
            Disposition::Settle => {
                self.queue.settle(claimed).await?;
                Ok(Progress::Settled)
            }
            Disposition::GiveUp => {
                look.give_up(&mut claimed, why).await?;
                left.clone_from(&claimed);
                self.queue.settle(claimed).await?;
                Ok(Progress::Settled)
            }
            Disposition::Again { until, counts } => {
                claimed.count(counts);
                left.clone_from(&claimed);
                self.queue.defer(claimed, until).await?;
                Ok(match error {
                    Some(error) => Progress::Faulted { error, until },
                    None => Progress::Deferred {
                        waiting_for: why,
                        until,
                    },
                })
            }
        }
    }
}

/// A tick works even where its heartbeat could not be stored.
pub(crate) fn untold(schedule: &'static str, beat: Result<(), StoreError>) {
    if let Err(error) = beat {
        let error = anyhow::Error::from(error);
        tracing::warn!(
            schedule,
            "The heartbeat of the schedule of {schedule} was not stored: {error:#}"
        );
    }
}

/// Whether somebody else owns now what was worked on.
pub(crate) fn is_lost(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<StoreError>()
        .is_some_and(|error| matches!(error, StoreError::Lost))
}

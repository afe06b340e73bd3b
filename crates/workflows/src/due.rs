//! Working on what is due, page by page, until nothing is left or the time is
//! over.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::{BoxFuture, try_join_all};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use store::{Held, Store, StoreError, Stuck, tables};
use tokio::time::Instant;

/// How much due work of a shard is read at once.
pub(crate) const PAGE: i32 = 25;

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
    /// When work must have been put down.
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

/// What a piece of work waits for.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) waiting_for: String,
    /// When to look again, where it is known better than by backing off.
    pub(crate) until: Option<Timestamp>,
}

impl Wait {
    pub(crate) fn for_(waiting_for: impl Into<String>) -> Self {
        Self {
            waiting_for: waiting_for.into(),
            until: None,
        }
    }
}

/// The first page of every shard.
pub(crate) async fn first_pages<D>(
    read: &impl AsyncFn(u8, Option<&D>) -> Result<Vec<D>, StoreError>,
) -> anyhow::Result<Vec<Vec<D>>> {
    let pages = (0..tables::SHARDS).map(|shard| read(shard, None));
    try_join_all(pages).await.context("cannot find what is due")
}

/// For how long the longest overdue of what is due has been so; where nothing
/// is due, for no time at all.
pub(crate) fn overdue<D>(
    pages: &[Vec<D>],
    now: Timestamp,
    at: impl Fn(&D) -> Timestamp,
) -> SignedDuration {
    let longest = pages.iter().flatten().map(at).min();
    longest.map_or(SignedDuration::ZERO, |at| now.duration_since(at))
}

/// A tick whose heartbeat nobody hears does its work all the same.
pub(crate) fn untold(beat: Result<(), StoreError>) {
    if let Err(error) = beat {
        let error = anyhow::Error::from(error);
        tracing::warn!("That the schedule runs was not written down: {error:#}");
    }
}

/// Does the work on what is held. If it panics, what is held is given back like
/// what cannot be read: looked at again some times, then left for a person.
pub(crate) async fn unless_it_panics<R>(
    store: &Store,
    held: Held,
    now: Timestamp,
    work: BoxFuture<'_, R>,
) -> Result<Result<R, Stuck>, StoreError> {
    // Whatever the panic left behind belongs to this work and goes with it.
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(done) => Ok(Ok(done)),
        Err(_) => Ok(Err(store.panicked(&held, now).await?)),
    }
}

/// Works on the given pages and all that follow them, and says whether work was
/// left for the next tick.
///
/// One piece that cannot be claimed or given back is a neighbour like any other:
/// its claim runs out.
pub(crate) async fn work_through<D, R>(
    mut pages: Vec<Vec<D>>,
    read: &impl AsyncFn(u8, Option<&D>) -> Result<Vec<D>, StoreError>,
    work: impl AsyncFn(&D) -> Result<Option<R>, StoreError>,
    at_once: usize,
    deadline: Instant,
    mut left: impl FnMut(R),
) -> bool {
    while pages.iter().any(|page| !page.is_empty()) {
        let mut working = stream::iter(pages.iter().flatten())
            .map(|due| AssertUnwindSafe(work(due)).catch_unwind())
            .buffer_unordered(at_once);
        loop {
            // Dropping work in the middle is what a crash does: safe by design.
            match tokio::time::timeout_at(deadline, working.next()).await {
                Ok(Some(Ok(Ok(Some(report))))) => left(report),
                Ok(Some(Ok(Ok(None)))) => {}
                Ok(Some(Ok(Err(error)))) => {
                    let error = anyhow::Error::from(error);
                    tracing::error!("What was due could not be claimed: {error:#}");
                }
                Ok(Some(Err(_))) => tracing::error!("The work on what was due panicked"),
                Ok(None) => break,
                Err(_) => return true,
            }
        }
        drop(working);
        let next = (0..tables::SHARDS)
            .zip(&pages)
            .map(async |(shard, page)| match page.last() {
                // A page that is not full was the last one.
                Some(last) if i32::try_from(page.len()).is_ok_and(|length| PAGE <= length) => {
                    read(shard, Some(last)).await
                }
                _ => Ok(Vec::new()),
            });
        pages = match try_join_all(next).await {
            Ok(pages) => pages,
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::error!("The next page of what is due could not be read: {error:#}");
                return true;
            }
        };
    }
    false
}

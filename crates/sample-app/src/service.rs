//! The running build.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::behaviour::{Behaviour, Failing};
use crate::flags::Flags;

/// The longest that one call may be made to take.
const LONGEST: u64 = 10_000;

/// Every so many requests there is a line in the log.
const TOLD_EVERY: u64 = 100;

/// The work was not changed by hand.
const UNSET: u64 = u64::MAX;

/// The running build and what it counts.
pub(crate) struct Service {
    group: String,
    build: AtomicU32,
    /// The work in milliseconds, if it was set.
    work: AtomicU64,
    requests: AtomicU64,
    calls: AtomicU64,
    invocations: AtomicU64,
    flags: Arc<Flags>,
}

/// The result of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invoked {
    /// It went well.
    Well,
    /// It is one of those that this build fails, or that a flag makes fail.
    Failed,
}

impl Service {
    pub(crate) fn new(build: u32, group: String, flags: Arc<Flags>) -> Self {
        Self {
            group,
            build: AtomicU32::new(build),
            work: AtomicU64::new(UNSET),
            requests: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
            flags,
        }
    }

    pub(crate) fn build(&self) -> u32 {
        self.build.load(Ordering::Relaxed)
    }

    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    /// Becomes another build while it runs.
    pub(crate) fn become_build(&self, build: u32) {
        let before = self.build.swap(build, Ordering::Relaxed);
        tracing::info!("WARNING the build number was changed from {before} to {build}");
    }

    /// Sets what later calls cost; the answer is what was set.
    pub(crate) fn set_work(&self, milliseconds: u64) -> u64 {
        let milliseconds = milliseconds.min(LONGEST);
        self.work.store(milliseconds, Ordering::Relaxed);
        milliseconds
    }

    /// Writes the line that a monitor should find.
    pub(crate) fn cause_error(&self, address: &str) {
        tracing::info!(
            "SEVERE {address} was called: an error in build {}",
            self.build()
        );
    }

    /// Counts a request of any kind.
    pub(crate) fn count(&self) {
        let requests = 1 + self.requests.fetch_add(1, Ordering::Relaxed);
        if requests.is_multiple_of(TOLD_EVERY) {
            tracing::info!("INFO build {} answered {requests} requests", self.build());
        }
    }

    /// Does the work of one call, or more on request.
    pub(crate) async fn work(&self, asked: Option<u64>) {
        let least = match self.work.load(Ordering::Relaxed) {
            UNSET => self.behaviour().work,
            set => Duration::from_millis(set),
        };
        let number = 1 + self.calls.fetch_add(1, Ordering::Relaxed);
        let twice = self.flags.slow_down() || self.flags.is_promoted(number);
        let least = if twice { 2 * least } else { least };
        let asked = Duration::from_millis(asked.unwrap_or(0).min(LONGEST));
        tokio::time::sleep(least.max(asked)).await;
    }

    /// Counts an invocation and returns its result.
    pub(crate) fn invoke(&self) -> Invoked {
        let number = 1 + self.invocations.fetch_add(1, Ordering::Relaxed);
        let flagged = self.flags.is_promoted(number)
            || self.flags.inject_errors() && Failing::Every(2).hits(number);
        if flagged || self.behaviour().failing.hits(number) {
            Invoked::Failed
        } else {
            Invoked::Well
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::of(self.build(), &self.group)
    }
}

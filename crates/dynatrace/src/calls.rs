//! How often the tenant was asked.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many requests were sent, for log lines and benchmarks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Requests for numbers.
    pub metrics: u64,
    /// Requests for entities.
    pub entities: u64,
    /// Requests that announce or look for events.
    pub events: u64,
    /// Requests for problems and their comments.
    pub problems: u64,
    /// Requests for anything else, such as the description of a metric.
    pub other: u64,
    /// How many of all these repeated one that had failed.
    pub retries: u64,
}

/// What a request is counted as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    Metrics,
    Entities,
    Events,
    Problems,
    Other,
}

/// Counts requests while they are sent.
#[derive(Default)]
pub(crate) struct Counters {
    metrics: AtomicU64,
    entities: AtomicU64,
    events: AtomicU64,
    problems: AtomicU64,
    other: AtomicU64,
    retries: AtomicU64,
}

impl Counters {
    pub(crate) fn count(&self, subject: Subject) {
        let counter = match subject {
            Subject::Metrics => &self.metrics,
            Subject::Entities => &self.entities,
            Subject::Events => &self.events,
            Subject::Problems => &self.problems,
            Subject::Other => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Calls {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Calls {
            metrics: read(&self.metrics),
            entities: read(&self.entities),
            events: read(&self.events),
            problems: read(&self.problems),
            other: read(&self.other),
            retries: read(&self.retries),
        }
    }
}

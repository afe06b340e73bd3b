//! What happens to requests on their way: counting, slowness and faults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Right;

/// A way for a request to go wrong that is not the caller's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service answers with throttling; nothing was done.
    Throttle,
    /// The service answers that the role may not ask this; nothing was done.
    Deny,
    /// The service answers with an internal error; nothing was done.
    InternalError,
    /// The service acts, but the connection ends before its answer arrives.
    TimeoutAfterActing,
    /// The connection ends before the service sees the request.
    Drop,
}

/// Counters and planned faults of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: BTreeMap<String, usize>,
    rights: BTreeSet<Right>,
    faults: Vec<Planned>,
    latency: Duration,
    slow: BTreeMap<String, Duration>,
}

#[derive(Debug)]
struct Planned {
    operation: String,
    fault: Fault,
    left: usize,
}

impl Traffic {
    /// Counts a request and says what is to go wrong with it.
    pub(crate) fn enter(&self, operation: &str) -> Option<Fault> {
        let mut state = self.state();
        *state.calls.entry(operation.to_owned()).or_default() += 1;
        let planned = state
            .faults
            .iter_mut()
            .find(|planned| planned.operation == operation && 0 < planned.left)?;
        planned.left -= 1;
        Some(planned.fault)
    }

    /// Notes what a request was allowed for.
    pub(crate) fn use_rights(&self, rights: Vec<Right>) {
        self.state().rights.extend(rights);
    }

    pub(crate) fn rights_used(&self) -> BTreeSet<Right> {
        std::mem::take(&mut self.state().rights)
    }

    pub(crate) fn calls(&self, operation: &str) -> usize {
        self.state().calls.get(operation).copied().unwrap_or(0)
    }

    pub(crate) fn all_calls(&self) -> BTreeMap<String, usize> {
        self.state().calls.clone()
    }

    pub(crate) fn fail(&self, operation: &str, fault: Fault, times: usize) {
        self.state().faults.push(Planned {
            operation: operation.to_owned(),
            fault,
            left: times,
        });
    }

    /// How long an answer to this operation takes at least.
    pub(crate) fn latency(&self, operation: &str) -> Duration {
        let state = self.state();
        let own = state.slow.get(operation).copied().unwrap_or_default();
        own.max(state.latency)
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    pub(crate) fn slow_down(&self, operation: &str, latency: Duration) {
        self.state().slow.insert(operation.to_owned(), latency);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

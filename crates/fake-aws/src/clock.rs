//! The time every stand-in of one endpoint agrees on.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// Real time, until it is set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    fixed: Arc<Mutex<Option<Timestamp>>>,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        self.fixed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .unwrap_or_else(real_time)
    }

    pub(crate) fn set(&self, now: Timestamp) {
        *self.fixed.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}

/// What the clock on the wall says.
#[expect(
    clippy::disallowed_methods,
    reason = "the lab plays the outside world, which has a clock"
)]
pub fn real_time() -> Timestamp {
    Timestamp::now()
}

/// The form in which the JSON protocols of AWS carry a time.
pub(crate) fn epoch_seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

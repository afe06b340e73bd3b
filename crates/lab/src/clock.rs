//! The time every stand-in of one endpoint agrees on.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// Real time, until somebody sets it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    fixed: Arc<Mutex<Option<Timestamp>>>,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        self.fixed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .unwrap_or_else(Timestamp::now)
    }

    pub(crate) fn set(&self, now: Timestamp) {
        *self.fixed.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}

/// The form in which the JSON protocols of AWS carry a time.
pub(crate) fn epoch_seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

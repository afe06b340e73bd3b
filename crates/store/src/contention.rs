//! Writes that meet a transaction of somebody else.
//!
//! Such a transaction lasts milliseconds. Whoever meets it is no fault and is
//! not throttled: the write is repeated at once, each time after a short pause
//! of random length, so that those who met do not meet again.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use tokio::time::{Instant, sleep};

/// How long a write is repeated: much longer than any transaction lasts, and
/// shorter than what any caller has left.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest first pause; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(4);

const LONGEST: Duration = Duration::from_millis(64);

/// What one write meets.
pub(crate) struct Contention {
    until: Instant,
    longest: Duration,
}

impl Contention {
    pub(crate) fn begin() -> Self {
        Self {
            until: Instant::now() + PATIENCE,
            longest: FIRST,
        }
    }

    /// Gives way for a moment; false, once that was done for long enough.
    pub(crate) async fn give_way(&mut self) -> bool {
        if self.until <= Instant::now() {
            return false;
        }
        sleep(self.longest.mul_f64(fastrand::f64())).await;
        self.longest = LONGEST.min(self.longest * 2);
        true
    }
}

/// Sends the write of one item until it meets no transaction.
pub(crate) async fn giving_way<T, E, Sent>(send: impl Fn() -> Sent) -> Result<T, SdkError<E>>
where
    E: ProvideErrorMetadata,
    Sent: Future<Output = Result<T, SdkError<E>>>,
{
    let mut contention = Contention::begin();
    loop {
        let sent = send().await;
        let met = sent
            .as_ref()
            .is_err_and(|error| error.code() == Some("TransactionConflictException"));
        if !met || !contention.give_way().await {
            return sent;
        }
    }
}

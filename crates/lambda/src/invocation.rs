//! The time of one invocation.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Context;
use tokio::time::Instant;

/// Kept back from the deadline, to answer and to write down what is left.
const MARGIN: Duration = Duration::from_secs(1);

/// How long a claim outlives the invocation that took it.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// The longest a function may run; assumed when the deadline is unusable.
const LONGEST: Duration = Duration::from_mins(15);

/// The time of one invocation: the only clock below the edge.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    /// When it began.
    pub now: Timestamp,
    /// The same moment, for what is waited for.
    pub began: Instant,
    /// When every claim must have been given back.
    pub deadline: Instant,
    /// Until when its claims hold. Always after the moment at which Lambda ends
    /// this process, so two workers never hold the same claim.
    pub lease_until: Timestamp,
}

impl Invocation {
    /// Reads the clock, once.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge that reads the clock"
    )]
    pub fn begin(context: &Context) -> Self {
        Self::at(SystemTime::now(), context.deadline(), Instant::now())
    }

    fn at(clock: SystemTime, deadline: SystemTime, instant: Instant) -> Self {
        // Some emulators send a deadline that is no point in time.
        let remaining = deadline
            .duration_since(clock)
            .ok()
            .filter(|remaining| *remaining <= LONGEST)
            .unwrap_or(LONGEST);
        let now = Timestamp::try_from(clock).unwrap_or(Timestamp::UNIX_EPOCH);
        let ends = SignedDuration::try_from(remaining).unwrap_or(SignedDuration::ZERO);
        // A short invocation still gets half of its time.
        let margin = MARGIN.min(remaining / 2);
        Self {
            now,
            began: instant,
            deadline: instant + remaining.saturating_sub(margin),
            lease_until: now
                .saturating_add(ends.saturating_add(LEASE_MARGIN))
                .unwrap_or(Timestamp::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_outlives_the_process() {
        let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let instant = Instant::now();

        let invocation = Invocation::at(clock, clock + Duration::from_mins(1), instant);

        assert_eq!(invocation.deadline, instant + Duration::from_secs(59));
        assert_eq!(
            invocation.lease_until,
            Timestamp::from_second(1_065).unwrap()
        );
    }

    #[test]
    fn deadline_in_the_past_is_taken_for_unknown() {
        let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let emulated = SystemTime::UNIX_EPOCH + Duration::from_mins(10);

        let invocation = Invocation::at(clock, emulated, Instant::now());

        assert_eq!(
            invocation.lease_until,
            Timestamp::from_second(1_000_000 + 15 * 60 + 5).unwrap()
        );
    }
}

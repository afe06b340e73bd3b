//! How long a job is continued, and the token that remembers since when.

use jiff::{SignedDuration, Timestamp};

/// How long entities are waited for: a new service has its tags a few minutes
/// after its first request.
pub(super) const PATIENCE: SignedDuration = SignedDuration::from_mins(4);

/// What our token begins with.
const PREFIX: &str = "since:";

/// Since when an action asks for the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Since(pub(super) Timestamp);

impl Since {
    /// Reads the token of a continued job; without one it begins now.
    ///
    /// A token that is not ours, or not of this hour, is taken for one whose
    /// time is over: whatever it says, nothing goes on for ever.
    pub(super) fn read(token: Option<&str>, now: Timestamp) -> Self {
        let Some(token) = token else {
            return Self(now);
        };
        let over = now.saturating_sub(PATIENCE).unwrap_or(now);
        let since = token
            .strip_prefix(PREFIX)
            .and_then(|number| number.parse().ok())
            .and_then(|number| Timestamp::from_millisecond(number).ok());
        match since {
            Some(since) if now.duration_since(since).abs() <= SignedDuration::from_hours(1) => {
                Self(since.min(now))
            }
            _ => Self(over),
        }
    }

    /// The token that says the same to the next job.
    pub(super) fn token(self) -> String {
        format!("{PREFIX}{}", self.0.as_millisecond())
    }

    /// Whether nothing is waited for any more.
    pub(super) fn is_over(self, now: Timestamp) -> bool {
        PATIENCE <= now.duration_since(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn token_keeps_the_moment_over_every_continuation() {
        let now = second(100_000);
        let first = Since::read(None, now);

        let later = now + SignedDuration::from_secs(239);
        let continued = Since::read(Some(&first.token()), later);

        assert_eq!(continued, first);
        assert!(!continued.is_over(later));
        assert!(continued.is_over(now + PATIENCE));
    }

    #[test]
    fn token_that_is_not_ours_ends_the_waiting() {
        let now = second(1_000_000);
        for token in [
            "",
            "since:",
            "since:soon",
            "since:99999999999999999999",
            "since:0",
            "x",
        ] {
            assert!(Since::read(Some(token), now).is_over(now), "{token}");
        }
        let clocks_apart = Since(second(1_000_010)).token();
        assert_eq!(Since::read(Some(&clocks_apart), now), Since(now));
    }
}

//! The span of time that belongs to one build.

use jiff::{SignedDuration, Timestamp};

/// Windows at least this long are aligned to whole minutes, because Dynatrace
/// stores values per minute, and a partial minute belongs to two builds.
const ALIGNED_FROM: SignedDuration = SignedDuration::from_mins(2);

/// A half-open span of time, `start <= t < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first instant that counts.
    pub start: Timestamp,
    /// The first instant that no longer counts.
    pub end: Timestamp,
}

impl Window {
    /// The window of a build that was registered at `now`.
    ///
    /// An aligned window moves forward, never back: the minute of the
    /// registration still has requests of the previous build.
    pub fn from_registration(now: Timestamp, length: SignedDuration) -> Self {
        let start = if length < ALIGNED_FROM {
            now
        } else {
            next_whole_minute(now)
        };
        Self {
            start,
            end: saturating_add(start, length),
        }
    }

    /// The window that ends at `at`, or just before it.
    ///
    /// An aligned window moves back, never forward: the minute of `at` is not
    /// over, so its values are incomplete.
    pub fn ending_at(at: Timestamp, length: SignedDuration) -> Self {
        let end = if length < ALIGNED_FROM {
            at
        } else {
            last_whole_minute(at)
        };
        Self {
            start: saturating_add(end, SignedDuration::ZERO.saturating_sub(length)),
            end,
        }
    }

    /// The same window so many seconds earlier.
    #[must_use]
    pub fn shifted_back(self, seconds: i64) -> Self {
        let shift = SignedDuration::from_secs(seconds.saturating_neg());
        Self {
            start: saturating_add(self.start, shift),
            end: saturating_add(self.end, shift),
        }
    }

    /// How long the window is.
    pub fn length(self) -> SignedDuration {
        self.end.duration_since(self.start)
    }
}

/// `at + by`, clamped to representable time.
pub fn saturating_add(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by)
        .expect("a signed duration never fails to saturate")
}

fn next_whole_minute(at: Timestamp) -> Timestamp {
    let into_minute = at.as_millisecond().rem_euclid(60_000);
    if into_minute == 0 {
        return at;
    }
    saturating_add(at, SignedDuration::from_millis(60_000 - into_minute))
}

fn last_whole_minute(at: Timestamp) -> Timestamp {
    let into_minute = at.as_millisecond().rem_euclid(60_000);
    let whole = at.as_millisecond() - into_minute;
    // The first representable minute has no beginning to move back to.
    Timestamp::from_millisecond(whole).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn long_window_begins_at_the_next_whole_minute() {
        let window =
            Window::from_registration(at("2026-01-05T10:00:12.5Z"), SignedDuration::from_mins(5));

        assert_eq!(window.start, at("2026-01-05T10:01:00Z"));
        assert_eq!(window.end, at("2026-01-05T10:06:00Z"));
    }

    #[test]
    fn window_of_seconds_begins_with_its_registration() {
        let now = at("2026-01-05T10:00:12.5Z");

        let window = Window::from_registration(now, SignedDuration::from_secs(8));

        assert_eq!(window.start, now);
        assert_eq!(window.length(), SignedDuration::from_secs(8));
    }

    #[test]
    fn long_window_ends_with_the_last_whole_minute() {
        let five = SignedDuration::from_mins(5);

        let torn = Window::ending_at(at("2026-01-05T10:06:00.0005Z"), five);
        let whole = Window::ending_at(at("2026-01-05T10:06:00Z"), five);

        assert_eq!(torn.start, at("2026-01-05T10:01:00Z"));
        assert_eq!(torn.end, at("2026-01-05T10:06:00Z"));
        assert_eq!(whole, torn);
    }

    #[test]
    fn short_window_ends_where_it_is_told_to() {
        let end = at("2026-01-05T10:06:12Z");

        let window = Window::ending_at(end, SignedDuration::from_mins(1));

        assert_eq!(window.start, at("2026-01-05T10:05:12Z"));
        assert_eq!(window.end, end);
    }

    #[test]
    fn shift_moves_both_ends_into_the_past() {
        let window =
            Window::from_registration(at("2026-01-05T10:00:00Z"), SignedDuration::from_mins(5));

        let yesterday = window.shifted_back(86_400);

        assert_eq!(yesterday.start, at("2026-01-04T10:00:00Z"));
        assert_eq!(yesterday.length(), window.length());
    }

    #[test]
    fn shift_beyond_time_stops_at_its_end() {
        let window =
            Window::from_registration(at("2026-01-05T10:00:00Z"), SignedDuration::from_mins(5));

        assert_eq!(window.shifted_back(i64::MAX).start, Timestamp::MIN);
        assert_eq!(window.shifted_back(i64::MIN).end, Timestamp::MAX);
    }
}

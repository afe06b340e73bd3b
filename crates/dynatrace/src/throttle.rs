//! How long to wait before asking again.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = MINUTE;
const MINUTE: Duration = Duration::from_mins(1);

/// The wait that an answer asks for, between one second and one minute.
///
/// Moments are compared with the `Date` of the same answer, so that it does
/// not matter whether the clocks of both sides agree.
pub(crate) fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let now = text(DATE.as_str()).and_then(date);

    text(RETRY_AFTER.as_str())
        .and_then(|value| retry_after(value, now))
        .or_else(|| text("x-ratelimit-reset").and_then(|value| until_reset(value, now)))
        .map(|wait| wait.clamp(SHORTEST, LONGEST))
}

/// The wait where no answer says anything: doubled with every retry, and
/// spread so that clients that failed together do not return together.
pub(crate) fn backoff(retry: u32) -> Duration {
    let step = Duration::from_millis(500 << retry.min(6));
    step + spread(step)
}

/// A random share of `most`.
pub(crate) fn spread(most: Duration) -> Duration {
    most.mul_f64(fastrand::f64())
}

fn retry_after(value: &str, now: Option<Timestamp>) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(until(date(value)?.as_millisecond(), now?))
}

fn date(value: &str) -> Option<Timestamp> {
    Some(rfc2822::parse(value).ok()?.timestamp())
}

/// Sources disagree on the unit of the reset time, so its size decides: a
/// moment in micro-, milli- or whole seconds, or a number of seconds to wait.
fn until_reset(value: &str, now: Option<Timestamp>) -> Option<Duration> {
    let number: i64 = value.parse().ok()?;
    Some(match number {
        1_000_000_000_000_000.. => until(number / 1000, now?),
        1_000_000_000_000.. => until(number, now?),
        1_000_000_000.. => until(number * 1000, now?),
        _ => Duration::from_secs(u64::try_from(number).ok()?),
    })
}

/// The time until a moment; none for a moment that has passed.
fn until(moment_ms: i64, now: Timestamp) -> Duration {
    let left = moment_ms.saturating_sub(now.as_millisecond());
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

/// Keeps the requests of any minute below a limit.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: usize,
    /// The moments of the latest requests, oldest first, `limit` at most.
    latest: VecDeque<Instant>,
}

impl Pace {
    pub(crate) fn new(calls_per_minute: u32) -> Self {
        Self {
            limit: usize::try_from(calls_per_minute)
                .unwrap_or(usize::MAX)
                .max(1),
            latest: VecDeque::new(),
        }
    }

    /// The moment at which the next request may be sent, now or later; `None`
    /// when that is past `deadline`, and then nothing is reserved.
    pub(crate) fn reserve(&mut self, now: Instant, deadline: Instant) -> Option<Instant> {
        let full = self.latest.len() == self.limit;
        let moment = match self.latest.front() {
            Some(oldest) if full => now.max(*oldest + MINUTE),
            _ => now,
        };
        if moment > deadline {
            return None;
        }
        if full {
            self.latest.pop_front();
        }
        self.latest.push_back(moment);
        Some(moment)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;

    fn wait(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let date = ("date", "Mon, 05 Jan 2026 10:00:00 GMT");
        let headers = headers.iter().chain([&date]);
        asked_for(&map(headers))
    }

    fn map<'a>(headers: impl Iterator<Item = &'a (&'static str, &'a str)>) -> HeaderMap {
        headers
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn every_form_of_asking_to_wait_is_understood() {
        for (name, value) in [
            ("retry-after", "7"),
            ("retry-after", "Mon, 05 Jan 2026 10:00:07 GMT"),
            ("x-ratelimit-reset", "7"),
            ("x-ratelimit-reset", "1767607207"),
            ("x-ratelimit-reset", "1767607207000"),
            ("x-ratelimit-reset", "1767607207000000"),
        ] {
            let asked = wait(&[(name, value)]);

            assert_eq!(asked, Some(Duration::from_secs(7)), "{name}: {value}");
        }
    }

    #[test]
    fn waits_stay_between_a_second_and_a_minute() {
        for (name, value, seconds) in [
            ("retry-after", "0", 1),
            ("retry-after", "86400", 60),
            ("retry-after", "Mon, 05 Jan 2026 09:00:00 GMT", 1),
            ("x-ratelimit-reset", "1767600000", 1),
            ("x-ratelimit-reset", "1767700000000000", 60),
        ] {
            let asked = wait(&[(name, value)]);

            assert_eq!(asked, Some(Duration::from_secs(seconds)), "{name}: {value}");
        }
    }

    #[test]
    fn retry_after_wins_over_the_reset_time() {
        let asked = wait(&[("x-ratelimit-reset", "30"), ("retry-after", "2")]);

        assert_eq!(asked, Some(Duration::from_secs(2)));
    }

    #[test]
    fn unreadable_headers_ask_for_nothing() {
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("x-ratelimit-reset", "-5")]), None);
        assert_eq!(
            wait(&[("retry-after", "soon"), ("x-ratelimit-reset", "3")]),
            Some(Duration::from_secs(3))
        );
    }

    #[test]
    fn moments_mean_nothing_without_the_date_of_the_answer() {
        let moment = ("retry-after", "Mon, 05 Jan 2026 10:00:07 GMT");
        let seconds = ("retry-after", "7");

        assert_eq!(asked_for(&map([&moment].into_iter())), None);
        assert_eq!(
            asked_for(&map([&seconds].into_iter())),
            Some(Duration::from_secs(7))
        );
    }

    #[test]
    fn backoff_grows_and_is_spread() {
        for retry in 0..4 {
            let least = Duration::from_millis(500 << retry);
            let wait = backoff(retry);

            assert!(wait >= least && wait <= least * 2, "{retry}: {wait:?}");
        }
    }

    #[test]
    fn a_burst_is_sent_at_once_and_the_rest_a_minute_later() {
        let now = Instant::now();
        let later = now + 10 * MINUTE;
        let mut pace = Pace::new(2);

        assert_eq!(pace.reserve(now, later), Some(now));
        assert_eq!(pace.reserve(now, later), Some(now));
        assert_eq!(pace.reserve(now, later), Some(now + MINUTE));
        assert_eq!(pace.reserve(now, later), Some(now + MINUTE));
        assert_eq!(pace.reserve(now, later), Some(now + 2 * MINUTE));
    }

    #[test]
    fn a_place_past_the_deadline_is_not_reserved() {
        let now = Instant::now();
        let mut pace = Pace::new(1);
        pace.reserve(now, now);

        assert_eq!(pace.reserve(now, now + MINUTE / 2), None);
        assert_eq!(pace.reserve(now, now + MINUTE), Some(now + MINUTE));
    }
}

//! Requests as a test describes them, and as they are kept.

use crate::catalogue::Failures;

/// A number of requests that took equally long, at one moment or spread evenly
/// over a stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct Requests {
    /// When the first of them happened, in milliseconds.
    pub from_ms: i64,
    /// When none happened any more; equal to `from_ms` for a single moment.
    pub to_ms: i64,
    /// How many there were.
    pub count: u64,
    /// How long each took, in microseconds.
    pub duration_us: f64,
    /// How many failed on the server's side.
    pub failed: Failed,
    /// How many failed on the client's side.
    pub failed_by_client: Failed,
}

/// The failed part of some requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Failed {
    /// So many of them, at most all.
    Count(u64),
    /// A share between 0 and 1, rounded to whole requests.
    Share(f64),
}

impl Requests {
    /// One successful request at a moment.
    pub fn at(at_ms: i64, duration_us: f64) -> Self {
        Self::over(at_ms, at_ms, 1, duration_us)
    }

    /// Successful requests spread evenly over `[from_ms, to_ms)`.
    pub fn over(from_ms: i64, to_ms: i64, count: u64, duration_us: f64) -> Self {
        Self {
            from_ms,
            to_ms,
            count,
            duration_us,
            failed: Failed::Count(0),
            failed_by_client: Failed::Count(0),
        }
    }

    /// The same, that many times.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { count, ..self }
    }

    /// The same, failing on the server's side.
    #[must_use]
    pub fn failing(self, failed: Failed) -> Self {
        Self { failed, ..self }
    }

    /// The same, failing on the client's side.
    #[must_use]
    pub fn failing_by_client(self, failed_by_client: Failed) -> Self {
        Self {
            failed_by_client,
            ..self
        }
    }

    /// At most one sample per second, which keeps a day of heavy load small.
    pub(super) fn samples(&self) -> impl Iterator<Item = Sample> + use<> {
        let requests = *self;
        let span = u64::try_from(requests.to_ms - requests.from_ms).unwrap_or(0);
        let pieces = requests.count.min(span.div_ceil(1_000).max(1));
        let server = requests.failed.of(requests.count);
        let client = requests.failed_by_client.of(requests.count - server);
        (0..pieces).map(move |piece| Sample {
            at: requests.from_ms + i64::try_from(share(span, piece, pieces)).unwrap_or(i64::MAX),
            duration_us: requests.duration_us,
            count: part(requests.count, piece, pieces),
            failed_on_server: part(server, piece, pieces),
            failed_on_client: part(client, piece, pieces),
        })
    }
}

impl Failed {
    fn of(self, count: u64) -> u64 {
        match self {
            Self::Count(failed) => failed.min(count),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the share is clamped, so the product lies between 0 and the count"
            )]
            Self::Share(share) => (count as f64 * share.clamp(0.0, 1.0)).round() as u64,
        }
    }
}

/// Some requests at one moment.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) at: i64,
    pub(super) duration_us: f64,
    pub(super) count: u64,
    failed_on_server: u64,
    failed_on_client: u64,
}

impl Sample {
    pub(super) fn failed(&self, failures: Failures) -> u64 {
        match failures {
            Failures::Any => self.failed_on_server + self.failed_on_client,
            Failures::Server => self.failed_on_server,
            Failures::Client => self.failed_on_client,
        }
    }
}

/// Where `piece` of `pieces` starts when `whole` is cut evenly.
fn share(whole: u64, piece: u64, pieces: u64) -> u64 {
    let start = u128::from(whole) * u128::from(piece) / u128::from(pieces);
    u64::try_from(start).expect("a part is not larger than the whole")
}

fn part(whole: u64, piece: u64, pieces: u64) -> u64 {
    share(whole, piece + 1, pieces) - share(whole, piece, pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(requests: Requests, what: impl Fn(&Sample) -> u64) -> u64 {
        requests.samples().map(|sample| what(&sample)).sum()
    }

    #[test]
    fn spreading_loses_no_request_and_no_failure() {
        let requests = Requests::over(0, 60_000, 1_001, 5.0)
            .failing(Failed::Share(0.1))
            .failing_by_client(Failed::Count(7));
        assert_eq!(sum(requests, |sample| sample.count), 1_001);
        assert_eq!(sum(requests, |sample| sample.failed(Failures::Server)), 100);
        assert_eq!(sum(requests, |sample| sample.failed(Failures::Client)), 7);
        assert_eq!(sum(requests, |sample| sample.failed(Failures::Any)), 107);
    }

    #[test]
    fn spread_requests_stay_inside_their_time() {
        let times: Vec<_> = Requests::over(10_000, 20_000, 4, 5.0)
            .samples()
            .map(|sample| sample.at)
            .collect();
        assert_eq!(times, [10_000, 12_500, 15_000, 17_500]);
    }

    #[test]
    fn no_requests_leave_no_sample() {
        assert_eq!(Requests::at(5, 1.0).times(0).samples().count(), 0);
    }

    #[test]
    fn no_more_requests_fail_than_there_were() {
        let requests = Requests::at(5, 1.0)
            .times(10)
            .failing(Failed::Count(8))
            .failing_by_client(Failed::Share(1.0));
        assert_eq!(sum(requests, |sample| sample.failed(Failures::Any)), 10);
    }
}

//! The requests of one environment, as they were measured.

use std::collections::VecDeque;

use serde::Serialize;

/// How long requests are remembered here, in milliseconds.
const KEPT: i64 = 3 * 60 * 1_000;

/// One request that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    /// When, in milliseconds.
    pub(super) at: i64,
    /// How long it took, in microseconds.
    pub(super) duration_us: u64,
    /// Whether the service failed the request.
    pub(super) failed: bool,
}

/// The requests of the last minutes, oldest first.
#[derive(Debug, Default)]
pub(super) struct Meter {
    requests: VecDeque<Answered>,
}

/// Some requests in numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    /// How many there were.
    pub(super) count: usize,
    /// How long half of them took at most, in milliseconds.
    pub(super) median_ms: f64,
    /// The share that failed, between 0 and 1.
    pub(super) failing: f64,
}

/// The requests of a moment, as a chart shows them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// When the moment begins, in milliseconds.
    pub at: i64,
    /// How many requests were answered per second.
    pub per_second: f64,
    /// How long half of them took at most, in milliseconds.
    pub median_ms: f64,
    /// The share that failed, between 0 and 1.
    pub failing: f64,
}

impl Meter {
    pub(super) fn record(&mut self, request: Answered) {
        self.requests.push_back(request);
        while self
            .requests
            .front()
            .is_some_and(|oldest| oldest.at < request.at - KEPT)
        {
            self.requests.pop_front();
        }
    }

    /// The moments of `length` milliseconds that begin in `[from, to)`; those
    /// without a request are left out.
    pub(super) fn points(&self, from: i64, to: i64, length: i64) -> Vec<Point> {
        let step = usize::try_from(length).unwrap_or(1).max(1);
        let moments = (from..to).step_by(step);
        let point = |at: i64| {
            let summary = self.summary(at, at + length)?;
            Some(Point {
                at,
                per_second: summary.count as f64 * 1_000.0 / length as f64,
                median_ms: summary.median_ms,
                failing: summary.failing,
            })
        };
        moments.filter_map(point).collect()
    }

    /// The requests of `[from, to)` in numbers; nothing if there were none.
    pub(super) fn summary(&self, from: i64, to: i64) -> Option<Summary> {
        let mut durations = Vec::new();
        let mut failed = 0_usize;
        for request in self.between(from, to) {
            durations.push(request.duration_us);
            failed += usize::from(request.failed);
        }
        let middle = durations.len().checked_sub(1)? / 2;
        let (_, median_us, _) = durations.select_nth_unstable(middle);
        let median_ms = *median_us as f64 / 1_000.0;
        Some(Summary {
            count: durations.len(),
            median_ms,
            failing: failed as f64 / durations.len() as f64,
        })
    }

    /// How long the slowest tenth of the requests of `[from, to)` took at least, in
    /// milliseconds; nothing if there were none.
    pub(super) fn slowest_tenth(&self, from: i64, to: i64) -> Option<f64> {
        let requests = self.between(from, to);
        let mut durations: Vec<u64> = requests.map(|request| request.duration_us).collect();
        let place = durations.len().checked_sub(1)? * 9 / 10;
        let (_, duration_us, _) = durations.select_nth_unstable(place);
        Some(*duration_us as f64 / 1_000.0)
    }

    fn between(&self, from: i64, to: i64) -> impl Iterator<Item = &Answered> {
        // Answers arrive almost in order, so only the newest need a look.
        let newest_first = self.requests.iter().rev();
        let newest_first = newest_first.take_while(move |request| from <= request.at);
        newest_first.filter(move |request| request.at < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(requests: &[(i64, u64, bool)]) -> Meter {
        let mut meter = Meter::default();
        for &(at, milliseconds, failed) in requests {
            meter.record(Answered {
                at,
                duration_us: milliseconds * 1_000,
                failed,
            });
        }
        meter
    }

    #[test]
    fn summary_is_of_the_window_alone() {
        let meter = meter(&[
            (0, 900, true),
            (10, 100, false),
            (20, 300, true),
            (30, 200, false),
            (40, 900, true),
        ]);

        let summary = meter.summary(10, 40).unwrap();

        assert_eq!(summary.count, 3);
        assert!((summary.median_ms - 200.0).abs() < 1e-9, "{summary:?}");
        assert!((summary.failing - 1.0 / 3.0).abs() < 1e-9, "{summary:?}");
    }

    #[test]
    fn slowest_tenth_is_seen_where_the_median_hides_it() {
        let requests: Vec<_> = (0..20)
            .map(|at| (at, if at % 5 == 0 { 200 } else { 100 }, false))
            .collect();
        let meter = meter(&requests);

        let slowest = meter.slowest_tenth(0, 20).unwrap();

        assert!((slowest - 200.0).abs() < 1e-9, "{slowest}");
        let median = meter.summary(0, 20).unwrap().median_ms;
        assert!((median - 100.0).abs() < 1e-9, "{median}");
    }

    #[test]
    fn no_request_has_no_summary() {
        assert_eq!(meter(&[]).summary(0, 100), None);
        assert_eq!(meter(&[]).slowest_tenth(0, 100), None);
        assert_eq!(meter(&[(5, 1, false)]).summary(6, 100), None);
    }

    #[test]
    fn moments_without_requests_are_no_points() {
        let meter = meter(&[(0, 10, false), (900, 10, true), (2_000, 30, false)]);

        let points = meter.points(0, 3_000, 1_000);

        let told: Vec<_> = points
            .iter()
            .map(|point| (point.at, point.per_second, point.failing))
            .collect();
        assert_eq!(told, [(0, 2.0, 0.5), (2_000, 1.0, 0.0)]);
    }

    #[test]
    fn old_requests_are_forgotten() {
        let meter = meter(&[(0, 1, false), (KEPT, 1, false), (KEPT + 1, 1, false)]);
        assert_eq!(meter.requests.len(), 2);
    }
}

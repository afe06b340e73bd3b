//! Recorded samples and the numbers computed from them.

mod record;
mod statistics;

use std::collections::BTreeMap;

pub use record::{Failed, Requests};

use super::aggregation::Aggregation;
use super::catalogue::{Failures, Source};
use super::request::Window;
use record::Sample;
use statistics::Weighted;

/// Everything that was measured, by entity.
#[derive(Default)]
pub(super) struct Samples {
    requests: BTreeMap<String, Vec<Sample>>,
    gauges: BTreeMap<(String, String), Vec<(i64, f64)>>,
}

impl Samples {
    /// Records requests of a service, and of one of its methods where given.
    pub(super) fn record(&mut self, service: &str, method: Option<&str>, requests: &Requests) {
        for entity in [Some(service), method].into_iter().flatten() {
            self.requests
                .entry(entity.to_owned())
                .or_default()
                .extend(requests.samples());
        }
    }

    pub(super) fn record_gauge(&mut self, entity: &str, key: &str, at: i64, value: f64) {
        self.gauges
            .entry((entity.to_owned(), key.to_owned()))
            .or_default()
            .push((at, value));
    }

    pub(super) fn forget(&mut self, entity: &str) {
        self.requests.remove(entity);
        self.gauges.retain(|(owner, _), _| owner != entity);
    }

    pub(super) fn forget_before(&mut self, at: i64) {
        for samples in self.requests.values_mut() {
            samples.retain(|sample| at <= sample.at);
        }
        for points in self.gauges.values_mut() {
            points.retain(|(when, _)| at <= *when);
        }
    }

    /// The number that `source` yields over the union of the entities' samples,
    /// or nothing if there is none. No request is no number, not a zero.
    pub(super) fn measure(
        &self,
        source: Source,
        key: &str,
        entities: &[&str],
        window: Window,
        aggregation: Aggregation,
    ) -> Option<f64> {
        match source {
            Source::Gauge => statistics::aggregate(
                self.gauge_points(key, entities, window)
                    .map(|value| Weighted { value, weight: 1 }),
                aggregation,
            ),
            Source::ResponseTime => statistics::aggregate(
                self.in_window(entities, window).map(|sample| Weighted {
                    value: sample.duration_us,
                    weight: sample.count,
                }),
                aggregation,
            ),
            Source::RequestCount => {
                let (count, _) = self.totals(entities, window, Failures::Any)?;
                Some(count as f64)
            }
            Source::FailureCount(failures) => {
                let (_, failed) = self.totals(entities, window, failures)?;
                Some(failed as f64)
            }
            Source::FailureRate(failures) => self.rate(entities, window, failures, aggregation),
        }
    }

    /// The average rate weighs every request alike; the other aggregations are
    /// those of the rates of single minutes.
    fn rate(
        &self,
        entities: &[&str],
        window: Window,
        failures: Failures,
        aggregation: Aggregation,
    ) -> Option<f64> {
        let percent = |window| {
            let (count, failed) = self.totals(entities, window, failures)?;
            Some(failed as f64 * 100.0 / count as f64)
        };
        if matches!(aggregation, Aggregation::Auto | Aggregation::Avg) {
            return percent(window);
        }
        let minutes = window
            .slots(60_000)
            .filter_map(percent)
            .map(|value| Weighted { value, weight: 1 });
        statistics::aggregate(minutes, aggregation)
    }

    /// Requests and failures of the window, unless there was no request at all.
    fn totals(&self, entities: &[&str], window: Window, failures: Failures) -> Option<(u64, u64)> {
        let (count, failed) = self
            .in_window(entities, window)
            .fold((0, 0), |(count, failed), each| {
                (count + each.count, failed + each.failed(failures))
            });
        (count > 0).then_some((count, failed))
    }

    fn in_window(&self, entities: &[&str], window: Window) -> impl Iterator<Item = &Sample> {
        entities
            .iter()
            .filter_map(|entity| self.requests.get(*entity))
            .flatten()
            .filter(move |sample| window.contains(sample.at))
    }

    fn gauge_points(
        &self,
        key: &str,
        entities: &[&str],
        window: Window,
    ) -> impl Iterator<Item = f64> {
        entities
            .iter()
            .filter_map(|entity| self.gauges.get(&((*entity).to_owned(), key.to_owned())))
            .flatten()
            .filter(move |(at, _)| window.contains(*at))
            .map(|(_, value)| *value)
    }
}

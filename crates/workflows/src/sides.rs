//! Both sides of a service entry: measured, explained where they are silent,
//! and judged.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures_util::future::try_join;
use monspec::{Address, Comparison, Entities, Gap, Measured, Measurement, ServiceEntry};
use release::evidence::{Asked, Evidenced};
use release::window::Window;

use crate::measure::{self, Asking, Readings, Side};

/// The sides that a comparison holds against each other in one service entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) entry: &'a ServiceEntry,
    pub(crate) comparison: &'a Comparison,
    pub(crate) source: Side<'a>,
    pub(crate) compare: Option<Side<'a>>,
}

/// What is known of the compare side before it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Baseline {
    /// Its numbers count.
    Wanted,
    /// Whatever it would answer, nothing may be held against it.
    Untrusted,
}

/// Both sides, measured.
#[derive(Debug)]
pub(crate) struct Sides<'a> {
    pub(crate) pair: Pair<'a>,
    pub(crate) measured: BTreeMap<Address, Measured>,
    observed: Readings,
    baseline: Option<Readings>,
}

impl<'a> Pair<'a> {
    /// The sides of `entry`, each with `window` shifted as the comparison says.
    pub(crate) fn new(
        entry: &'a ServiceEntry,
        comparison: &'a Comparison,
        window: Window,
    ) -> anyhow::Result<Self> {
        let side = |name: &'a str, shift: i64| {
            let environment = entry
                .environments
                .get(name)
                .with_context(|| format!("the monspec declares no environment `{name}`"))?;
            anyhow::Ok(Side {
                name,
                environment,
                window: window.shifted_back(shift),
            })
        };
        let compare = match &comparison.compare {
            Some(name) => Some(side(name, comparison.shift_compare_seconds)?),
            None => None,
        };
        Ok(Self {
            entry,
            comparison,
            source: side(&comparison.source, comparison.shift_source_seconds)?,
            compare,
        })
    }

    /// Asks for both sides at once.
    pub(crate) async fn measured(
        self,
        asking: &Asking,
        baseline: Baseline,
    ) -> Result<Sides<'a>, dynatrace::Error> {
        let compared = async {
            match self.compare {
                Some(compare) if baseline == Baseline::Wanted => {
                    asking.readings(self.entry, compare).await.map(Some)
                }
                _ => Ok(None),
            }
        };
        let (observed, baseline) =
            try_join(asking.readings(self.entry, self.source), compared).await?;
        let measured = measure::measured(self.entry, self.comparison, &observed, baseline.as_ref());
        Ok(Sides {
            pair: self,
            measured,
            observed,
            baseline,
        })
    }
}

impl Sides<'_> {
    pub(crate) fn token_refused(&self) -> bool {
        self.observed.token_refused
            || self
                .baseline
                .as_ref()
                .is_some_and(|baseline| baseline.token_refused)
    }

    /// Says that no entity matches where that is why there is no data. A tenant
    /// that does not answer leaves the shorter explanation.
    pub(crate) async fn explain(&mut self, asking: &Asking) {
        let Pair {
            entry,
            source,
            compare,
            ..
        } = self.pair;
        let observations = self.measured.values_mut().map(|both| &mut both.observation);
        explain_silence(asking, entry, source, observations).await;
        if let Some(compare) = compare {
            let baselines = self.measured.values_mut().map(|both| &mut both.baseline);
            explain_silence(asking, entry, compare, baselines).await;
        }
    }

    /// Every signature, judged, with how its numbers were obtained.
    pub(crate) fn findings(&self) -> Vec<Evidenced> {
        let Pair {
            entry,
            comparison,
            source,
            compare,
        } = self.pair;
        monspec::judge(entry, comparison, &self.measured)
            .into_iter()
            .map(|finding| Evidenced {
                source: asked(&self.observed, source, &finding.address),
                compare: match (&self.baseline, compare) {
                    (Some(baseline), Some(side)) => Some(asked(baseline, side, &finding.address)),
                    _ => None,
                },
                finding,
            })
            .collect()
    }

    /// Adds the entities that were found to those of other service entries.
    pub(crate) fn name_entities(&self, entities: &mut Entities) {
        let sides = [
            (Some(&self.observed), Some(self.pair.source)),
            (self.baseline.as_ref(), self.pair.compare),
        ];
        for (readings, side) in sides {
            if let (Some(readings), Some(side)) = (readings, side)
                && !readings.entities.is_empty()
            {
                let known = entities.entry(self.pair.entry.id.clone()).or_default();
                let names = known.entry(side.name.to_owned()).or_default();
                names.extend(readings.entities.iter().cloned());
                names.sort();
                names.dedup();
            }
        }
    }
}

async fn explain_silence(
    asking: &Asking,
    entry: &ServiceEntry,
    side: Side<'_>,
    measurements: impl Iterator<Item = &mut Measurement>,
) {
    let silent: Vec<_> = measurements
        .filter(|one| matches!(one, Measurement::Missing(Gap::NoData(_))))
        .collect();
    if silent.is_empty() {
        return;
    }
    if let Ok(false) = asking.somebody_is_there(entry, side).await {
        for measurement in silent {
            *measurement = Measurement::Missing(Gap::NoEntity(measure::tags(side.environment)));
        }
    }
}

fn asked(readings: &Readings, side: Side<'_>, address: &Address) -> Asked {
    readings
        .asked
        .get(address)
        .cloned()
        .unwrap_or_else(|| Asked {
            environment: side.name.to_owned(),
            window: side.window,
            selector: String::new(),
            query: String::new(),
            warnings: Vec::new(),
        })
}

//! Both sides of a service entry: measured, explained where they are silent,
//! and judged.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures_util::future::try_join;
use monspec::{Address, Comparison, Entities, Gap, Measured, Measurement, Outcome, ServiceEntry};
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

/// Both sides, measured.
#[derive(Debug)]
pub(crate) struct Sides<'a> {
    pub(crate) pair: Pair<'a>,
    pub(crate) measured: BTreeMap<Address, Measured>,
    observed: Readings,
    baseline: Option<Readings>,
    /// What the compare side answered although it is no baseline.
    untrusted: BTreeMap<Address, f64>,
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
    pub(crate) async fn measured(self, asking: &Asking) -> Result<Sides<'a>, dynatrace::Error> {
        let compared = async {
            match self.compare {
                Some(compare) => asking.readings(self.entry, compare).await.map(Some),
                None => Ok(None),
            }
        };
        let (observed, compared) =
            try_join(asking.readings(self.entry, self.source), compared).await?;
        let measured = measure::measured(self.entry, self.comparison, &observed, compared.as_ref());
        Ok(Sides {
            pair: self,
            measured,
            observed,
            baseline: compared,
            untrusted: BTreeMap::new(),
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

    /// Every number that its signatures need, in the order of the monspec.
    pub(crate) fn needed(&self) -> impl Iterator<Item = &Measurement> {
        monspec::addresses(self.pair.entry)
            .filter_map(|(address, signature)| Some((self.measured.get(&address)?, signature)))
            .flat_map(|(both, signature)| {
                let baseline = signature.needs_baseline().then_some(&both.baseline);
                std::iter::once(&both.observation).chain(baseline)
            })
    }

    /// Puts the numbers of the compare side where they are only shown: nothing
    /// may be held against them.
    pub(crate) fn distrust(&mut self, gap: &Gap) {
        for (address, both) in &mut self.measured {
            let told = Measurement::Missing(gap.clone());
            let untrusted = std::mem::replace(&mut both.baseline, told);
            if let Ok(number) = untrusted.number()
                && number.is_finite()
            {
                self.untrusted.insert(address.clone(), number);
            }
        }
    }

    /// The sides and the entities that were seen on them.
    pub(crate) fn seen(&self) -> impl Iterator<Item = (Side<'_>, &str)> {
        let sides = [
            (Some(self.pair.source), Some(&self.observed)),
            (self.pair.compare, self.baseline.as_ref()),
        ];
        sides.into_iter().flat_map(|(side, readings)| {
            let entities = readings.into_iter().flat_map(|readings| &readings.entities);
            entities.filter_map(move |entity| Some((side?, entity.as_str())))
        })
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
            .map(|finding| self.with_untrusted(finding))
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

    /// A finding that has no baseline shows the one that must not be used.
    fn with_untrusted(&self, finding: monspec::Finding) -> monspec::Finding {
        let shown = match finding.outcome {
            Outcome::Inconclusive => self.untrusted.get(&finding.address).copied(),
            Outcome::Held | Outcome::Violated => None,
        };
        monspec::Finding {
            baseline: finding.baseline.or(shown),
            ..finding
        }
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

//! A person asks what the gate would say, without a pipeline.
//!
//! No ledger takes part: a missing baseline is never accepted as that of a
//! first release, and nobody knows whether a bad build ran on the compare side.

use std::collections::{BTreeMap, BTreeSet};

use dynatrace::Dynatrace;
use futures_util::future::{join_all, try_join_all};
use monspec::{Comparison, Entities, Metric, ServiceEntry, Verdict};
use release::evidence::Evidenced;
use release::window::Window;
use tokio::time::Instant;

use crate::measure::{Asking, Side};
pub use crate::overlap::Overlap;
use crate::overlap::windows_are_apart;
use crate::sides::{Pair, Sides};

/// What is to be compared.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The service entries that take part, each with the comparison.
    pub compared: &'a [(&'a ServiceEntry, &'a Comparison)],
    /// The window before it is shifted.
    pub window: Window,
}

/// What became of the request.
#[derive(Debug)]
pub enum Outcome {
    /// Both sides were asked for and judged.
    Judged(Judged),
    /// The window would compare a build with itself.
    Refused(Overlap),
}

/// A verdict and what led to it.
#[derive(Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Every signature, judged, with the windows and queries of its numbers.
    pub findings: Vec<Evidenced>,
    /// The windows of each service entry.
    pub looked_at: Vec<LookedAt>,
    /// The entities that were found, per service entry and environment.
    pub entities: Entities,
    /// The tenant's words for the units of metric selectors, by selector.
    pub units: BTreeMap<String, String>,
}

/// The windows of one service entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedAt {
    /// The key of the entry.
    pub service: String,
    /// The side of the new build.
    pub source: View,
    /// The side it was compared with, where there is one.
    pub compare: Option<View>,
}

/// One environment at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The name of the environment.
    pub environment: String,
    /// The window, shifted.
    pub window: Window,
}

/// Asks the tenant for both sides and judges them.
///
/// A gap is a finding; an `Err` is a tenant that did not answer before
/// `deadline`.
pub async fn compare(
    tenant: &Dynatrace,
    request: Request<'_>,
    deadline: Instant,
) -> anyhow::Result<Outcome> {
    if let Err(overlap) = windows_are_apart(request.compared, request.window.length()) {
        return Ok(Outcome::Refused(overlap));
    }
    let asking = Asking::new(tenant.clone(), deadline);
    let measuring = request.compared.iter().map(async |(entry, comparison)| {
        let pair = Pair::new(entry, comparison, request.window)?;
        let mut sides = pair.measured(&asking).await?;
        sides.explain(&asking).await;
        anyhow::Ok(sides)
    });
    let sides = try_join_all(measuring).await?;

    let findings: Vec<Evidenced> = sides.iter().flat_map(Sides::findings).collect();
    let plain: Vec<_> = findings.iter().map(|one| one.finding.clone()).collect();
    let mut entities = Entities::new();
    for both in &sides {
        both.name_entities(&mut entities);
    }
    let selectors: BTreeSet<_> = request
        .compared
        .iter()
        .flat_map(|(entry, _)| monspec::addresses(entry))
        .filter_map(|(_, signature)| match &signature.metric {
            Metric::Selector(selector) => Some(selector.as_str()),
            Metric::Timeseries(_) | Metric::Smartscape { .. } => None,
        })
        .collect();
    let units = selectors.into_iter().map(async |selector| {
        // A number without its unit is still that number.
        let unit = tenant.unit(selector, deadline).await.ok().flatten()?;
        Some((selector.to_owned(), unit))
    });
    let units = join_all(units).await.into_iter().flatten().collect();
    Ok(Outcome::Judged(Judged {
        units,
        verdict: monspec::verdict(&plain),
        findings,
        looked_at: sides.iter().map(|both| looked_at(&both.pair)).collect(),
        entities,
    }))
}

fn looked_at(pair: &Pair<'_>) -> LookedAt {
    let view = |side: Side<'_>| View {
        environment: side.name.to_owned(),
        window: side.window,
    };
    LookedAt {
        service: pair.entry.id.clone(),
        source: view(pair.source),
        compare: pair.compare.map(view),
    }
}

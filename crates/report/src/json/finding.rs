//! Findings and the questions behind them, the same wherever they are written.

use release::evidence::{self, Evidenced};
use schemars::JsonSchema;
use serde::Serialize;

use super::Span;
use crate::units::Unit;

/// One judged signature, with every number behind the result.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding<'a> {
    /// The service entry.
    service: &'a str,
    /// The method, for signatures of `servicemethods`.
    method: Option<&'a str>,
    /// The index within `perfsignature`, counted from 0.
    signature: usize,
    /// What was measured, as the monspec says it.
    metric: &'a str,
    /// How the values became one number.
    aggregate: &'a str,
    /// Which side is bounded when the limit derives from a baseline.
    side: monspec::BoundSide,
    /// The result.
    #[schemars(extend("enum" = ["held", "violated", "inconclusive"]))]
    outcome: &'static str,
    /// Whether a gap is accepted because there can be no baseline for a first release.
    accepted: bool,
    /// The unit of the numbers, as far as the name of the metric or the tenant tells.
    unit: Option<&'static str>,
    /// The number of the new build.
    observation: Option<f64>,
    /// The number of the compare side.
    baseline: Option<f64>,
    /// How many entities the numbers cover, where they are unweighted means.
    #[serde(skip_serializing_if = "monspec::Coverage::is_empty")]
    coverage: monspec::Coverage,
    /// How much worse than the baseline the number may be, in percent of it,
    /// where the limit derives from one.
    tolerance: Option<f64>,
    /// The upper limit that was in force.
    upper_limit: Option<f64>,
    /// The lower limit that was in force.
    lower_limit: Option<f64>,
    /// The distance to the nearest limit, negative when it is violated.
    margin: Option<f64>,
    /// The reason for the result.
    reason: &'a str,
    /// How the observation was obtained; null where it was handed in.
    source: Option<Asked<'a>>,
    /// How the baseline was obtained, where one was asked for.
    compare: Option<Asked<'a>>,
}

/// One question to the tenant.
#[derive(Serialize, JsonSchema)]
struct Asked<'a> {
    /// The environment.
    environment: &'a str,
    /// The window, after shifting.
    window: Span,
    /// The metric selector or its counterpart in the first API.
    selector: &'a str,
    /// The request, without host and token.
    query: &'a str,
    /// What the tenant warned about.
    warnings: &'a [String],
}

impl<'a> Finding<'a> {
    /// A finding whose numbers the tenant was asked for.
    pub(super) fn asked(evidenced: &'a Evidenced, unit: Unit) -> Self {
        Self {
            source: Some((&evidenced.source).into()),
            compare: evidenced.compare.as_ref().map(Asked::from),
            ..Self::handed_in(&evidenced.finding, unit)
        }
    }

    /// A finding on numbers that somebody handed in.
    pub(super) fn handed_in(finding: &'a monspec::Finding, unit: Unit) -> Self {
        Self {
            service: &finding.address.service,
            method: finding.address.method.as_deref(),
            signature: finding.address.signature,
            metric: &finding.metric,
            aggregate: &finding.aggregate,
            side: finding.side,
            outcome: finding.outcome.as_str(),
            accepted: finding.accepted,
            unit: unit.symbol(),
            observation: finding.observation,
            baseline: finding.baseline,
            coverage: finding.coverage,
            tolerance: finding.tolerance,
            upper_limit: finding.upper_limit,
            lower_limit: finding.lower_limit,
            margin: finding.margin,
            reason: &finding.reason,
            source: None,
            compare: None,
        }
    }
}

impl<'a> From<&'a Evidenced> for Finding<'a> {
    fn from(evidenced: &'a Evidenced) -> Self {
        Self::asked(evidenced, Unit::of_finding(&evidenced.finding))
    }
}

impl<'a> From<&'a evidence::Asked> for Asked<'a> {
    fn from(asked: &'a evidence::Asked) -> Self {
        Self {
            environment: &asked.environment,
            window: asked.window.into(),
            selector: &asked.selector,
            query: &asked.query,
            warnings: &asked.warnings,
        }
    }
}

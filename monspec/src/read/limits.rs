//! Reads static limits and looks for limits that cannot mean what they say.

use std::collections::BTreeSet;

use lint::{Fields, Place, Report, nearest, shortened};

use super::comparison::PlacedComparison;
use crate::comparison::Comparison;
use crate::metrics::MetricCatalogue;
use crate::signature::{BoundSide, Signature};

/// Reads the upper and the lower limit.
pub(super) fn read_limits(
    fields: &Fields<'_>,
    validate: BoundSide,
    report: &mut Report<'_>,
) -> (Option<f64>, Option<f64>) {
    for disabled in ["_upperlimit", "_lowerlimit"] {
        if let Some(place) = fields.key(disabled) {
            report.hint(
                &place,
                "this limit is disabled: fields that begin with `_` are comments",
                format!(
                    "remove it, or write `{}` to enforce it",
                    disabled.trim_start_matches('_')
                ),
            );
        }
    }
    let upper = fields.number("upperlimit", report);
    let lower = fields.number("lowerlimit", report);
    if let (Some(most), Some(least), Some(place)) = (upper, lower, fields.key("lowerlimit"))
        && most < least
    {
        report.error(
            &place,
            format!("no value is at least {least} and at most {most}"),
            "swap `lowerlimit` and `upperlimit`",
        );
    }
    // Only a side that was written down can contradict anything.
    if let Some(place) = fields.key("validate") {
        check_side(&place, validate, fields, report);
    }
    (upper, lower)
}

fn check_side(place: &Place, validate: BoundSide, fields: &Fields<'_>, report: &mut Report<'_>) {
    let (wanted, other) = match validate {
        BoundSide::Upper => ("upperlimit", "lowerlimit"),
        BoundSide::Lower => ("lowerlimit", "upperlimit"),
    };
    if fields.key(wanted).is_none() && fields.key(other).is_some() {
        report.warning(
            place,
            format!("the {validate} side is to be validated, but only `{other}` is set"),
            format!("set `{wanted}`, or change `validate`"),
        );
    }
}

/// The metrics of an entry, as far as tolerances go.
pub(super) struct UsedMetrics {
    all: BTreeSet<String>,
    /// Those whose lower limit derives from a baseline.
    scaled_lower: BTreeSet<String>,
}

impl UsedMetrics {
    pub(super) fn of<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Self {
        let mut used = Self {
            all: BTreeSet::new(),
            scaled_lower: BTreeSet::new(),
        };
        for signature in signatures {
            let name = signature.metric.to_string();
            if signature.validate == BoundSide::Lower && signature.needs_baseline() {
                used.scaled_lower.insert(name.clone());
            }
            used.all.insert(name);
        }
        used
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// Looks for factors whose metric is a typo of one of the entry's.
pub(super) fn check_factors(
    placed: &PlacedComparison,
    used: &UsedMetrics,
    metrics: MetricCatalogue,
    report: &mut Report<'_>,
) {
    for (key, place) in &placed.places {
        if key == "default" || used.all.contains(key) || metrics(key).is_some() {
            continue;
        }
        if let Some(near) = nearest(key, ["default"]) {
            report.error(
                place,
                format!("unknown factor {:?}", shortened(key)),
                format!("did you mean `{near}`?"),
            );
        } else if let Some(near) = nearest(key, used.all.iter().map(String::as_str)) {
            report.warning(
                place,
                "no signature of this entry has this metric, so the factor is never used",
                format!("did you mean `{}`?", shortened(near)),
            );
        }
    }
}

/// Looks for lower limits that are at or below zero.
pub(super) fn check_scaled_limits(
    placed: &PlacedComparison,
    used: &UsedMetrics,
    report: &mut Report<'_>,
) {
    let Comparison { compare, scale, .. } = &placed.comparison;
    if compare.is_none() {
        return;
    }
    let place_of = |key: &str| {
        placed
            .places
            .iter()
            .find(|(factor, _)| factor == key)
            .map(|(_, place)| place)
    };
    for metric in &used.scaled_lower {
        let factor = scale.by_metric.get(metric).unwrap_or(&scale.default);
        if *factor < 100.0 {
            continue;
        }
        if let Some(place) = place_of(metric).or_else(|| place_of("default")) {
            report.warning(
                place,
                format!(
                    "a lower limit of {factor} % below the baseline of `{}` can never be violated",
                    shortened(metric)
                ),
                "use a factor below 100 for this metric, or set its `lowerlimit`",
            );
        }
    }
}

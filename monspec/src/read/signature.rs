//! Reads one signature.

use lint::{Cursor, Fields, Place, Report, did_you_mean, listed, shortened};

use super::aggregate::read_aggregate;
use super::bounds::check_metric;
use super::limits::read_limits;
use super::relationship::check_relationship;
use super::shape::SIGNATURE;
use crate::metrics::MetricCatalogue;
use crate::signature::{Aggregate, BoundSide, Direction, Merge, Metric, Signature};
use crate::spec::EntityType;

/// Reads the signature and asks the catalogue whether Dynatrace can answer it.
/// Without a type of entity relationships are not checked.
pub(super) fn read_signature(
    cursor: &Cursor<'_>,
    etype: Option<EntityType>,
    metrics: MetricCatalogue,
    report: &mut Report<'_>,
) -> Option<Signature> {
    let fields = cursor.object(SIGNATURE, report)?;
    let metric = read_metric(&fields, report);
    let stated = fields.get("aggregate");
    let aggregate = match &stated {
        Some(cursor) => read_aggregate(cursor, report),
        None if matches!(metric, Some(Metric::Smartscape { .. })) => Some(Aggregate::Count),
        None => Some(Aggregate::default()),
    };
    let validate = fields.choice("validate", &BoundSide::ALL, BoundSide::as_str, report);
    let (upper_limit, lower_limit) = read_limits(&fields, validate, report);
    let merge = fields.choice("merge", &Merge::ALL, Merge::as_str, report);

    let (metric, aggregate) = (metric?, aggregate?);
    let place = stated.map_or_else(|| cursor.place.clone(), |stated| stated.place);
    check_aggregate(&metric, aggregate, &place, metrics, report);
    if let (Some(cursor), Some(etype)) = (fields.get("smartscape"), etype) {
        check_relationship(&metric, etype, &cursor.place, report);
    }
    if let Some(cursor) = fields.get("timeseries") {
        check_counterpart(&metric, &cursor.place, metrics, report);
    }
    Some(Signature {
        metric,
        aggregate,
        validate,
        upper_limit,
        lower_limit,
        merge,
    })
}

fn read_metric(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Metric> {
    let stated: Vec<_> = ["timeseries", "selector", "smartscape"]
        .into_iter()
        .filter_map(|name| Some((name, fields.get(name)?)))
        .collect();
    for (_, cursor) in &stated {
        check_metric(cursor.as_text().unwrap_or_default(), &cursor.place, report);
    }
    match stated.as_slice() {
        [] => {
            report.error(
                &fields.place,
                "the signature names no metric",
                "add `timeseries`, `selector` or `smartscape`",
            );
            None
        }
        [("timeseries", cursor)] => Some(Metric::Timeseries(cursor.text(report)?.to_owned())),
        [("selector", cursor)] => Some(Metric::Selector(cursor.text(report)?.to_owned())),
        [(_, cursor)] => read_smartscape(cursor, report),
        [.., (name, cursor)] => {
            report.error(
                &cursor.place,
                format!("the signature already names a metric, `{name}` is one too many"),
                "make two signatures of it",
            );
            None
        }
    }
}

fn read_smartscape(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Metric> {
    let text = cursor.text(report)?;
    let (word, relation) = text.split_once(':').unwrap_or((text, ""));
    let direction = Direction::ALL
        .into_iter()
        .find(|direction| direction.as_str() == word);
    match direction {
        Some(direction) if !relation.trim().is_empty() => Some(Metric::Smartscape {
            direction,
            relation: relation.to_owned(),
        }),
        Some(_) => {
            report.error(
                &cursor.place,
                "the relationship has no name",
                format!("write `{word}:calls` or `{word}:runsOn` for example"),
            );
            None
        }
        None => {
            report.error(
                &cursor.place,
                format!("`{}` is no direction of a relationship", shortened(word)),
                did_you_mean(
                    word,
                    &Direction::ALL.map(Direction::as_str),
                    "it begins with",
                ),
            );
            None
        }
    }
}

fn check_aggregate(
    metric: &Metric,
    aggregate: Aggregate,
    place: &Place,
    metrics: MetricCatalogue,
    report: &mut Report<'_>,
) {
    let known = match metric {
        Metric::Timeseries(name) => metrics(name).map_or(&[][..], |facts| facts.aggregates),
        Metric::Smartscape { .. } => &["count"],
        Metric::Selector(_) => &[],
    };
    if !known.is_empty() && !known.contains(&aggregate.kind()) {
        report.warning(
            place,
            format!("`{}` has no `{aggregate}`", shortened(&metric.to_string())),
            format!("it has {}", listed(known)),
        );
    }
}

fn check_counterpart(
    metric: &Metric,
    place: &Place,
    metrics: MetricCatalogue,
    report: &mut Report<'_>,
) {
    let Metric::Timeseries(name) = metric else {
        return;
    };
    if metrics(name).is_some_and(|facts| !facts.has_v2_counterpart) {
        report.warning(
            place,
            format!(
                "`{}` has no counterpart in Dynatrace API v2 and cannot be judged there",
                shortened(name)
            ),
            "use another metric, or write a v2 metric selector as `selector`",
        );
    }
}

//! Which metric selector answers a series.

use super::expression::{Shape, shape};
use super::selector::{dimension, quoted};
use crate::answer::SeriesError;
use crate::metrics::{self, Counterpart, Offers, Successor};
use crate::question::{Aggregation, EntityType, Metric, Series};

/// A selector to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ask {
    pub(super) expression: String,
    /// What can be sent instead where the metric has no single value for a
    /// whole window; absent where that would change the meaning.
    pub(super) fold: Option<Fold>,
}

/// A selector that folds a series into one number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fold {
    pub(super) expression: String,
    /// The aggregation that it folds with.
    pub(super) aggregation: &'static str,
}

/// By what the numbers of a metric are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// Nothing: one number over all entities.
    Merged,
    /// The entities of the scope.
    Entities,
    /// Service methods, with their names.
    Methods,
}

/// Where the numbers of a series come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    text: String,
    ending: Ending,
    dimension: &'static str,
    /// By how many places the number is shifted into the unit that the series
    /// is named in.
    pub(super) shift: i32,
}

/// What has to follow the text of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ending {
    /// Nothing: its author wrote it to the end.
    Nothing,
    /// An aggregation; what it keeps apart is written.
    Aggregation(Transformation),
    /// What it keeps apart, and an aggregation.
    SplitAndAggregation(Transformation),
}

/// An aggregation as a transformation of its metric.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Transformation {
    text: String,
    /// The same for `:fold(…)`, where that means the same.
    fold: Option<&'static str>,
}

impl Source {
    pub(super) fn of(series: &Series, scope: EntityType) -> Result<Self, SeriesError> {
        match &series.metric {
            Metric::Timeseries(id) => Self::translated(id, series),
            Metric::Selector(text) => Self::written(text, series, scope),
        }
    }

    /// Whether the selector still has to be told what to keep apart.
    pub(super) fn can_be_split(&self) -> bool {
        matches!(self.ending, Ending::SplitAndAggregation(_))
    }

    pub(super) fn is_of_methods(&self) -> bool {
        self.dimension == METHOD
    }

    pub(super) fn ask(&self, split: Split) -> Ask {
        let text = &self.text;
        let (transformation, split_by, names) = match &self.ending {
            Ending::Nothing => {
                return Ask {
                    expression: text.clone(),
                    fold: None,
                };
            }
            Ending::Aggregation(transformation) => (transformation, String::new(), ""),
            Ending::SplitAndAggregation(transformation) => match split {
                Split::Merged => (transformation, ":splitBy()".into(), ""),
                Split::Entities => (
                    transformation,
                    format!(":splitBy({})", quoted(self.dimension)),
                    "",
                ),
                Split::Methods => (
                    transformation,
                    format!(":splitBy({})", quoted(METHOD)),
                    ":names",
                ),
            },
        };
        Ask {
            expression: format!("{text}{split_by}:{}{names}", transformation.text),
            fold: transformation.fold.map(|aggregation| Fold {
                expression: format!("{text}{split_by}:fold({aggregation}){names}"),
                aggregation,
            }),
        }
    }

    fn translated(id: &str, series: &Series) -> Result<Self, SeriesError> {
        let Some(facts) = metrics::facts(id) else {
            return Err(SeriesError::UnknownMetric(format!(
                "no v2 metric is known for the timeseries `{id}`; \
                 name the v2 metric with `selector`"
            )));
        };
        let Counterpart { key, offers, shift } = match facts.successor {
            Successor::Metric(counterpart) => counterpart,
            Successor::Nothing { closest } => {
                return Err(SeriesError::UnknownMetric(format!(
                    "nothing measures `{id}`; {closest}"
                )));
            }
        };
        if series.method.is_some() && facts.dimension != METHOD {
            return Err(SeriesError::BadSelector(format!(
                "`{id}` is not measured per service method; use a `servicemethod.` timeseries"
            )));
        }
        Ok(Self {
            text: key.into(),
            ending: Ending::SplitAndAggregation(transformation(key, offers, series.aggregation)?),
            dimension: facts.dimension,
            shift,
        })
    }

    fn written(text: &str, series: &Series, scope: EntityType) -> Result<Self, SeriesError> {
        let ending = match shape(text) {
            Shape::Metric(parsed) if parsed.aggregates() => Ending::Nothing,
            Shape::Metric(parsed) => {
                let transformation =
                    transformation(parsed.key, metrics::offers(parsed.key), series.aggregation)?;
                if parsed.splits() {
                    Ending::Aggregation(transformation)
                } else {
                    Ending::SplitAndAggregation(transformation)
                }
            }
            Shape::Arithmetic => Ending::Nothing,
            Shape::Several => {
                return Err(SeriesError::BadSelector(format!(
                    "`{text}` names several metrics; write one series for each"
                )));
            }
            Shape::Broken => {
                return Err(SeriesError::BadSelector(format!(
                    "`{text}` is empty, or has a quote or parenthesis that is not closed"
                )));
            }
        };
        Ok(Self {
            text: text.trim().into(),
            ending,
            dimension: if series.method.is_some() {
                METHOD
            } else {
                dimension(scope)
            },
            shift: 0,
        })
    }
}

const METHOD: &str = "dt.entity.service_method";

fn transformation(
    key: &str,
    offers: Offers,
    aggregation: Aggregation,
) -> Result<Transformation, SeriesError> {
    use Aggregation::{Avg, Count, Max, Min, Percentile, Sum};

    let offered = match (offers, aggregation) {
        (Offers::Counter, Count | Sum) => {
            return Ok(Transformation {
                text: "value".into(),
                fold: None,
            });
        }
        (Offers::Counter, _) => "count",
        (Offers::AverageOnly, Avg)
        | (Offers::Gauge, Avg | Min | Max)
        | (Offers::Distribution | Offers::Unknown, _) => {
            return Ok(match aggregation {
                Percentile(percentile) => Transformation {
                    text: format!("percentile({})", percentile.percent()),
                    fold: None,
                },
                other => Transformation {
                    text: other.word().into(),
                    fold: matches!(other, Avg | Min | Max | Sum).then(|| other.word()),
                },
            });
        }
        (Offers::AverageOnly, _) => "avg",
        (Offers::Gauge, _) => "avg, min and max",
    };
    Err(SeriesError::BadSelector(format!(
        "`{key}` offers {offered}, but not {}",
        aggregation.word()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::{Merge, Percentile};

    fn timeseries(name: &str, aggregation: Aggregation) -> Series {
        Series {
            metric: Metric::Timeseries(format!("com.dynatrace.builtin:{name}")),
            aggregation,
            merge: Merge::Tenant,
            method: None,
        }
    }

    fn selector(text: &str, aggregation: Aggregation) -> Series {
        Series {
            metric: Metric::Selector(text.into()),
            ..timeseries("", aggregation)
        }
    }

    fn ask(series: &Series, split: Split) -> Result<String, SeriesError> {
        let source = Source::of(series, EntityType::Service)?;
        Ok(source.ask(split).expression)
    }

    #[test]
    fn timeseries_are_translated_with_their_aggregation() {
        let p90 = Aggregation::Percentile(Percentile::from_percent(90.0).unwrap());
        let p999 = Aggregation::Percentile(Percentile::from_percent(99.9).unwrap());
        for (name, aggregation, expected) in [
            (
                "service.responsetime",
                Aggregation::Avg,
                "builtin:service.response.time:splitBy():avg",
            ),
            (
                "service.responsetime",
                Aggregation::Count,
                "builtin:service.response.time:splitBy():count",
            ),
            (
                "service.responsetime",
                p90,
                "builtin:service.response.time:splitBy():percentile(90)",
            ),
            (
                "service.responsetime",
                p999,
                "builtin:service.response.time:splitBy():percentile(99.9)",
            ),
            (
                "service.requestspermin",
                Aggregation::Count,
                "builtin:service.requestCount.total:splitBy():value",
            ),
            (
                "service.requestspermin",
                Aggregation::Sum,
                "builtin:service.requestCount.total:splitBy():value",
            ),
        ] {
            let sent = ask(&timeseries(name, aggregation), Split::Merged);

            assert_eq!(sent.as_deref(), Ok(expected));
        }
    }

    #[test]
    fn each_way_of_splitting_has_its_dimension() {
        let services = timeseries("service.responsetime", Aggregation::Avg);
        let methods = timeseries("servicemethod.responsetime", Aggregation::Avg);

        assert_eq!(
            ask(&services, Split::Entities).as_deref(),
            Ok(r#"builtin:service.response.time:splitBy("dt.entity.service"):avg"#)
        );
        assert_eq!(
            ask(&methods, Split::Methods).as_deref(),
            Ok(
                r#"builtin:service.keyRequest.response.time:splitBy("dt.entity.service_method"):avg:names"#
            )
        );
    }

    #[test]
    fn written_selectors_are_completed_but_never_changed() {
        for (text, expected) in [
            ("builtin:a.b", "builtin:a.b:splitBy():max"),
            (
                "builtin:a.b:filter(eq(x,y))",
                "builtin:a.b:filter(eq(x,y)):splitBy():max",
            ),
            (
                "builtin:a.b:splitBy(\"x\")",
                "builtin:a.b:splitBy(\"x\"):max",
            ),
            ("builtin:a.b:avg", "builtin:a.b:avg"),
            (
                "builtin:a.b:splitBy():fold(avg)",
                "builtin:a.b:splitBy():fold(avg)",
            ),
            ("(builtin:a.b:avg + 1)", "(builtin:a.b:avg + 1)"),
        ] {
            let sent = ask(&selector(text, Aggregation::Max), Split::Merged);

            assert_eq!(sent.as_deref(), Ok(expected));
        }
        assert_eq!(
            ask(
                &selector("builtin:service.requestCount.total", Aggregation::Count),
                Split::Merged
            )
            .as_deref(),
            Ok("builtin:service.requestCount.total:splitBy():value")
        );
    }

    #[test]
    fn what_a_metric_is_known_not_to_offer_is_not_sent() {
        for (name, aggregation) in [
            ("service.failurerate", Aggregation::Max),
            ("service.requestspermin", Aggregation::Avg),
            ("host.cpu.user", Aggregation::Median),
        ] {
            let refused = ask(&timeseries(name, aggregation), Split::Merged);

            assert!(
                matches!(refused, Err(SeriesError::BadSelector(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn unknown_timeseries_are_answered_with_advice() {
        for id in [
            "ruxit.python.x:y",
            "custom:mine",
            "com.dynatrace.builtin:no.such",
        ] {
            let series = Series {
                metric: Metric::Timeseries(id.into()),
                ..timeseries("", Aggregation::Avg)
            };

            let refused = ask(&series, Split::Merged);

            assert!(
                matches!(&refused, Err(SeriesError::UnknownMetric(text)) if text.contains("selector")),
                "{refused:?}"
            );
        }
        let closest = ask(
            &timeseries("servicemethod.failurerate", Aggregation::Avg),
            Split::Merged,
        );
        assert!(matches!(closest, Err(SeriesError::UnknownMetric(text))
            if text.contains("keyRequest.errors.server.rate")));
    }

    #[test]
    fn only_aggregations_that_keep_their_meaning_are_folded() {
        let fold = |name, aggregation| {
            Source::of(&timeseries(name, aggregation), EntityType::Service)
                .unwrap()
                .ask(Split::Merged)
                .fold
                .map(|fold| fold.expression)
        };

        assert_eq!(
            fold("pgi.availability", Aggregation::Avg).as_deref(),
            Some("builtin:pgi.availability:splitBy():fold(avg)")
        );
        assert_eq!(fold("service.responsetime", Aggregation::Median), None);
        assert_eq!(fold("service.requestspermin", Aggregation::Sum), None);
    }

    #[test]
    fn numbers_of_services_are_not_passed_off_as_those_of_a_method() {
        let series = Series {
            method: Some("/api/invoke".into()),
            ..timeseries("service.responsetime", Aggregation::Avg)
        };

        assert!(matches!(
            ask(&series, Split::Merged),
            Err(SeriesError::BadSelector(_))
        ));
    }
}

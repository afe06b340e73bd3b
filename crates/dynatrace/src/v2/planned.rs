//! A series that can be sent, and its answer.

use std::collections::BTreeSet;

use super::answer::Row;
use super::plan::{Ask, Source};
use super::query::QueryResult;
use crate::answer::{SeriesAnswer, SeriesError};
use crate::number::finite;
use crate::question::{Merge, Series};

/// Answers, each with the place of its series in the question.
pub(super) type Placed = Vec<(usize, SeriesAnswer)>;

/// A series that can be sent.
pub(super) struct Planned<'a> {
    /// Its place in the question.
    pub(super) index: usize,
    pub(super) series: &'a Series,
    pub(super) source: Source,
    pub(super) ask: Ask,
}

impl Planned<'_> {
    pub(super) fn method(&self) -> &str {
        self.series.method.as_deref().unwrap_or_default()
    }
}

/// What an outcome means for the series that it was asked for.
pub(super) fn answer(planned: &Planned<'_>, outcome: QueryResult) -> SeriesAnswer {
    let QueryResult {
        rows,
        sent,
        evidence,
        mut warnings,
    } = outcome;
    let entities = rows
        .iter()
        .flatten()
        .flat_map(|row| row.ids.iter().cloned())
        .collect::<BTreeSet<_>>();
    let answered = rows
        .iter()
        .flatten()
        .filter(|row| planned.series.merge == Merge::Mean && row.value.is_some())
        .flat_map(|row| row.ids.iter().cloned())
        .collect::<BTreeSet<_>>();
    let value = rows.and_then(|rows| merged(&rows, planned.series.merge));
    let value = value.map(|value| {
        finite(
            decimal::shifted(value?, planned.source.shift),
            &mut warnings,
        )
    });
    SeriesAnswer {
        value,
        selector: sent,
        query: evidence,
        entities: entities.into_iter().collect(),
        answered: answered.into_iter().collect(),
        warnings,
    }
}

fn merged(rows: &[Row], merge: Merge) -> Result<Option<f64>, SeriesError> {
    match (merge, rows) {
        (Merge::Mean, rows) => {
            let values: Vec<_> = rows.iter().filter_map(|row| row.value).collect();
            Ok(decimal::mean(&values))
        }
        (Merge::Tenant, []) => Ok(None),
        (Merge::Tenant, [row]) => Ok(row.value),
        (Merge::Tenant, rows) => Err(SeriesError::Ambiguous(format!(
            "{} numbers where one is wanted; let the selector end with `:splitBy()` and an aggregation",
            rows.len()
        ))),
    }
}

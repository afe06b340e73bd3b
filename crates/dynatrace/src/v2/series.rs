//! Answers a question with as few requests as its series allow.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join_all, try_join3};
use tokio::time::Instant;

use super::answer::Row;
use super::plan::{Ask, Source, Split};
use super::query::{Outcome, Query};
use super::selector::{
    Spelling, checked, context_is_compared_here, methods_of, named, named_exactly, of_ids, of_scope,
};
use crate::answer::{SeriesAnswer, SeriesError};
use crate::error::Error;
use crate::http::Connection;
use crate::number::mean;
use crate::question::{Merge, Question, Series};

/// The answers to a question, in the order of its series.
pub(crate) async fn series(
    connection: &Connection,
    question: &Question,
    deadline: Instant,
) -> Result<Vec<SeriesAnswer>, Error> {
    let mut answers = BTreeMap::new();
    let mut plain = Vec::new();
    let mut all_methods = Vec::new();
    let mut named_methods = Vec::new();
    for (index, series) in question.series.iter().enumerate() {
        match plan(index, series, question) {
            Err(error) => {
                answers.insert(index, unsent(series, error));
            }
            Ok(planned) if series.method.is_some() => named_methods.push(planned),
            Ok(planned) if planned.source.is_of_methods() => all_methods.push(planned),
            Ok(planned) => plain.push(planned),
        }
    }

    let planned = plain.iter().chain(&all_methods).chain(&named_methods);
    if planned.clone().next().is_some() {
        let Some(services) = target(connection, question, deadline).await? else {
            answers.extend(planned.map(|planned| (planned.index, without_entities(planned))));
            return Ok(answers.into_values().collect());
        };
        let methods = methods_of(&services.selector);
        let query = |entities| Query {
            connection,
            entities,
            window: question.window,
            deadline,
        };
        let (plain, all_methods, named_methods) = try_join3(
            together(query(&services.selector), &plain),
            together(query(&methods), &all_methods),
            by_name(query(&methods), &named_methods),
        )
        .await?;
        answers.extend(plain.into_iter().map(|(index, mut answer)| {
            if answer.entities.is_empty() {
                answer.entities.clone_from(&services.ids);
            }
            (index, answer)
        }));
        answers.extend(all_methods);
        answers.extend(named_methods);
    }
    Ok(answers.into_values().collect())
}

/// A series that can be sent.
struct Planned<'a> {
    /// Its place in the question.
    index: usize,
    series: &'a Series,
    source: Source,
    ask: Ask,
}

impl Planned<'_> {
    fn method(&self) -> &str {
        self.series.method.as_deref().unwrap_or_default()
    }
}

fn plan<'a>(
    index: usize,
    series: &'a Series,
    question: &Question,
) -> Result<Planned<'a>, SeriesError> {
    let source = Source::of(series, question.scope.entity_type)?;
    let split = match (series.merge, &series.method) {
        (_, Some(_)) if source.can_be_split() => Split::Methods,
        (Merge::Mean, None) => Split::Entities,
        _ => Split::Merged,
    };
    let ask = source.ask(split)?;
    Ok(Planned {
        index,
        series,
        source,
        ask,
    })
}

/// The entities of a scope, by what they have in common or one by one.
struct Target {
    selector: String,
    /// Known only if they had to be looked up.
    ids: Vec<String>,
}

/// Entities are looked up only where a selector cannot say which ones are
/// meant; `None` if that finds none.
async fn target(
    connection: &Connection,
    question: &Question,
    deadline: Instant,
) -> Result<Option<Target>, Error> {
    let scope = &question.scope;
    if !scope.tags.iter().any(context_is_compared_here) {
        return Ok(Some(Target {
            selector: of_scope(scope),
            ids: Vec::new(),
        }));
    }
    let entities = super::entities(connection, scope, question.window, deadline).await?;
    let ids: Vec<_> = entities.into_iter().map(|entity| entity.id).collect();
    Ok((!ids.is_empty()).then(|| Target {
        selector: of_ids(&ids),
        ids,
    }))
}

/// Series of the same entities, sent together.
async fn together(
    query: Query<'_>,
    planned: &[Planned<'_>],
) -> Result<Vec<(usize, SeriesAnswer)>, Error> {
    let asks: Vec<_> = planned.iter().map(|planned| planned.ask.clone()).collect();
    let outcomes = query.evaluate(&asks).await?;
    Ok(planned
        .iter()
        .zip(outcomes)
        .map(|(planned, outcome)| (planned.index, answer(planned, outcome)))
        .collect())
}

/// Series of service methods: all names at once, and once more for a name that
/// several services have, because only Dynatrace can merge those.
async fn by_name(
    query: Query<'_>,
    planned: &[Planned<'_>],
) -> Result<Vec<(usize, SeriesAnswer)>, Error> {
    let (at_once, singly): (Vec<_>, Vec<_>) = planned
        .iter()
        .partition(|planned| planned.source.can_be_split());

    let names = at_once.iter().map(|planned| planned.method()).collect();
    let rounds = groups(query.entities, names).into_iter().map(|names| {
        let in_group = at_once
            .iter()
            .filter(|planned| names.contains(planned.method()));
        all_names(query, in_group.copied().collect(), names.clone())
    });
    let (answers, mut repeated): (Vec<_>, Vec<_>) = try_join_all(rounds).await?.into_iter().unzip();
    repeated.push(
        singly
            .into_iter()
            .map(|planned| (planned, Spelling::Only))
            .collect(),
    );

    let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (planned, spelling) in repeated.into_iter().flatten() {
        by_name
            .entry((planned.method(), spelling))
            .or_default()
            .push(planned);
    }
    let second = by_name
        .into_iter()
        .map(|((name, spelling), planned)| one_name(query, name, spelling, planned));
    let mut answers: Vec<_> = answers.into_iter().flatten().collect();
    answers.extend(try_join_all(second).await?.into_iter().flatten());
    Ok(answers)
}

/// The names in as few groups as fit into a selector.
fn groups<'a>(methods: &str, names: BTreeSet<&'a str>) -> Vec<BTreeSet<&'a str>> {
    let mut groups: Vec<BTreeSet<&str>> = Vec::new();
    for name in names {
        let fits = groups.last().is_some_and(|group| {
            let names = group.iter().copied().chain([name]);
            checked(named(methods, names)).is_ok()
        });
        match groups.last_mut() {
            Some(group) if fits => {
                group.insert(name);
            }
            _ => groups.push(BTreeSet::from([name])),
        }
    }
    groups
}

type Answers = Vec<(usize, SeriesAnswer)>;

async fn all_names<'a>(
    query: Query<'_>,
    planned: Vec<&'a Planned<'a>>,
    names: BTreeSet<&str>,
) -> Result<(Answers, Vec<(&'a Planned<'a>, Spelling)>), Error> {
    let selector = named(query.entities, names.into_iter());
    let asks: Vec<_> = planned.iter().map(|planned| planned.ask.clone()).collect();
    let query = Query {
        entities: &selector,
        ..query
    };
    let outcomes = query.evaluate(&asks).await?;

    let mut answers = Vec::new();
    let mut repeated = Vec::new();
    for (planned, mut outcome) in planned.into_iter().zip(outcomes) {
        let mut spelling = Spelling::Only;
        if let Ok(rows) = &mut outcome.rows {
            let alike = |row: &Row| row.name.as_deref().is_some_and(|name| same(name, planned));
            let written = |row: &Row| row.name.as_deref() == Some(planned.method());
            if rows.iter().any(|row| alike(row) && !written(row)) {
                spelling = Spelling::OneOfSeveral;
            }
            rows.retain(written);
        }
        let several = outcome.rows.as_ref().is_ok_and(|rows| rows.len() > 1);
        if several && planned.series.merge == Merge::Tenant {
            repeated.push((planned, spelling));
        } else {
            answers.push((planned.index, answer(planned, outcome)));
        }
    }
    Ok((answers, repeated))
}

fn same(name: &str, planned: &Planned<'_>) -> bool {
    name.to_lowercase() == planned.method().to_lowercase()
}

async fn one_name(
    query: Query<'_>,
    name: &str,
    spelling: Spelling,
    planned: Vec<&Planned<'_>>,
) -> Result<Answers, Error> {
    let selector = named_exactly(query.entities, name, spelling);
    let mut asks = Vec::new();
    for planned in &planned {
        // It could be asked before, and merging changes nothing about that.
        asks.push(
            planned
                .source
                .ask(Split::Merged)
                .unwrap_or_else(|_| planned.ask.clone()),
        );
    }
    let query = Query {
        entities: &selector,
        ..query
    };
    let outcomes = query.evaluate(&asks).await?;
    Ok(planned
        .into_iter()
        .zip(outcomes)
        .map(|(planned, outcome)| (planned.index, answer(planned, outcome)))
        .collect())
}

fn answer(planned: &Planned<'_>, outcome: Outcome) -> SeriesAnswer {
    let Outcome {
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
    let value = rows.and_then(|rows| merged(&rows, planned.series.merge));
    let value = value.map(|value| {
        let value = value.map(|value| value * planned.source.factor);
        if value.is_some_and(|value| !value.is_finite()) {
            warnings.push("a value that is not a finite number was taken as no data".into());
        }
        value.filter(|value| value.is_finite())
    });
    SeriesAnswer {
        value,
        selector: sent,
        query: evidence,
        entities: entities.into_iter().collect(),
        warnings,
    }
}

fn merged(rows: &[Row], merge: Merge) -> Result<Option<f64>, SeriesError> {
    match (merge, rows) {
        (Merge::Mean, rows) => Ok(mean(rows.iter().filter_map(|row| row.value))),
        (Merge::Tenant, []) => Ok(None),
        (Merge::Tenant, [row]) => Ok(row.value),
        (Merge::Tenant, rows) => Err(SeriesError::Ambiguous(format!(
            "{} numbers where one is wanted; let the selector end with `:splitBy()` and an aggregation",
            rows.len()
        ))),
    }
}

fn without_entities(planned: &Planned<'_>) -> SeriesAnswer {
    SeriesAnswer {
        value: Ok(None),
        selector: planned.ask.expression.clone(),
        query: String::new(),
        entities: Vec::new(),
        warnings: Vec::new(),
    }
}

fn unsent(series: &Series, error: SeriesError) -> SeriesAnswer {
    SeriesAnswer {
        value: Err(error),
        selector: series.metric.as_str().to_owned(),
        query: String::new(),
        entities: Vec::new(),
        warnings: Vec::new(),
    }
}

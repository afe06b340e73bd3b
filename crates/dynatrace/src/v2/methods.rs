//! Numbers of service methods, told apart by name.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;

use super::answer::Row;
use super::plan::Split;
use super::planned::{Placed, Planned, answer};
use super::query::Query;
use super::selector::{Spelling, checked, named, named_exactly};
use crate::error::Error;
use crate::question::Merge;

/// Series of service methods: all names at once, and once more for a name that
/// several services have, because only Dynatrace can merge those.
pub(super) async fn by_name(query: Query<'_>, planned: &[Planned<'_>]) -> Result<Placed, Error> {
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
    let (answers, mut repeats): (Vec<_>, Vec<_>) = try_join_all(rounds).await?.into_iter().unzip();
    repeats.push(singly.into_iter().map(Repeat::of).collect());

    let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for repeat in repeats.into_iter().flatten() {
        let name = (repeat.planned.method(), repeat.spelling);
        by_name.entry(name).or_default().push(repeat);
    }
    let second = by_name
        .into_iter()
        .map(|((name, spelling), repeats)| one_name(query, name, spelling, repeats));
    let mut answers: Vec<_> = answers.into_iter().flatten().collect();
    answers.extend(try_join_all(second).await?.into_iter().flatten());
    Ok(answers)
}

/// A series that has to be asked for by the name of its method alone.
struct Repeat<'a> {
    planned: &'a Planned<'a>,
    spelling: Spelling,
    /// The methods of that name, as far as they are known.
    ids: Vec<String>,
}

impl<'a> Repeat<'a> {
    fn of(planned: &'a Planned<'a>) -> Self {
        Self {
            planned,
            spelling: Spelling::Only,
            ids: Vec::new(),
        }
    }
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

async fn all_names<'a>(
    query: Query<'_>,
    planned: Vec<&'a Planned<'a>>,
    names: BTreeSet<&str>,
) -> Result<(Placed, Vec<Repeat<'a>>), Error> {
    let selector = named(query.entities, names.into_iter());
    let asks: Vec<_> = planned.iter().map(|planned| planned.ask.clone()).collect();
    let query = Query {
        entities: &selector,
        ..query
    };
    let outcomes = query.evaluate(&asks).await?;

    let mut answers = Vec::new();
    let mut repeats = Vec::new();
    for (planned, mut outcome) in planned.into_iter().zip(outcomes) {
        let spelling = outcome
            .rows
            .as_mut()
            .map_or(Spelling::Only, |rows| retain_method(rows, planned.method()));
        match &outcome.rows {
            Ok(rows) if rows.len() > 1 && planned.series.merge == Merge::Tenant => {
                repeats.push(Repeat {
                    planned,
                    spelling,
                    ids: rows.iter().flat_map(|row| row.ids.clone()).collect(),
                });
            }
            _ => answers.push((planned.index, answer(planned, outcome))),
        }
    }
    Ok((answers, repeats))
}

/// Keeps the rows of the methods with exactly this name, and says whether
/// there were others that Dynatrace would take for the same.
fn retain_method(rows: &mut Vec<Row>, method: &str) -> Spelling {
    let is_method = |name: &str| name == method;
    let is_taken_for_it =
        |name: &str| !is_method(name) && name.to_lowercase() == method.to_lowercase();

    let mut names = rows.iter().filter_map(|row| row.name.as_deref());
    let spelling = if names.any(is_taken_for_it) {
        Spelling::OneOfSeveral
    } else {
        Spelling::Only
    };
    rows.retain(|row| row.name.as_deref().is_some_and(is_method));
    spelling
}

async fn one_name(
    query: Query<'_>,
    name: &str,
    spelling: Spelling,
    repeats: Vec<Repeat<'_>>,
) -> Result<Placed, Error> {
    let selector = named_exactly(query.entities, name, spelling);
    let asks: Vec<_> = repeats
        .iter()
        .map(|repeat| repeat.planned.source.ask(Split::Merged))
        .collect();
    let query = Query {
        entities: &selector,
        ..query
    };
    let outcomes = query.evaluate(&asks).await?;
    Ok(repeats
        .into_iter()
        .zip(outcomes)
        .map(|(repeat, outcome)| {
            let mut answer = answer(repeat.planned, outcome);
            if answer.entities.is_empty() {
                answer.entities = repeat.ids;
            }
            (repeat.planned.index, answer)
        })
        .collect())
}

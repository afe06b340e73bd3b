//! Numbers of service methods, told apart by name.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;

use super::answer::Row;
use super::plan::Split;
use super::query::Query;
use super::selector::{Spelling, checked, named, named_exactly};
use super::series::{Placed, Planned, answer};
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

async fn all_names<'a>(
    query: Query<'_>,
    planned: Vec<&'a Planned<'a>>,
    names: BTreeSet<&str>,
) -> Result<(Placed, Vec<(&'a Planned<'a>, Spelling)>), Error> {
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
) -> Result<Placed, Error> {
    let selector = named_exactly(query.entities, name, spelling);
    let asks: Vec<_> = planned
        .iter()
        .map(|planned| planned.source.ask(Split::Merged))
        .collect();
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

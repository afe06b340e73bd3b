//! Which selectors share a request, and whose the parts of its answer are.

use std::collections::{HashMap, HashSet};

use super::answer::{Answer, Collection};
use super::expression::{Identity, Shape, identity, shape};
use super::plan::Ask;
use crate::answer::SeriesError;

/// The most selectors that Dynatrace evaluates in one request.
const MOST_SELECTORS: usize = 10;
/// Keeps the encoded URL below the eight kilobytes that servers and gateways
/// commonly accept, with an entity selector of the longest kind beside it.
const MOST_CHARACTERS: usize = 1500;

/// Selectors that can share a request: few and short enough, and no two that
/// an answer could confuse.
pub(super) fn batches(asks: &[Ask]) -> Vec<Vec<&Ask>> {
    let mut seen = HashSet::new();
    let mut batches: Vec<Vec<&Ask>> = Vec::new();
    for ask in asks.iter().filter(|ask| seen.insert(*ask)) {
        match batches.iter_mut().find(|batch| has_room(batch, ask)) {
            Some(batch) => batch.push(ask),
            None => batches.push(vec![ask]),
        }
    }
    batches
}

fn has_room(batch: &[&Ask], ask: &Ask) -> bool {
    let Some(wanted) = identity(&ask.expression).filter(|_| !folds(&ask.expression)) else {
        return false;
    };
    let characters: usize = batch.iter().map(|other| other.expression.len() + 1).sum();
    batch.len() < MOST_SELECTORS
        && characters + ask.expression.len() <= MOST_CHARACTERS
        && batch.iter().all(|other| {
            !folds(&other.expression)
                && identity(&other.expression).is_some_and(|taken| taken != wanted)
        })
}

pub(super) fn folds(selector: &str) -> bool {
    matches!(shape(selector), Shape::Metric(parsed) if parsed.folds())
}

/// Gives each selector its part of the answer, or `None` where that is not
/// beyond doubt. The order of an answer means nothing.
pub(super) fn assign<'a>(asks: &[&'a Ask], answer: Answer) -> Vec<(&'a Ask, Option<Collection>)> {
    let wanted: Vec<_> = asks.iter().map(|ask| identity(&ask.expression)).collect();
    let mut found: HashMap<Identity, Vec<Collection>> = HashMap::new();
    let mut strangers = 0;
    for collection in answer.collections {
        match collection.identity.clone() {
            Some(known) if wanted.contains(&Some(known.clone())) => {
                found.entry(known).or_default().push(collection);
            }
            _ => strangers += 1,
        }
    }
    let assigned = |identity: &Option<Identity>| {
        let mut candidates = identity
            .as_ref()
            .and_then(|identity| found.remove(identity))
            .unwrap_or_default();
        match (candidates.len(), strangers) {
            (1, _) => candidates.pop(),
            // What is left out of an answer without strangers has no data.
            (0, 0) => Some(nothing()),
            _ => None,
        }
    };
    let parts: Vec<_> = wanted.iter().map(assigned).collect();
    asks.iter()
        .copied()
        .zip(parts)
        .map(|(ask, part)| (ask, part.map(|part| with(part, &answer.warnings))))
        .collect()
}

/// The one part of an answer to one selector, whatever it is called in there.
pub(super) fn alone(mut answer: Answer, wanted: Option<&Identity>) -> Collection {
    if answer.collections.len() > 1 {
        answer
            .collections
            .retain(|collection| wanted.is_some() && collection.identity.as_ref() == wanted);
        if answer.collections.len() != 1 {
            let error = SeriesError::Ambiguous("one selector was answered with several".into());
            return Collection {
                rows: Err(error),
                ..nothing()
            };
        }
    }
    let part = answer.collections.pop().unwrap_or_else(nothing);
    with(part, &answer.warnings)
}

fn nothing() -> Collection {
    Collection {
        identity: None,
        rows: Ok(Vec::new()),
        warnings: Vec::new(),
    }
}

fn with(mut collection: Collection, warnings: &[String]) -> Collection {
    for warning in warnings {
        if !collection.warnings.contains(warning) {
            collection.warnings.push(warning.clone());
        }
    }
    collection
}

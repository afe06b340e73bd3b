//! Answers a question with as few requests as its series allow.

use std::collections::BTreeMap;

use futures_util::future::try_join3;
use tokio::time::Instant;

use super::entities::in_context;
use super::methods::by_name;
use super::plan::{Source, Split};
use super::planned::{Placed, Planned, answer};
use super::query::Query;
use super::selector::{context_is_compared_here, methods_of, of_ids, of_scope};
use crate::answer::{SeriesAnswer, SeriesError};
use crate::error::Error;
use crate::http::Connection;
use crate::question::{EntityType, Merge, Question, Series};

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
                let unsent = SeriesAnswer::unsent(series.metric.as_str(), Err(error));
                answers.insert(index, unsent);
            }
            Ok(planned) if series.method.is_some() => named_methods.push(planned),
            Ok(planned) if planned.source.is_of_methods() => all_methods.push(planned),
            Ok(planned) => plain.push(planned),
        }
    }

    let planned = plain.iter().chain(&all_methods).chain(&named_methods);
    if planned.clone().next().is_some() {
        let Some(services) = target(connection, question, deadline).await? else {
            answers.extend(planned.map(|planned| {
                let selector = planned.ask.expression.as_str();
                (planned.index, SeriesAnswer::unsent(selector, Ok(None)))
            }));
            return Ok(answers.into_values().collect());
        };
        let methods = methods_of(&services.selector);
        let query = |entities| Query {
            connection,
            entities,
            listed: services.ids.len(),
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

fn plan<'a>(
    index: usize,
    series: &'a Series,
    question: &Question,
) -> Result<Planned<'a>, SeriesError> {
    let source = Source::of(series, question.scope.entity_type)?;
    let of_methods = series.method.is_some() || source.is_of_methods();
    if of_methods && question.scope.entity_type != EntityType::Service {
        return Err(SeriesError::methods_of_no_service());
    }
    let split = match (series.merge, &series.method) {
        (_, Some(_)) if source.can_be_split() => Split::Methods,
        (Merge::Mean, None) => Split::Entities,
        _ => Split::Merged,
    };
    let ask = source.ask(split);
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
    let (entities, others) =
        in_context(connection, (scope, &[]), question.window, deadline).await?;
    let ids: Vec<_> = entities.into_iter().map(|entity| entity.id).collect();
    // Tags fit into a selector however many carry them.
    let selector = match others {
        0 => of_scope(scope),
        _ => of_ids(&ids),
    };
    Ok((!ids.is_empty()).then_some(Target { selector, ids }))
}

/// Series of the same entities, sent together.
async fn together(query: Query<'_>, planned: &[Planned<'_>]) -> Result<Placed, Error> {
    let asks: Vec<_> = planned.iter().map(|planned| planned.ask.clone()).collect();
    let outcomes = query.evaluate(&asks).await?;
    Ok(planned
        .iter()
        .zip(outcomes)
        .map(|(planned, outcome)| (planned.index, answer(planned, outcome)))
        .collect())
}

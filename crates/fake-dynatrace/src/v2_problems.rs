//! `/api/v2/problems`: what is wrong, why, and what is said about it.

mod comments;
mod describe;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::ServiceError;
use super::paging;
use super::problems::Problem;
use super::request::Query;
use super::selector::entity::EntitySelector;
use super::selector::problem::ProblemSelector;
use super::state::State;

pub(super) use comments::{close, list as comments, post as post_comment};
pub(super) use describe::{Field, describe};

const TWO_HOURS: i64 = 2 * 3_600_000;
const MAX_PAGE_SIZE: usize = 500;

/// A question and the place in its answer. The fields are not part of it: they
/// have to be asked for on every page anew.
#[derive(Serialize, Deserialize)]
struct Page {
    problems: Option<String>,
    entities: Option<String>,
    from: i64,
    to: i64,
    sort: Sort,
    size: usize,
    offset: usize,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Sort {
    OldestFirst,
    NewestFirst,
}

/// Lists problems.
pub(super) fn list(state: &State, query: &Query) -> Result<Value, ServiceError> {
    let fields = fields(query)?;
    let page = match paging::follow(query, &["fields"])? {
        Some(page) => page,
        None => first_page(state, query)?,
    };
    let found = found(state, &page)?;
    let shown = found.iter().skip(page.offset).take(page.size);
    let problems: Vec<_> = shown
        .map(|problem| describe(state, problem, &fields))
        .collect();
    let end = page.offset + page.size;
    let mut body = json!({
        "totalCount": found.len(),
        "pageSize": page.size,
        "problems": problems,
    });
    if end < found.len() {
        body["nextPageKey"] = paging::key(&Page {
            offset: end,
            ..page
        })
        .into();
    }
    Ok(body)
}

/// Shows one problem.
pub(super) fn get(state: &State, id: &str, query: &Query) -> Result<Value, ServiceError> {
    let fields = fields(query)?;
    let problem = state.problems.get(id).ok_or_else(|| not_found(id))?;
    Ok(describe(state, problem, &fields))
}

pub(super) fn not_found(id: &str) -> ServiceError {
    ServiceError::not_found(format!("Problem '{id}' not found."))
}

fn first_page(state: &State, query: &Query) -> Result<Page, ServiceError> {
    let window = query.window(state.now(), TWO_HOURS)?;
    let sort = match query.get("sort") {
        None | Some("-startTime") => Sort::NewestFirst,
        Some("startTime" | "+startTime") => Sort::OldestFirst,
        Some(_) => return Err(ServiceError::query("sort", "is not understood")),
    };
    Ok(Page {
        problems: query.get("problemSelector").map(str::to_owned),
        entities: query.get("entitySelector").map(str::to_owned),
        from: window.from,
        to: window.to,
        sort,
        size: paging::size(query, 50, MAX_PAGE_SIZE)?,
        offset: 0,
    })
}

/// The fields that are shown only to those who ask; an unencoded `+` in front
/// arrives as a space and is not understood.
fn fields(query: &Query) -> Result<Vec<Field>, ServiceError> {
    let Some(text) = query.get("fields") else {
        return Ok(Vec::new());
    };
    text.split(',')
        .map(|name| {
            Field::named(name.strip_prefix('+').unwrap_or(name))
                .ok_or_else(|| ServiceError::query("fields", format!("'{name}' is not understood")))
        })
        .collect()
}

fn found<'s>(state: &'s State, page: &Page) -> Result<Vec<&'s Problem>, ServiceError> {
    let selector = ProblemSelector::parse(page.problems.as_deref().unwrap_or_default())
        .map_err(|error| ServiceError::query("problemSelector", error.0))?;
    let entities = page.entities.as_deref().map(EntitySelector::parse);
    let entities = entities
        .transpose()
        .map_err(|error| ServiceError::query("entitySelector", error.0))?;
    let view = state.view_of_all();
    let of_entities = |problem: &Problem| {
        entities.as_ref().is_none_or(|selector| {
            let affected = problem.affected().into_iter();
            affected
                .filter_map(|id| view.get(id))
                .any(|entity| selector.matches(view, entity))
        })
    };
    let mut found: Vec<_> = state
        .problems
        .iter()
        .filter(|problem| problem.overlaps(page.from, page.to))
        .filter(|problem| selector.matches(problem))
        .filter(|problem| of_entities(problem))
        .collect();
    found.sort_by_key(|problem| problem.start);
    if matches!(page.sort, Sort::NewestFirst) {
        found.reverse();
    }
    Ok(found)
}

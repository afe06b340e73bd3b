//! `/api/v1/problem`: the feed, one problem, and its comments.

mod comments;
mod describe;

use serde_json::{Value, json};

use super::answer::ServiceError;
use super::problems::{Impact, Problem};
use super::request::Query;
use super::selector::entity::TagPattern;
use super::state::State;
use super::v1_entities::{moment, relative_time};

pub(super) use comments::{close, list as comments, post as post_comment};
pub(super) use describe::details;

const DAY: i64 = 86_400_000;
const TWO_HOURS: i64 = 2 * 3_600_000;
const MAX_LENGTH: i64 = 31 * DAY;

const IMPACTS: [Impact; 4] = [
    Impact::Infrastructure,
    Impact::Service,
    Impact::Application,
    Impact::Environment,
];

/// Lists problems, newest first.
pub(super) fn feed(state: &State, query: &Query) -> Result<Value, ServiceError> {
    let (from, to) = window(state, query)?;
    let tags: Vec<_> = query.all("tag").map(TagPattern::parse).collect();
    let view = state.view_of_all();
    let asked = |name: &str, is: &str| query.get(name).is_none_or(|it| it == is);
    let tagged = |problem: &Problem| {
        let affected = problem.affected();
        let mut entities = affected.into_iter().filter_map(|id| view.get(id));
        tags.is_empty() || entities.any(|entity| tags.iter().all(|tag| tag.on(view, entity)))
    };
    let mut found: Vec<_> = state
        .problems
        .iter()
        .filter(|problem| problem.overlaps(from, to))
        .filter(|problem| asked("status", problem.status()))
        .filter(|problem| asked("impactLevel", problem.is.impact.in_v1()))
        .filter(|problem| asked("severityLevel", problem.is.severity.name()))
        .filter(|problem| tagged(problem))
        .collect();
    found.sort_by_key(|problem| std::cmp::Reverse(problem.start));

    let show = match query.get("expandDetails") {
        Some("true") => details,
        _ => describe::summary,
    };
    let problems: Vec<_> = found.iter().map(|problem| show(state, problem)).collect();
    let monitored = counts(|impact| {
        let entities = view.all();
        entities.filter(|it| Impact::on(&it.id) == impact).count()
    });
    Ok(json!({ "result": { "problems": problems, "monitored": monitored } }))
}

/// Shows one problem.
pub(super) fn get(state: &State, id: &str) -> Result<Value, ServiceError> {
    let problem = state.problems.get(id).ok_or_else(|| not_found(id))?;
    Ok(json!({ "result": details(state, problem) }))
}

/// Counts what is open.
pub(super) fn status(state: &State) -> Value {
    let open = || state.problems.iter().filter(|it| it.end.is_none());
    let counts = counts(|impact| open().filter(|it| it.is.impact == impact).count());
    json!({ "result": { "totalOpenProblemsCount": open().count(), "openProblemCounts": counts } })
}

fn not_found(id: &str) -> ServiceError {
    ServiceError::not_found(format!("Problem '{id}' not found."))
}

/// A count under the name of every impact.
fn counts(of: impl Fn(Impact) -> usize) -> Value {
    let named = IMPACTS.map(|impact| (impact.in_v1().to_owned(), Value::from(of(impact))));
    Value::Object(named.into_iter().collect())
}

fn window(state: &State, query: &Query) -> Result<(i64, i64), ServiceError> {
    let length = match query.get("relativeTime") {
        None => TWO_HOURS,
        Some(text) => relative_time(text)
            .ok_or_else(|| ServiceError::query("relativeTime", "is not a known time"))?,
    };
    let to = moment(query, "endTimestamp")?.unwrap_or_else(|| state.now());
    let from = moment(query, "startTimestamp")?.unwrap_or(to.saturating_sub(length));
    if from > to || to.saturating_sub(from) > MAX_LENGTH {
        let message = "must lie before `endTimestamp` and not more than 31 days";
        return Err(ServiceError::query("startTimestamp", message));
    }
    Ok((from, to))
}

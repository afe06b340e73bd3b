//! A problem as API v1 shows it.

use serde_json::{Value, json};

use super::counts;
use crate::events::Event;
use crate::evidence::{deployments, is_root};
use crate::problems::{Impact, Problem};
use crate::state::State;
use crate::v1_entities::tag;
use crate::v1_events::fields;

/// A problem with the events it consists of.
pub(crate) fn details(state: &State, problem: &Problem) -> Value {
    let mut shown = summary(state, problem);
    let impacted = problem.is.impacted.iter();
    let symptoms = impacted.map(|entity| symptom(state, problem, entity));
    let changes = deployments(state, problem)
        .into_iter()
        .map(|event| change(state, problem, event));
    shown["rankedEvents"] = symptoms.chain(changes).collect();
    shown
}

/// A problem as lists show it.
pub(super) fn summary(state: &State, problem: &Problem) -> Value {
    let view = state.view_of_all();
    let affected = problem.affected();
    let entities = affected.iter().filter_map(|id| view.get(id));
    let tags: Value = entities
        .flat_map(|entity| view.tags(entity).iter().map(tag))
        .collect();
    let impacted = problem.is.impacted.iter();
    let impacts: Value = impacted.map(|id| impact(state, problem, id)).collect();
    let concerned = |impact| {
        let all = affected.iter();
        all.filter(|id| Impact::on(id) == impact).count()
    };
    let (affected_now, recovered) = match problem.end {
        None => (counts(concerned), counts(|_| 0)),
        Some(_) => (counts(|_| 0), counts(concerned)),
    };
    json!({
        "id": problem.id,
        "startTime": problem.start,
        "endTime": problem.shown_end(),
        "displayName": problem.display_id,
        "impactLevel": problem.is.impact.in_v1(),
        "status": problem.status(),
        "severityLevel": problem.is.severity.name(),
        "commentCount": problem.comments.len(),
        "tagsOfAffectedEntities": tags,
        "rankedImpacts": impacts,
        "affectedCounts": affected_now,
        "recoveredCounts": recovered,
        "hasRootCause": problem.is.root_cause.is_some(),
    })
}

fn impact(state: &State, problem: &Problem, entity: &str) -> Value {
    json!({
        "entityId": entity,
        "entityName": name(state, entity),
        "severityLevel": problem.is.severity.name(),
        "impactLevel": problem.is.impact.in_v1(),
        "eventType": problem.is.severity.event_type(),
    })
}

/// The event that raised the problem.
fn symptom(state: &State, problem: &Problem, entity: &str) -> Value {
    json!({
        "startTime": problem.start,
        "endTime": problem.shown_end(),
        "entityId": entity,
        "entityName": name(state, entity),
        "severityLevel": problem.is.severity.name(),
        "impactLevel": problem.is.impact.in_v1(),
        "eventType": problem.is.severity.event_type(),
        "status": problem.status(),
        "severities": [],
        "isRootCause": is_root(problem, entity),
    })
}

fn change(state: &State, problem: &Problem, event: &Event) -> Value {
    let now = state.now();
    let mut shown = json!({
        "startTime": event.start,
        "endTime": event.shown_end(now),
        "entityId": event.entity,
        "entityName": name(state, &event.entity),
        "severityLevel": null,
        "impactLevel": Impact::on(&event.entity).in_v1(),
        "eventType": event.event_type,
        "status": event.status(now),
        "severities": [],
        "isRootCause": is_root(problem, &event.entity),
        "correlationId": event.correlation_id,
    });
    for (name, value) in fields(event) {
        shown[name] = value;
    }
    shown
}

fn name(state: &State, entity: &str) -> Option<String> {
    let view = state.view_of_all();
    view.get(entity).map(|entity| entity.name.clone())
}

//! A problem as API v2 shows it.

use serde_json::{Value, json};

use crate::events::Event;
use crate::evidence::{deployments, is_root};
use crate::problems::Problem;
use crate::state::State;
use crate::topology::View;
use crate::v2_entities::tag;
use crate::v2_events::{property_list, stub};

use super::comments;

/// A part that is shown only on request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Field {
    Evidence,
    Impact,
    RecentComments,
}

impl Field {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "evidenceDetails" => Self::Evidence,
            "impactAnalysis" => Self::Impact,
            "recentComments" => Self::RecentComments,
            _ => return None,
        })
    }
}

/// Shows a problem with the asked fields.
pub(crate) fn describe(state: &State, problem: &Problem, fields: &[Field]) -> Value {
    let view = state.view_of_all();
    let stubs = |ids: Vec<&str>| -> Value { ids.iter().map(|id| stub(id, view.get(id))).collect() };
    let impacted = problem.is.impacted.iter().map(String::as_str).collect();
    let root = problem.is.root_cause.as_deref();
    let survivor = problem.merged_into.as_deref();
    let survivor = survivor.and_then(|id| state.problems.get(id));
    let mut shown = json!({
        "problemId": problem.id,
        "displayId": problem.display_id,
        "title": problem.is.title,
        "impactLevel": problem.is.impact.in_v2(),
        "severityLevel": problem.is.severity.name(),
        "status": problem.status(),
        "affectedEntities": stubs(problem.affected()),
        "impactedEntities": stubs(impacted),
        "rootCauseEntity": root.map(|id| stub(id, view.get(id))),
        "managementZones": [],
        "entityTags": tags(view, problem),
        "problemFilters": [{ "id": "c21f969b-5f03-333d-83e0-4f8f136e7682", "name": "Default" }],
        "linkedProblemInfo": survivor.map(|problem| json!({
            "problemId": problem.id,
            "displayId": problem.display_id,
        })),
        "startTime": problem.start,
        "endTime": problem.shown_end(),
    });
    for field in fields {
        match field {
            Field::Evidence => shown["evidenceDetails"] = evidence(state, problem),
            Field::Impact => shown["impactAnalysis"] = json!({ "impacts": [] }),
            Field::RecentComments => shown["recentComments"] = comments::recent(problem),
        }
    }
    shown
}

fn tags(view: View<'_>, problem: &Problem) -> Value {
    let affected = problem.affected().into_iter();
    affected
        .filter_map(|id| view.get(id))
        .flat_map(|entity| view.tags(entity).iter().map(tag))
        .collect()
}

fn evidence(state: &State, problem: &Problem) -> Value {
    let impacted = problem.is.impacted.iter();
    let details: Vec<_> = impacted
        .map(|entity| symptom(state, problem, entity))
        .chain(
            deployments(state, problem)
                .into_iter()
                .map(|event| change(state, problem, event)),
        )
        .collect();
    json!({ "totalCount": details.len(), "details": details })
}

/// The measurement that raised the problem.
fn symptom(state: &State, problem: &Problem, entity: &str) -> Value {
    json!({
        "evidenceType": "TRANSACTIONAL",
        "displayName": problem.is.title,
        "entity": stub(entity, state.view_of_all().get(entity)),
        "groupingEntity": null,
        "rootCauseRelevant": is_root(problem, entity),
        "startTime": problem.start,
        "endTime": problem.shown_end(),
    })
}

fn change(state: &State, problem: &Problem, event: &Event) -> Value {
    let entity = stub(&event.entity, state.view_of_all().get(&event.entity));
    let end = event.shown_end(state.now());
    json!({
        "evidenceType": "EVENT",
        "displayName": "Deployment",
        "entity": entity,
        "groupingEntity": null,
        "rootCauseRelevant": is_root(problem, &event.entity),
        "eventId": event.id,
        "eventType": event.event_type,
        "startTime": event.start,
        "endTime": end,
        "data": {
            "eventId": event.id,
            "startTime": event.start,
            "endTime": end,
            "eventType": event.event_type,
            "title": event.title,
            "entityId": entity,
            "properties": property_list(event),
            "status": event.status(state.now()),
            "correlationId": event.correlation_id,
        },
    })
}

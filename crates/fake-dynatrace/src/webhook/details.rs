//! The value of every placeholder for a real problem.

use serde_json::{Value, json};

use crate::problems::Problem;
use crate::state::State;
use crate::topology::{Tag, View, type_of};
use crate::v2_problems::Field;
use crate::{v1_problems, v2_problems};

/// The value of a placeholder other than the state, if the tenant knows it.
pub(super) fn value(state: &State, tenant: &str, problem: &Problem, name: &str) -> Option<Value> {
    let view = state.view_of_all();
    let title = &problem.is.title;
    Some(match name {
        "PID" => problem.id.clone().into(),
        "ProblemID" => problem.display_id.clone().into(),
        "ProblemTitle" => title.clone().into(),
        "ProblemImpact" => problem.is.impact.in_v1().into(),
        "ProblemSeverity" => problem.is.severity.name().into(),
        "ProblemURL" => url(tenant, problem).into(),
        "Tags" => tags(view, problem, |_| true).into(),
        "ImpactedEntities" => entities(view, problem),
        "ImpactedEntity" => format!("{title} for {}", names(view, problem)).into(),
        "ImpactedEntityNames" | "NamesOfImpactedEntities" => names(view, problem).into(),
        "ProblemDetailsText" => text(tenant, problem, &names(view, problem)).into(),
        "ProblemDetailsHTML" => format!("<h1>{title}</h1>").into(),
        "ProblemDetailsMarkdown" => format!("# {title}").into(),
        "ProblemDetailsJSON" => v1_problems::details(state, problem),
        "ProblemDetailsJSONv2" => {
            v2_problems::describe(state, problem, &[Field::Evidence, Field::Impact])
        }
        _ => {
            let key = name.strip_prefix("Tags[")?.strip_suffix(']')?;
            tags(view, problem, |tag| tag.key == key).into()
        }
    })
}

fn url(tenant: &str, problem: &Problem) -> String {
    format!("{tenant}/#problems/problemdetails;pid={}", problem.id)
}

fn entities(view: View<'_>, problem: &Problem) -> Value {
    let impacted = problem.is.impacted.iter();
    impacted
        .map(|id| json!({ "type": type_of(id), "name": name(view, id), "entity": id }))
        .collect()
}

fn names(view: View<'_>, problem: &Problem) -> String {
    let impacted = problem.is.impacted.iter();
    let names: Vec<_> = impacted.map(|id| name(view, id)).collect();
    names.join(", ")
}

fn name<'v>(view: View<'v>, id: &'v str) -> &'v str {
    view.get(id).map_or(id, |entity| &entity.name)
}

fn tags(view: View<'_>, problem: &Problem, wanted: impl Fn(&Tag) -> bool) -> String {
    let impacted = problem.is.impacted.iter();
    let written: Vec<_> = impacted
        .filter_map(|id| view.get(id))
        .flat_map(|entity| view.tags(entity))
        .filter(|tag| wanted(tag))
        .map(|tag| match &tag.value {
            Some(value) => format!("{}:{value}", tag.key),
            None => tag.key.clone(),
        })
        .collect();
    written.join(", ")
}

fn text(tenant: &str, problem: &Problem, names: &str) -> String {
    let (status, id) = (problem.status(), &problem.display_id);
    let (title, url) = (&problem.is.title, url(tenant, problem));
    format!("{status} Problem {id}: {title}\nImpacted: {names}\n{url}")
}

//! What is served under which path.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::auth::forbidden;
use super::job::{Job, Kind, Status};
use super::jobs::moves;
use super::request::Incoming;
use super::state::State;
use super::{launch, paging, views};

/// The version that this stand-in says it is.
const VERSION: &str = "24.6.1";

pub(super) fn ping() -> Value {
    json!({"ha": false, "version": VERSION, "active_node": "lab", "instances": []})
}

/// Serves a call of somebody who is known.
pub(super) fn serve(state: &mut State, incoming: &Incoming<'_>) -> Result<Answer, Refusal> {
    let kind = match incoming.path.first() {
        Some(&("job_templates" | "jobs")) => Kind::Job,
        _ => Kind::Workflow,
    };
    match incoming.path.as_slice() {
        ["me"] => only_get(incoming).and_then(|()| {
            let user = &incoming.caller.user;
            let row = json!({"id": user.id, "username": user.name, "is_superuser": false});
            answer(paging::list(incoming, vec![row]))
        }),
        [list @ ("job_templates" | "workflow_job_templates")] => {
            only_get(incoming)?;
            let ids = of_kind(state, list);
            let seen = ids.into_iter().filter(|id| incoming.caller.sees(*id));
            let rows = seen.map(|id| template(state, id)).collect();
            answer(paging::list(incoming, rows))
        }
        [
            list @ ("job_templates" | "workflow_job_templates"),
            id,
            rest @ ..,
        ] => {
            let id = number(id).filter(|id| of_kind(state, list).contains(id));
            let id = id.filter(|id| incoming.caller.sees(*id));
            template_of(state, incoming, id.ok_or_else(Refusal::not_found)?, rest)
        }
        ["jobs" | "workflow_jobs"] => {
            only_get(incoming)?;
            answer(paging::list(incoming, rows(state, |job| job.kind == kind)))
        }
        ["jobs" | "workflow_jobs", id, rest @ ..] => {
            let id = number(id).ok_or_else(Refusal::not_found)?;
            let found = state.jobs.get(&id).filter(|job| job.kind == kind);
            let job = found.cloned().ok_or_else(Refusal::not_found)?;
            job_of(state, incoming, &job, rest)
        }
        ["workflow_approvals"] => {
            only_get(incoming)?;
            let rows = (1..=state.approvals).map(|id| json!({"id": id, "status": "pending"}));
            answer(paging::list(incoming, rows.collect()))
        }
        _ => Err(Refusal::not_found()),
    }
}

fn template_of(
    state: &mut State,
    incoming: &Incoming<'_>,
    id: u64,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    match rest {
        [] => only_get(incoming).map(|()| template(state, id).into()),
        ["launch"] if incoming.method == Method::GET => Ok(launch::form(state, id).into()),
        ["launch"] if incoming.method == Method::POST => launched(state, incoming, id),
        ["survey_spec"] => {
            only_get(incoming)?;
            let survey = state.templates.get(&id).map(|of| of.survey.clone());
            Ok(match survey.filter(|survey| !survey.is_empty()) {
                Some(spec) => json!({"name": "", "description": "", "spec": spec}).into(),
                None => json!({}).into(),
            })
        }
        [list @ ("jobs" | "workflow_jobs" | "slice_workflow_jobs")] => {
            only_get(incoming)?;
            let kind = if *list == "jobs" {
                Kind::Job
            } else {
                Kind::Workflow
            };
            let rows = rows(state, |job| job.template == id && job.kind == kind);
            answer(paging::list(incoming, rows))
        }
        _ => Err(Refusal::not_allowed(incoming.method.as_str())),
    }
}

fn launched(state: &mut State, incoming: &Incoming<'_>, id: u64) -> Result<Answer, Refusal> {
    let body = Value::Object(incoming.json()?);
    check_launch(state, id, &body)?;
    let user = incoming.caller.user.id;
    let new = launch::commit(state, id, user, "manual", &body);
    let job = &state.jobs[&new];
    let mut view = views::job(state, job, false);
    let word = if job.kind == Kind::Job {
        "job"
    } else {
        "workflow_job"
    };
    view[word] = json!(new);
    view["ignored_fields"] = Value::Object(job.ignored.clone());
    Ok(Answer::created(format!("/api/v2/{word}s/{new}/"), view))
}

/// Whether a launch would be refused.
pub(super) fn check_launch(state: &State, id: u64, body: &Value) -> Result<(), Refusal> {
    match (state.templates.get(&id), state.workflows.get(&id)) {
        (Some(of), _) => launch::check(of, body),
        (None, Some(of)) => launch::check_workflow(of.prompts, body),
        (None, None) => Err(Refusal::not_found()),
    }
}

fn job_of(
    state: &mut State,
    incoming: &Incoming<'_>,
    job: &Job,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    match rest {
        [] => only_get(incoming).map(|()| views::job(state, job, false).into()),
        ["job_events"] if job.kind == Kind::Job => {
            only_get(incoming)?;
            answer(paging::list(incoming, views::events(state, job)))
        }
        ["stdout"] if job.kind == Kind::Job => {
            only_get(incoming)?;
            let start = incoming
                .get("start_line")
                .and_then(|line| line.parse().ok());
            Ok(views::output(state, job, start.unwrap_or(0)).into())
        }
        ["cancel"] if incoming.method == Method::GET => {
            Ok(json!({"can_cancel": !job.status.is_ended()}).into())
        }
        ["cancel"] if incoming.method == Method::POST => cancel(state, incoming, job),
        ["relaunch"] if incoming.method == Method::POST => {
            let user = incoming.caller.user.id;
            let new = launch::relaunch(state, job.id, user).ok_or_else(Refusal::not_found)?;
            let view = views::job(state, &state.jobs[&new], false);
            Ok(Answer::created(format!("/api/v2/jobs/{new}/"), view))
        }
        _ => Err(Refusal::not_found()),
    }
}

fn cancel(state: &mut State, incoming: &Incoming<'_>, job: &Job) -> Result<Answer, Refusal> {
    if job.launched_by != incoming.caller.user.id {
        return Err(forbidden());
    }
    if job.status.is_ended() {
        return Err(Refusal::not_allowed("POST"));
    }
    let now = state.now();
    if let Some(job) = state.jobs.get_mut(&job.id) {
        job.cancel_wished = true;
    }
    if !state.cancel_ignored && job.status.may_become(Status::Canceled) {
        let moved = moves(state, job.id, Status::Canceled, now);
        moved.expect("the move is a legal one");
    }
    Ok(Answer::empty(StatusCode::ACCEPTED))
}

fn rows(state: &State, wanted: impl Fn(&Job) -> bool) -> Vec<Value> {
    let jobs = state.jobs.values().filter(|job| wanted(job));
    jobs.map(|job| views::job(state, job, true)).collect()
}

fn template(state: &State, id: u64) -> Value {
    if state.templates.contains_key(&id) {
        views::template(state, id)
    } else {
        views::workflow(state, id)
    }
}

fn of_kind(state: &State, list: &str) -> Vec<u64> {
    if list == "job_templates" {
        state.templates.keys().copied().collect()
    } else {
        state.workflows.keys().copied().collect()
    }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn only_get(incoming: &Incoming<'_>) -> Result<(), Refusal> {
    if incoming.method == Method::GET {
        return Ok(());
    }
    Err(Refusal::not_allowed(incoming.method.as_str()))
}

fn answer(page: Result<Value, Refusal>) -> Result<Answer, Refusal> {
    page.map(Answer::from)
}

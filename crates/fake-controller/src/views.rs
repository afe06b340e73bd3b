//! Records in the shapes that the API gives them.

use serde_json::{Value, json};

use super::job::{Job, Kind, Status};
use super::jobs::{blocker, millis};
use super::state::{State, time};

/// More than a controller shows at once.
const MOST_OUTPUT: usize = 1024 * 1024;

/// After so long a pending job says what it waits for.
const SILENT: i64 = 30_000;

pub(super) fn template(state: &State, id: u64) -> Value {
    let of = &state.templates[&id];
    json!({
        "id": id,
        "type": "job_template",
        "url": format!("/api/v2/job_templates/{id}/"),
        "name": of.name,
        "description": "",
        "job_type": of.job_type,
        "playbook": of.playbook,
        "limit": of.limit,
        "extra_vars": serde_json::to_string(&of.extra_vars).unwrap_or_default(),
        "allow_simultaneous": of.simultaneous,
        "job_slice_count": of.slices,
        "survey_enabled": !of.survey.is_empty(),
        "ask_job_slice_count_on_launch": false,
        "summary_fields": {
            "organization": {"id": 1, "name": of.organization},
            "project": {"id": 7, "name": of.project},
            "inventory": {"id": 1, "name": "Production"},
        },
    })
}

pub(super) fn workflow(state: &State, id: u64) -> Value {
    let of = &state.workflows[&id];
    json!({
        "id": id,
        "type": "workflow_job_template",
        "url": format!("/api/v2/workflow_job_templates/{id}/"),
        "name": of.name,
        "allow_simultaneous": false,
        "limit": null,
        "summary_fields": {"organization": {"id": 1, "name": of.organization}},
    })
}

/// A job; in a list, without what only its own page shows.
pub(super) fn job(state: &State, job: &Job, in_list: bool) -> Value {
    let word = match job.kind {
        Kind::Job => "job",
        Kind::Workflow => "workflow_job",
    };
    let name = state
        .templates
        .get(&job.template)
        .map(|of| of.name.as_str())
        .or_else(|| {
            state
                .workflows
                .get(&job.template)
                .map(|of| of.name.as_str())
        });
    let failed = matches!(
        job.status,
        Status::Failed | Status::Error | Status::Canceled
    );
    let mut view = json!({
        "id": job.id,
        "type": word,
        "url": format!("/api/v2/{word}s/{}/", job.id),
        "name": name,
        "status": job.status.word(),
        "failed": failed,
        "launch_type": job.launch_type,
        "created": time(Some(job.created)),
        "started": time(job.started),
        "finished": time(job.finished),
        "canceled_on": null,
        "elapsed": job.finished.zip(job.started).map_or(0.0, |(end, start)| seconds(end - start)),
        "job_explanation": explanation(state, job),
        "extra_vars": serde_json::to_string(&job.extra_vars).unwrap_or_default(),
        "limit": job.limit,
        "launched_by": {
            "id": job.launched_by,
            "name": state.users.name_of(job.launched_by),
            "type": "user",
            "url": format!("/api/v2/users/{}/", job.launched_by),
        },
    });
    let own = match job.kind {
        Kind::Job => json!({
            "job_template": job.template,
            "job_type": job.job_type,
            "scm_revision": "5f0c1d2",
        }),
        Kind::Workflow if state.templates.contains_key(&job.template) => json!({
            "job_template": job.template,
            "is_sliced_job": true,
        }),
        Kind::Workflow => json!({"workflow_job_template": job.template}),
    };
    extend(&mut view, own);
    if !in_list && job.kind == Kind::Job {
        let stored = are_events_stored(state, job);
        let end = job.end.as_ref().filter(|_| stored);
        extend(
            &mut view,
            json!({
                "result_traceback": "",
                "event_processing_finished": stored,
                "artifacts": end.map_or(json!({}), |end| end.artifacts.clone()),
                "host_status_counts": end.map(|end| {
                    let counts = end.counts;
                    json!({
                        "ok": counts.ok,
                        "changed": counts.changed,
                        "failures": counts.failures,
                        "dark": counts.dark,
                        "skipped": counts.skipped,
                    })
                }),
            }),
        );
    }
    view
}

/// Why a job waits or could not be run.
fn explanation(state: &State, job: &Job) -> String {
    if job.status == Status::Pending && SILENT < state.now() - job.since {
        return match blocker(state, job) {
            Some(by) => format!("waiting for job-{by} to finish"),
            None => {
                "This job is not ready to start because there is not enough available capacity."
                    .to_owned()
            }
        };
    }
    let end = job.end.as_ref();
    end.map_or_else(String::new, |end| end.explanation.clone())
}

pub(super) fn are_events_stored(state: &State, job: &Job) -> bool {
    let delay = millis(state.events_delay);
    job.finished.is_some_and(|end| end + delay <= state.now())
}

/// What happened in a job, the oldest first: what failed, and every line that was
/// put out.
pub(super) fn events(state: &State, job: &Job) -> Vec<Value> {
    let Some(end) = job.end.as_ref().filter(|_| are_events_stored(state, job)) else {
        return Vec::new();
    };
    let lines = end.output.lines().map(|line| {
        json!({"event": "verbose", "task": "", "host_name": "", "stdout": line, "event_data": {}})
    });
    let tasks = end.tasks.iter().map(|task| {
        let event = if task.unreachable {
            "runner_on_unreachable"
        } else {
            "runner_on_failed"
        };
        json!({
            "event": event,
            "task": task.task,
            "host_name": task.host,
            "stdout": format!("fatal: [{}]", task.host),
            "event_data": {"res": {"msg": task.message}},
        })
    });
    let mut events: Vec<Value> = lines.chain(tasks).collect();
    for (counter, event) in (1..).zip(&mut events) {
        event["counter"] = json!(counter);
    }
    events
}

/// What a job has put out: its lines from `start`, which counts from the end
/// where it is negative. Where all of it is too large, an apology.
pub(super) fn output(state: &State, job: &Job, start: i64) -> Value {
    let stored = job.end.as_ref().filter(|_| are_events_stored(state, job));
    let output = stored.map_or("", |end| end.output.as_str());
    if MOST_OUTPUT < output.len() {
        let text = format!(
            "Standard Output too large to display ({} bytes), only download supported for sizes \
             over {MOST_OUTPUT} bytes.",
            output.len()
        );
        return json!({"range": {"start": 0, "end": 1, "absolute_end": 1}, "content": text});
    }
    let lines: Vec<&str> = output.split_inclusive('\n').collect();
    let all = lines.len();
    let from = match usize::try_from(start) {
        Ok(from) => from.min(all),
        Err(_) => all.saturating_sub(usize::try_from(start.unsigned_abs()).unwrap_or(all)),
    };
    json!({
        "range": {"start": from, "end": all, "absolute_end": all},
        "content": lines[from..].concat(),
    })
}

fn extend(view: &mut Value, more: Value) {
    if let (Value::Object(view), Value::Object(more)) = (view, more) {
        view.extend(more);
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

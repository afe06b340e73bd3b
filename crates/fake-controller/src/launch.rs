//! Launches: what is asked for, what is refused, and what is dropped.

use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::job::{Job, Kind, Status};
use super::state::State;
use super::template::{JobTemplate, Prompts};

/// What a launch is asked for, and what is there already.
pub(super) fn form(state: &State, id: u64) -> Value {
    if let Some(template) = state.workflows.get(&id) {
        let mut form = prompts(template.prompts);
        form.insert("survey_enabled".to_owned(), json!(false));
        form.insert("variables_needed_to_start".to_owned(), json!([]));
        form.insert("can_start_without_user_input".to_owned(), json!(true));
        form.insert(
            "defaults".to_owned(),
            json!({"extra_vars": "", "limit": null}),
        );
        let data = json!({"id": id, "name": template.name, "description": ""});
        form.insert("workflow_job_template_data".to_owned(), data);
        return Value::Object(form);
    }
    let template = &state.templates[&id];
    let needed: Vec<&str> = required(template).collect();
    let mut form = prompts(template.prompts);
    let ready = needed.is_empty() && template.passwords.is_empty() && !template.lacks_inventory;
    for (name, value) in [
        ("survey_enabled", json!(!template.survey.is_empty())),
        ("variables_needed_to_start", json!(needed)),
        ("passwords_needed_to_start", json!(template.passwords)),
        ("inventory_needed_to_start", json!(template.lacks_inventory)),
        ("credential_needed_to_start", json!(false)),
        ("can_start_without_user_input", json!(ready)),
        (
            "defaults",
            json!({
                "extra_vars": "",
                "limit": template.limit,
                "job_type": template.job_type,
                "verbosity": 0,
                "inventory": {"id": 1, "name": "Production"},
            }),
        ),
        (
            "job_template_data",
            json!({"id": id, "name": template.name, "description": ""}),
        ),
    ] {
        form.insert(name.to_owned(), value);
    }
    Value::Object(form)
}

fn prompts(prompts: Prompts) -> Map<String, Value> {
    let mut form = Map::new();
    for (name, asked) in [
        ("variables", prompts.variables),
        ("limit", prompts.limit),
        ("job_type", prompts.job_type),
        ("tags", false),
        ("skip_tags", false),
        ("inventory", false),
        ("credential", false),
        ("scm_branch", false),
        ("verbosity", false),
        ("diff_mode", false),
        ("execution_environment", false),
        ("labels", false),
        ("forks", false),
        ("timeout", false),
        ("job_slice_count", false),
        ("instance_groups", false),
    ] {
        form.insert(format!("ask_{name}_on_launch"), json!(asked));
    }
    form
}

/// The variables that a survey needs and has no value for.
fn required(template: &JobTemplate) -> impl Iterator<Item = &str> {
    template.survey.iter().filter_map(|question| {
        let has_default = question["default"] != "" && !question["default"].is_null();
        let required = question["required"] == true && !has_default;
        required.then(|| question["variable"].as_str()).flatten()
    })
}

/// Whether a launch of a job template is refused.
pub(super) fn check(template: &JobTemplate, body: &Value) -> Result<(), Refusal> {
    for field in ["limit", "job_type", "extra_vars"] {
        if body.get(field).is_some_and(Value::is_null) {
            let refusal = json!({ field: ["This field may not be null."] });
            return Err(Refusal::bad(refusal));
        }
    }
    let given = variables(body)?;
    let mut wrong = Vec::new();
    for question in &template.survey {
        let name = question["variable"].as_str().unwrap_or_default();
        match given.get(name) {
            Some(value) => wrong.extend(misfit(name, value, question)),
            None if required(template).any(|needed| needed == name) => {
                wrong.push(format!("'{name}' value missing"));
            }
            None => {}
        }
    }
    if !wrong.is_empty() {
        let refusal = json!({ "variables_needed_to_start": wrong });
        return Err(Refusal::bad(refusal));
    }
    if !template.passwords.is_empty() {
        let refusal = json!({ "passwords_needed_to_start": template.passwords });
        return Err(Refusal::bad(refusal));
    }
    if template.lacks_inventory {
        let text = "Job Template 'inventory' is missing or undefined.";
        return Err(Refusal::bad(json!({ "inventory": text })));
    }
    Ok(())
}

/// Surveys are strict: a number as text is no number.
fn misfit(name: &str, value: &Value, question: &Value) -> Option<String> {
    let number = match question["type"].as_str() {
        Some("integer") => match value.as_i64() {
            Some(number) => number,
            None => {
                return Some(format!(
                    "Value {value} for '{name}' expected to be an integer."
                ));
            }
        },
        Some("float") => {
            return (!value.is_number()).then(|| format!("'{name}' expected to be a float."));
        }
        _ => return (!value.is_string()).then(|| format!("'{name}' expected to be a string.")),
    };
    let below = question["min"].as_i64().is_some_and(|min| number < min);
    let above = question["max"].as_i64().is_some_and(|max| max < number);
    (below || above).then(|| format!("'{name}' value {number} is out of its range."))
}

/// A workflow refuses what it does not ask for, instead of dropping it.
pub(super) fn check_workflow(prompts: Prompts, body: &Value) -> Result<(), Refusal> {
    for (field, asked) in [("limit", prompts.limit), ("extra_vars", prompts.variables)] {
        if body.get(field).is_some() && !asked {
            let text = "Field is not configured to prompt on launch.";
            return Err(Refusal::bad(json!({ field: [text] })));
        }
    }
    Ok(())
}

/// Variables come as an object or as a text.
fn variables(body: &Value) -> Result<Map<String, Value>, Refusal> {
    match body.get("extra_vars") {
        None => Ok(Map::new()),
        Some(Value::Object(all)) => Ok(all.clone()),
        Some(Value::String(text)) if text.is_empty() => Ok(Map::new()),
        Some(Value::String(text)) => serde_json::from_str(text)
            .map_err(|_| Refusal::bad(json!({"extra_vars": ["Must be valid JSON or YAML."]}))),
        Some(_) => Err(Refusal::bad(
            json!({"extra_vars": ["Must be valid JSON or YAML."]}),
        )),
    }
}

/// Writes a job down; its id. What the template does not ask for is dropped.
pub(super) fn commit(
    state: &mut State,
    template: u64,
    user: u64,
    launch_type: &'static str,
    body: &Value,
) -> u64 {
    let id = state.next_job();
    let now = state.now();
    let given = variables(body).unwrap_or_default();
    let mut job = Job {
        id,
        kind: Kind::Workflow,
        template,
        status: Status::Pending,
        since: now,
        launched_by: user,
        launch_type,
        extra_vars: given.clone(),
        limit: String::new(),
        job_type: String::new(),
        ignored: Map::new(),
        created: now,
        started: None,
        finished: None,
        cancel_wished: false,
        end: None,
    };
    if let Some(of) = state.templates.get(&template) {
        job.kind = if 1 < of.slices {
            Kind::Workflow
        } else {
            Kind::Job
        };
        of.fill(&mut job, &given, body);
    }
    state.jobs.insert(id, job);
    id
}

impl JobTemplate {
    fn fill(&self, job: &mut Job, given: &Map<String, Value>, body: &Value) {
        let asks = |name: &str| {
            self.prompts.variables || self.survey.iter().any(|one| one["variable"] == name)
        };
        job.extra_vars.clone_from(&self.extra_vars);
        let mut dropped = Map::new();
        for (name, value) in given {
            if asks(name) {
                job.extra_vars.insert(name.clone(), value.clone());
            } else {
                dropped.insert(name.clone(), value.clone());
            }
        }
        if !dropped.is_empty() {
            job.ignored
                .insert("extra_vars".to_owned(), Value::Object(dropped));
        }
        for (field, asked, own) in [
            ("limit", self.prompts.limit, &self.limit),
            ("job_type", self.prompts.job_type, &self.job_type),
        ] {
            let given = body.get(field).and_then(Value::as_str);
            let chosen = match given {
                Some(text) if asked => text,
                Some(text) if text != own => {
                    job.ignored.insert(field.to_owned(), json!(text));
                    own
                }
                _ => own,
            };
            let place = if field == "limit" {
                &mut job.limit
            } else {
                &mut job.job_type
            };
            chosen.clone_into(place);
        }
    }
}

/// Makes the same job again, variables and all; its id.
pub(super) fn relaunch(state: &mut State, job: u64, user: u64) -> Option<u64> {
    let old = state.jobs.get(&job)?.clone();
    let id = state.next_job();
    let now = state.now();
    let again = Job {
        id,
        status: Status::Pending,
        since: now,
        launched_by: user,
        launch_type: "relaunch",
        ignored: Map::new(),
        created: now,
        started: None,
        finished: None,
        cancel_wished: false,
        end: None,
        ..old
    };
    state.jobs.insert(id, again);
    Some(id)
}

//! A run, as JSON and for people.

use std::fmt;

use jiff::Timestamp;
use release::runbook::{Ended, JobAt, Means, Run, Runbook, State, Task};
use serde::Serialize;
use serde_json::{Map, Value};

/// What is shown of a run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<'a> {
    run: &'a str,
    change: Change<'a>,
    runbook: &'a str,
    #[serde(flatten)]
    means: Meant<'a>,
    variables: &'a Map<String, Value>,
    hosts: Option<&'a str>,
    allowed_by: Option<&'a str>,
    state: &'static str,
    /// Why it is not run, is ended or did not end well.
    why: Option<String>,
    /// The problem under which the change is answered instead.
    answered_under: Option<&'a str>,
    job: Option<Job<'a>>,
}

/// What does a runbook.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Meant<'a> {
    Template { controller: &'a str, template: u64 },
    Request { receiver: &'a str, url: &'a str },
}

impl<'a> Meant<'a> {
    pub(super) fn of(runbook: &'a Runbook) -> Self {
        let on = &runbook.on;
        match &runbook.means {
            Means::Template(template) => Self::Template {
                controller: on,
                template: template.id,
            },
            Means::Request { url } => Self::Request { receiver: on, url },
        }
    }
}

impl fmt::Display for Meant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template {
                controller,
                template,
            } => write!(f, "template {template} on {controller}"),
            Self::Request { receiver, url } => write!(f, "request to {receiver}, {url}"),
        }
    }
}

#[derive(Serialize)]
struct Change<'a> {
    title: &'a str,
    source: &'a str,
    at: Timestamp,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Job<'a> {
    /// A receiver has none.
    id: Option<u64>,
    page: Option<&'a str>,
    /// The controller's word for how far it is.
    status: Option<&'a str>,
    ended_at: Option<Timestamp>,
    failed_task: Option<FailedTask<'a>>,
    output: Option<&'a str>,
}

#[derive(Serialize)]
struct FailedTask<'a> {
    name: &'a str,
    host: &'a str,
    message: &'a str,
}

impl<'a> Shown<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        Self {
            run: &run.id,
            change: Change {
                title: &run.cause.title,
                source: &run.cause.source,
                at: run.cause.at,
            },
            runbook: &run.runbook.alias,
            means: Meant::of(&run.runbook),
            variables: &run.input.variables,
            hosts: run.input.limit.as_deref(),
            allowed_by: run.allowed.as_deref(),
            state: run.state.word(),
            why: why(&run.state),
            answered_under: match &run.state {
                State::Joined { problem } => Some(problem),
                _ => None,
            },
            job: Job::of(&run.state),
        }
    }

    /// For people, line by line.
    pub(super) fn lines(&self) -> Vec<String> {
        let Change { title, source, at } = self.change;
        let mut lines = vec![
            format!("run {}: {}", self.run, self.state),
            format!("  change   {title} ({source}, {at})"),
            format!("  runbook  {} ({})", self.runbook, self.means),
            format!("  input    {}", Value::Object(self.variables.clone())),
        ];
        if let Meant::Template { .. } = self.means {
            lines.push(format!("  hosts    {}", super::hosts(self.hosts)));
        }
        lines.extend(more(
            "allowed",
            self.allowed_by.map(|who| format!("by {who}")),
        ));
        lines.extend(more("why", self.why.clone()));
        lines.extend(more("instead", self.answered_under.map(str::to_owned)));
        lines.extend(self.job.iter().flat_map(Job::lines));
        lines
    }
}

fn more(name: &str, text: Option<String>) -> Option<String> {
    text.map(|text| format!("  {name:<8} {text}"))
}

fn why(state: &State) -> Option<String> {
    match state {
        State::Refused { why } => Some(why.to_string()),
        State::NotNeeded { why } => Some(why.to_string()),
        State::Failed { why, .. } => Some(why.to_string()),
        State::Aborting { why, .. } | State::Aborted { why, .. } | State::Stuck { why, .. } => {
            Some(why.to_string())
        }
        State::Unknown { why, .. } | State::Lost { why, .. } => Some(why.clone()),
        State::Launched {
            differs,
            explanation,
            ..
        } => Some(if differs.is_empty() {
            explanation.clone()
        } else {
            differs.join(", ")
        })
        .filter(|why| !why.is_empty()),
        _ => None,
    }
}

impl<'a> Job<'a> {
    fn of(state: &'a State) -> Option<Self> {
        match state {
            State::Launched { job, status, .. } | State::Aborted { job, status, .. } => {
                Some(Self::at(job, Some(status)))
            }
            State::Aborting { job, .. } | State::Stuck { job, .. } | State::Gone { job, .. } => {
                Some(Self::at(job, None))
            }
            State::Verifying { ended }
            | State::Healed { ended, .. }
            | State::Late { ended, .. }
            | State::Unconfirmed { ended }
            | State::Failed { ended, .. }
            | State::Shadowed {
                checked: Some(ended),
            } => Some(Self::ended(ended)),
            State::Asked
            | State::Joined { .. }
            | State::Waiting { .. }
            | State::Intended { .. }
            | State::Unknown { .. }
            | State::Again { .. }
            | State::Lost { .. }
            | State::Shadowed { checked: None }
            | State::Refused { .. }
            | State::NotNeeded { .. }
            | State::GaveUp => None,
        }
    }

    fn at(job: &'a JobAt, status: Option<&'a String>) -> Self {
        Self {
            id: Some(job.id),
            page: job.page.as_deref(),
            status: status.map(String::as_str),
            ..Self::default()
        }
    }

    /// For people, line by line.
    pub(super) fn lines(&self) -> Vec<String> {
        let page = self.page.map(|page| format!(" {page}"));
        let page = page.unwrap_or_default();
        let at = self.ended_at.map(|at| format!(" at {at}"));
        let status = self.status.map(str::to_owned);
        let task = self.failed_task.as_ref();
        let failed = task.map(|task| format!("{} on {}: {}", task.name, task.host, task.message));
        let lines = [
            more("job", self.id.map(|id| format!("{id}{page}"))),
            more("status", status.map(|word| word + &at.unwrap_or_default())),
            more("failed", failed),
            more("output", self.output.map(|text| text.trim_end().to_owned())),
        ];
        lines.into_iter().flatten().collect()
    }

    pub(super) fn ended(ended: &'a Ended) -> Self {
        let failed_task = ended.task.as_ref();
        let at = ended.job.as_ref();
        Self {
            ended_at: Some(ended.at),
            failed_task: failed_task.map(|task| {
                let Task {
                    name,
                    host,
                    message,
                } = task;
                FailedTask {
                    name,
                    host,
                    message,
                }
            }),
            output: Some(ended.tail.as_str()).filter(|text| !text.is_empty()),
            status: Some(&ended.status),
            ..at.map_or_else(Self::default, |job| Self::at(job, None))
        }
    }
}

#[cfg(test)]
mod tests {
    use release::runbook::{
        About, Cause, Causes, Check, Compat, Input, Kind, Mode, Older, Template, Unwell,
    };

    use super::*;

    fn run(state: State) -> Run {
        Run {
            id: "r-1".to_owned(),
            runbook: Runbook {
                alias: "stop".to_owned(),
                on: "awx".to_owned(),
                means: Means::Template(Template {
                    kind: Kind::Job,
                    id: 18,
                    name: "stop-campaign".to_owned(),
                    organization: None,
                    playbook: None,
                    project: None,
                }),
                aliases: Vec::new(),
                causes: Causes {
                    events: Vec::new(),
                    sources: Vec::new(),
                    tag: None,
                },
                variables: std::collections::BTreeMap::new(),
                limit: None,
                mode: Mode::Auto,
                check: Check::None,
                timeout: jiff::SignedDuration::from_mins(15),
                cooldown: jiff::SignedDuration::from_mins(30),
                per_day: 3,
                proof: None,
                older: Older::Refuse,
                compat: Compat::None,
            },
            problem: "P-1".to_owned(),
            cause: Cause {
                id: "e-1".to_owned(),
                kind: "CUSTOM_CONFIGURATION".to_owned(),
                at: Timestamp::UNIX_EPOCH,
                title: "rate".to_owned(),
                source: "Ansible".to_owned(),
            },
            about: About::default(),
            input: Input::default(),
            holds: true,
            guards: true,
            allowed: Some("ann".to_owned()),
            checked: None,
            named: None,
            state,
        }
    }

    #[test]
    fn run_that_failed_is_shown_with_its_job_and_task() {
        let ended = Ended {
            job: Some(JobAt {
                id: 42,
                kind: Kind::Job,
                page: Some("https://awx.example.com/#/jobs/playbook/42".to_owned()),
            }),
            status: "failed".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            seconds: None,
            counts: None,
            artifacts: Map::new(),
            task: Some(Task {
                name: "set the rate".to_owned(),
                host: "web-1".to_owned(),
                message: "no such campaign".to_owned(),
            }),
            tail: "TASK\nRECAP".to_owned(),
            explanation: String::new(),
            revision: String::new(),
        };
        let status = "failed".to_owned();
        let run = run(State::Failed {
            ended,
            why: Unwell::Status { status },
        });

        let shown = Shown::of(&run);

        assert_eq!(
            shown.lines().join("\n"),
            "run r-1: failed\n  \
             change   rate (Ansible, 1970-01-01T00:00:00Z)\n  \
             runbook  stop (template 18 on awx)\n  \
             input    {}\n  \
             hosts    those of the template\n  \
             allowed  by ann\n  \
             why      it ended as failed\n  \
             job      42 https://awx.example.com/#/jobs/playbook/42\n  \
             status   failed at 1970-01-01T00:00:00Z\n  \
             failed   set the rate on web-1: no such campaign\n  \
             output   TASK\nRECAP"
        );
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(json["state"], "failed");
        assert_eq!(json["job"]["failedTask"]["host"], "web-1");
        assert_eq!(json["why"], "it ended as failed");
    }

    #[test]
    fn run_that_a_receiver_has_done_is_shown_with_its_address() {
        let ended = Ended::answered(r#"{"changed":true}"#, Timestamp::UNIX_EPOCH);
        let mut run = run(State::Verifying { ended });
        run.runbook.on = "ops".to_owned();
        run.runbook.means = Means::Request {
            url: "https://ops.example.com/hooks/undo".to_owned(),
        };

        let shown = Shown::of(&run);

        assert_eq!(
            shown.lines()[2..].join("\n"),
            "  runbook  stop (request to ops, https://ops.example.com/hooks/undo)\n  \
             input    {}\n  \
             allowed  by ann\n  \
             status   successful at 1970-01-01T00:00:00Z"
        );
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(json["receiver"], "ops");
        assert_eq!(json["job"]["id"], Value::Null);
    }

    #[test]
    fn change_that_is_answered_elsewhere_names_the_problem() {
        let problem = "P-0".to_owned();
        let run = run(State::Joined { problem });

        let shown = Shown::of(&run);

        assert_eq!(shown.lines().last().unwrap(), "  instead  P-0");
    }
}

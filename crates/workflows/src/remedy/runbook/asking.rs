//! What a controller or a receiver is asked and told for a run, in the terms of
//! [`release::runbook`].

use controller::{
    Controller, Difference, Job, JobKind, JobRef, JobType, Launch, TemplateKind, TemplateRef,
};
use futures_util::future::join3;
use jiff::Timestamp;
use release::runbook::{
    Active, Answer, Attempt, Counts, Ended, Form, Found, JobAt, Kind, Launched, MARKER, Marking,
    Means, Order, Purpose, Run, Shown, Task, Template,
};
use tokio::time::Instant;

use super::Automation;

/// How many lines of an output are kept.
const LINES: u32 = 40;

/// One run at its controller or its receiver.
pub(crate) struct Asking<'a> {
    pub(crate) automation: &'a Automation,
    pub(crate) run: &'a Run,
    pub(crate) now: Timestamp,
    pub(crate) until: Instant,
}

impl Asking<'_> {
    /// What the template asks for, and which jobs of it there are.
    pub(crate) async fn form(&self) -> Answer<Form> {
        let runbook = &self.run.runbook;
        match &runbook.means {
            Means::Template(template) => match self.automation.controller(&runbook.on) {
                Ok(client) => form(client, template, self.until).await,
                Err(why) => Answer::Unheard(why),
            },
            Means::Request { .. } => match self.automation.receiver(&runbook.on) {
                Ok(receiver) => receiver.form(self.run),
                Err(why) => Answer::Unheard(why),
            },
        }
    }

    /// The jobs that are ours, since `attempt` was intended.
    pub(crate) async fn found(&self, attempt: &Attempt) -> Answer<Vec<Found>> {
        let (client, kind, id) = match self.template() {
            Ok(template) => template,
            Err(why) => return why.unheard(),
        };
        let at = match client.template(kind, id, self.until).await {
            Ok(Some(template)) => template.at,
            // Its jobs may still be there.
            Ok(None) => TemplateRef {
                kind,
                id,
                sliced: false,
            },
            Err(error) => return unheard(&error),
        };
        let user = match client.me(self.until).await {
            Ok(user) => user.id,
            Err(error) => return unheard(&error),
        };
        let since = client.launched_since(at, attempt.floor, user, self.until);
        let jobs = match since.await {
            Ok(jobs) => jobs,
            Err(error) => return unheard(&error),
        };
        let order = told(&self.run.order(attempt));
        let is_ours =
            |job: &Job| attempt.marking == Marking::Sole || job.carries(&MARKER, &self.run.id);
        let ours = jobs.into_iter().filter(is_ours);
        Answer::Is(
            ours.map(|job| seen(client, &job, &job.differences(&order)))
                .collect(),
        )
    }

    /// How far a job is.
    pub(crate) async fn job(&self, job: &JobAt) -> Answer<Shown> {
        let client = match self.template() {
            Ok((client, ..)) => client,
            Err(why) => return why.unheard(),
        };
        match client.job(remote(job), self.until).await {
            Ok(Some(job)) => Answer::Is(Shown {
                status: job.status.word().to_owned(),
                explanation: job.explanation,
            }),
            Ok(None) => Answer::Gone,
            Err(error) => unheard(&error),
        }
    }

    /// What a job that has ended has left behind.
    pub(crate) async fn ended(&self, job: &JobAt) -> Answer<Ended> {
        let client = match self.template() {
            Ok((client, ..)) => client,
            Err(why) => return why.unheard(),
        };
        let at = remote(job);
        let (job, tasks, tail) = join3(
            client.job(at, self.until),
            client.failed_tasks(at, self.until),
            client.tail(at, LINES, self.until),
        )
        .await;
        match (job, tasks, tail) {
            (Ok(None), ..) => Answer::Gone,
            (Ok(Some(job)), Ok(tasks), Ok(tail)) => {
                let at = job.finished.unwrap_or(self.now);
                let took = job
                    .started
                    .map(|started| at.duration_since(started).as_secs());
                Answer::Is(Ended {
                    job: Some(seen(client, &job, &[]).job),
                    status: job.status.word().to_owned(),
                    at,
                    seconds: took.and_then(|seconds| seconds.try_into().ok()),
                    counts: job.counts.map(|counts| Counts {
                        ok: counts.ok,
                        changed: counts.changed,
                        failures: counts.failures,
                        dark: counts.dark,
                        skipped: counts.skipped,
                    }),
                    artifacts: job.artifacts,
                    task: tasks.into_iter().next().map(|task| Task {
                        name: task.task,
                        host: task.host,
                        message: task.message,
                    }),
                    tail: tail.map_or_else(String::new, |tail| tail.text),
                    explanation: job.explanation,
                    revision: job.revision,
                })
            }
            (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => unheard(&error),
        }
    }

    /// Launches what `attempt` intends, or asks the receiver for it, once.
    pub(crate) async fn launch(&self, attempt: &Attempt) -> Launched {
        let (client, kind, id) = match self.template() {
            Ok(template) => template,
            Err(Elsewhere::Receiver) => {
                return match self.automation.receiver(&self.run.runbook.on) {
                    Ok(receiver) => receiver.ask(self.run, attempt, self.now, self.until).await,
                    Err(why) => Launched::NotSent(why),
                };
            }
            Err(Elsewhere::Nowhere(why)) => return Launched::NotSent(why),
        };
        let order = told(&self.run.order(attempt));
        match client.launch(kind, id, &order, self.until).await {
            Launch::Launched(launched) => {
                let differences = launched.differences(&order);
                Launched::Job(seen(client, &launched.job, &differences))
            }
            Launch::Refused { status, text } => Launched::Refused { status, text },
            Launch::NotSent(error) => Launched::NotSent(error.to_string()),
            Launch::Unknown(error) => Launched::Unknown(error.to_string()),
        }
    }

    /// Wishes that jobs end. However it is answered, the next look says what
    /// became of them.
    pub(crate) async fn cancel(&self, jobs: &[JobAt]) {
        let Ok((client, ..)) = self.template() else {
            return;
        };
        for job in jobs {
            let _ = client.cancel(remote(job), self.until).await;
        }
    }

    /// The controller, and the template there.
    fn template(&self) -> Result<(&Controller, TemplateKind, u64), Elsewhere> {
        let runbook = &self.run.runbook;
        let Means::Template(template) = &runbook.means else {
            return Err(Elsewhere::Receiver);
        };
        let client = self.automation.controller(&runbook.on);
        let (kind, id) = place(template);
        Ok((client.map_err(Elsewhere::Nowhere)?, kind, id))
    }
}

/// Why no controller is asked.
enum Elsewhere {
    /// It is a receiver that is.
    Receiver,
    /// It cannot be, for this reason.
    Nowhere(String),
}

impl Elsewhere {
    fn unheard<T>(self) -> Answer<T> {
        Answer::Unheard(match self {
            Self::Receiver => "a receiver knows of no jobs".to_owned(),
            Self::Nowhere(why) => why,
        })
    }
}

/// What a template asks for, and which jobs of it there are.
pub async fn form(client: &Controller, listed: &Template, until: Instant) -> Answer<Form> {
    let (kind, id) = place(listed);
    let template = match client.template(kind, id, until).await {
        Ok(Some(template)) => template,
        Ok(None) => return Answer::Gone,
        Err(error) => return unheard(&error),
    };
    let at = template.at;
    let (preflight, newest, active) = join3(
        client.preflight(kind, id, until),
        client.newest_job(at, until),
        client.active_jobs(at, until),
    )
    .await;
    match (preflight, newest, active) {
        (Ok(None), ..) => Answer::Gone,
        (Ok(Some(preflight)), Ok(newest), Ok(active)) => {
            let survey = preflight.survey.into_iter();
            let active = active.into_iter();
            Answer::Is(Form {
                name: template.name,
                organization: template.organization,
                project: template.project,
                playbook: template.playbook,
                takes_variables: preflight.prompts.variables,
                takes_limit: preflight.prompts.limit,
                takes_check: preflight.prompts.job_type,
                survey: survey.map(|question| question.variable).collect(),
                needs_variables: preflight.variables_needed,
                needs_passwords: preflight.passwords_needed,
                needs_inventory: preflight.inventory_needed,
                limit: preflight.defaults.limit,
                job_type: preflight.defaults.job_type,
                newest,
                active: active.map(under_way).collect(),
            })
        }
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => unheard(&error),
    }
}

fn place(template: &Template) -> (TemplateKind, u64) {
    let kind = match template.kind {
        Kind::Job => TemplateKind::Job,
        Kind::Workflow => TemplateKind::Workflow,
    };
    (kind, template.id)
}

fn unheard<T>(error: &controller::Error) -> Answer<T> {
    Answer::Unheard(error.to_string())
}

fn told(order: &Order) -> controller::Order {
    controller::Order {
        variables: order.variables.clone(),
        limit: order.limit.clone(),
        job_type: match order.purpose {
            Purpose::Check => JobType::Check,
            Purpose::Real => JobType::Run,
        },
    }
}

fn seen(client: &Controller, job: &Job, differences: &[Difference]) -> Found {
    Found {
        job: JobAt {
            id: job.at.id,
            kind: match job.at.kind {
                JobKind::Job => Kind::Job,
                JobKind::Workflow => Kind::Workflow,
            },
            page: client.page_of(job.at),
        },
        status: job.status.word().to_owned(),
        differences: differences.iter().map(ToString::to_string).collect(),
    }
}

fn under_way(job: Job) -> Active {
    Active {
        id: job.at.id,
        status: job.status.word().to_owned(),
        by: job.launched_by.map_or_else(String::new, |by| by.name),
    }
}

fn remote(job: &JobAt) -> JobRef {
    let kind = match job.kind {
        Kind::Job => JobKind::Job,
        Kind::Workflow => JobKind::Workflow,
    };
    JobRef { kind, id: job.id }
}

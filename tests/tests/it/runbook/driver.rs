//! Does what [`release::runbook::step`] says, with a real client and a stand-in.

use std::time::Duration;

use controller::{
    Controller, Credentials, JobKind, JobRef, JobType, Launch, Server, TemplateKind, TemplateRef,
};
use fake_controller::{JobTemplate, Prompts, Scope};
use jiff::{SignedDuration, Timestamp};
use release::problem::{Arrival, Problem};
use release::remediation::{Guard, Paused};
use release::runbook::{
    About, Active, Announced, Answer, Attempt, Call, Cause, Counts, Effect, Ended, Entity, Form,
    Found, JobAt, Kind, Launched, MARKER, Marking, Mode, Observed, Order, Purpose, Question,
    Refusal, Run, Runbooks, Shown, Situation, State, Step, Task, Wish, Word, find, input, read,
    step, words,
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// When the problem begins; the change is five minutes older.
pub(super) const BEGAN: i64 = 1_790_000_000;

pub(super) struct World {
    pub(super) fake: fake_controller::Controller,
    pub(super) template: u64,
    pub(super) problem: Problem,
    pub(super) run: Run,
    pub(super) guard: Guard,
    pub(super) mode: Mode,
    pub(super) word: Option<Word>,
    pub(super) alarms: usize,
    pub(super) comments: Vec<String>,
    now: Timestamp,
    client: Controller,
    user: u64,
}

/// What takes a rate, a limit and the wish for a check.
pub(super) fn template() -> JobTemplate {
    JobTemplate {
        prompts: Prompts {
            variables: true,
            limit: true,
            job_type: true,
        },
        ..JobTemplate::default()
    }
}

/// A controller with a user who may launch its one template, and the settings
/// that list it, changed by `change`.
pub(super) async fn listed(
    template: JobTemplate,
    change: impl FnOnce(&mut Value),
) -> (fake_controller::Controller, u64, Runbooks) {
    let fake = fake_controller::Controller::start().await.unwrap();
    fake.set_now(BEGAN * 1_000);
    fake.user("ub", "hunter2");
    let template = fake.job_template(template);
    fake.permit("ub", template);
    let mut settings = json!({
        "controllers": {"awx": {"base": fake.base(), "auth": "bearer", "secret": "/ub/awx"}},
        "runbooks": {"stop": {
            "on": "awx",
            "template": template,
            "name": "stop-campaign",
            "playbook": "stop.yml",
            "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible Tower"]},
            "vars": {
                "promotion_rate": {"from": "oldValue", "type": "int", "min": 0, "max": 100},
            },
            "mode": "auto",
        }},
    });
    change(&mut settings["runbooks"]["stop"]);
    let listed = Runbooks::read(&settings.to_string()).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    (fake, template, listed)
}

impl World {
    pub(super) async fn with(template: JobTemplate, change: impl FnOnce(&mut Value)) -> Self {
        let (fake, template, listed) = listed(template, change).await;
        let action = format!("{}/api/v2/job_templates/{template}/launch/", fake.origin());
        let run = asked(&listed, &action, "0").unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = Server {
            base: listed.controllers["awx"].base.clone(),
            credentials: Credentials::Bearer(fake.token("ub", Scope::Write).into()),
        };
        let client = Controller::new(controller::http(None).unwrap(), server).unwrap();
        let user = client.me(soon()).await.unwrap().id;
        let now = Timestamp::from_second(BEGAN).unwrap();
        let patience = SignedDuration::from_hours(24);
        let mut problem = Problem::heard_of("P-1", Arrival::Webhook, now, patience);
        problem.began = Some(now);
        Self {
            mode: run.runbook.mode,
            fake,
            template,
            problem,
            run,
            guard: Guard::default(),
            word: None,
            alarms: 0,
            comments: Vec::new(),
            now,
            client,
            user,
        }
    }

    pub(super) async fn start() -> Self {
        Self::with(template(), |_| {}).await
    }

    /// Both clocks show so many seconds after the beginning of the problem.
    pub(super) fn at(&mut self, seconds: i64) {
        self.now = Timestamp::from_second(BEGAN + seconds).unwrap();
        self.fake.set_now((BEGAN + seconds) * 1_000);
    }

    pub(super) fn closes(&mut self) {
        self.problem.closed = Some(self.now);
    }

    pub(super) fn launches(&self) -> usize {
        self.fake.count("POST", "/launch/")
    }

    /// The id of the only job.
    pub(super) fn job(&self) -> u64 {
        let jobs = self.fake.jobs();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs[0].id
    }

    /// A pass: everything until something has to be waited for. What that is.
    pub(super) async fn pass(&mut self) -> String {
        self.pass_killed_after(usize::MAX).await
    }

    /// The same, killed after so many calls that change something at the
    /// controller.
    pub(super) async fn pass_killed_after(&mut self, calls: usize) -> String {
        let mut known = Observed::default();
        let mut left = calls;
        let mut next = None;
        for _ in 0..50 {
            let decided = match next.take() {
                Some(step) => step,
                None => self.step(&known),
            };
            match decided {
                Step::Ask(question) => self.ask(question, &mut known).await,
                Step::Write(what) => {
                    self.comments.extend(words::of(&self.run, &what));
                    what.apply(&mut self.run);
                    for effect in &what.effects {
                        if let Effect::Guard { from, to } = effect {
                            assert_eq!(*from, self.guard);
                            self.guard = to.clone();
                        }
                    }
                    self.alarms += usize::from(what.alarm);
                    next = what.then;
                    known = Observed::default();
                }
                Step::Call(call) => {
                    self.call(&call, &mut known).await;
                    left = left.saturating_sub(1);
                    if left == 0 {
                        return "killed".to_owned();
                    }
                }
                Step::Wait { what, .. } => return what,
                Step::Rest => return "rest".to_owned(),
            }
        }
        panic!("it never waits: {:?}", self.run.state);
    }

    fn step(&self, known: &Observed) -> Step {
        let situation = Situation {
            problem: &self.problem,
            heard: true,
            lost: false,
            mode: self.mode,
            listed: true,
            max_age: SignedDuration::from_mins(30),
            verify_within: SignedDuration::from_mins(30),
            paused: Paused::No,
            word: self.word.clone(),
            now: self.now,
        };
        step(&self.run, &situation, known)
    }

    async fn ask(&self, question: Question, known: &mut Observed) {
        match question {
            Question::Holder => known.holder = Some(None),
            Question::Guard => known.guard = Some(self.guard.clone()),
            Question::Form => known.form = Some(self.form().await),
            Question::Found => known.found = Some(self.found().await),
            Question::Job => {
                known.job = Some(match self.client.job(self.job_ref(), soon()).await {
                    Ok(Some(job)) => Answer::Is(Shown {
                        status: job.status.word().to_owned(),
                        explanation: job.explanation,
                    }),
                    Ok(None) => Answer::Gone,
                    Err(error) => Answer::Unheard(error.to_string()),
                });
            }
            Question::Ended => known.ended = Some(self.ended().await),
        }
    }

    async fn form(&self) -> Answer<Form> {
        let at = self.template_ref();
        let (template, preflight, newest, active) = tokio::join!(
            self.client.template(at.kind, at.id, soon()),
            self.client.preflight(at.kind, at.id, soon()),
            self.client.newest_job(at, soon()),
            self.client.active_jobs(at, soon()),
        );
        match (template, preflight, newest, active) {
            (Ok(None), ..) | (_, Ok(None), ..) => Answer::Gone,
            (Ok(Some(template)), Ok(Some(preflight)), Ok(newest), Ok(active)) => Answer::Is(Form {
                name: template.name,
                organization: template.organization,
                project: template.project,
                playbook: template.playbook,
                takes_variables: preflight.prompts.variables,
                takes_limit: preflight.prompts.limit,
                takes_check: preflight.prompts.job_type,
                survey: preflight
                    .survey
                    .into_iter()
                    .map(|one| one.variable)
                    .collect(),
                needs_variables: preflight.variables_needed,
                needs_passwords: preflight.passwords_needed,
                needs_inventory: preflight.inventory_needed,
                limit: preflight.defaults.limit,
                job_type: preflight.defaults.job_type,
                newest,
                active: active.into_iter().map(active_job).collect(),
            }),
            (template, preflight, newest, active) => {
                let errors = [template.err(), preflight.err(), newest.err(), active.err()];
                let error = errors.into_iter().flatten().next();
                Answer::Unheard(error.map_or_else(String::new, |error| error.to_string()))
            }
        }
    }

    async fn found(&self) -> Answer<Vec<Found>> {
        let attempt = self.attempt();
        let order = order(&self.run.order(attempt));
        let at = self.template_ref();
        match self
            .client
            .launched_since(at, attempt.floor, self.user, soon())
            .await
        {
            Ok(jobs) => Answer::Is(
                jobs.into_iter()
                    .filter(|job| {
                        attempt.marking == Marking::Sole || job.carries(&MARKER, &self.run.id)
                    })
                    .map(|job| self.seen(&job, &job.differences(&order)))
                    .collect(),
            ),
            Err(error) => Answer::Unheard(error.to_string()),
        }
    }

    async fn ended(&self) -> Answer<Ended> {
        let at = self.job_ref();
        let (job, tasks, tail) = tokio::join!(
            self.client.job(at, soon()),
            self.client.failed_tasks(at, soon()),
            self.client.tail(at, 40, soon()),
        );
        match (job, tasks, tail) {
            (Ok(None), ..) => Answer::Gone,
            (Ok(Some(job)), Ok(tasks), Ok(tail)) => Answer::Is(Ended {
                job: self.seen(&job, &[]).job,
                status: job.status.word().to_owned(),
                at: job.finished.unwrap_or(self.now),
                seconds: None,
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
            }),
            (job, tasks, tail) => {
                let errors = [job.err(), tasks.err(), tail.err()];
                let error = errors.into_iter().flatten().next();
                Answer::Unheard(error.map_or_else(String::new, |error| error.to_string()))
            }
        }
    }

    async fn call(&self, call: &Call, known: &mut Observed) {
        match call {
            Call::Launch => {
                let order = order(&self.run.order(self.attempt()));
                let at = self.template_ref();
                let launched = self.client.launch(at.kind, at.id, &order, soon()).await;
                known.launched = Some(match launched {
                    Launch::Launched(launched) => {
                        Launched::Job(self.seen(&launched.job, &launched.differences(&order)))
                    }
                    Launch::Refused { status, text } => Launched::Refused { status, text },
                    Launch::NotSent(error) => Launched::NotSent(error.to_string()),
                    Launch::Unknown(error) => Launched::Unknown(error.to_string()),
                });
            }
            Call::Cancel(jobs) => {
                for job in jobs {
                    // However it is answered, the next look says what became of it.
                    let _ = self.client.cancel(remote(job), soon()).await;
                }
                known.wished = true;
            }
        }
    }

    fn attempt(&self) -> &Attempt {
        match &self.run.state {
            State::Intended { attempt }
            | State::Unknown { attempt, .. }
            | State::Again { first: attempt } => attempt,
            other => panic!("nothing is launched in {other:?}"),
        }
    }

    fn job_ref(&self) -> JobRef {
        match &self.run.state {
            State::Launched { job, .. } | State::Aborting { job, .. } => remote(job),
            other => panic!("there is no job in {other:?}"),
        }
    }

    fn template_ref(&self) -> TemplateRef {
        TemplateRef {
            kind: TemplateKind::Job,
            id: self.template,
            sliced: false,
        }
    }

    fn seen(&self, job: &controller::Job, differences: &[controller::Difference]) -> Found {
        Found {
            job: JobAt {
                id: job.at.id,
                kind: match job.at.kind {
                    JobKind::Job => Kind::Job,
                    JobKind::Workflow => Kind::Workflow,
                },
                page: self.client.page_of(job.at),
            },
            status: job.status.word().to_owned(),
            differences: differences.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The run that an event leads to, or why it leads to none.
pub(super) fn asked(listed: &Runbooks, action: &str, old_value: &str) -> Result<Run, Refusal> {
    let wish = read(Some("ansible"), Some(action)).map_err(|why| Refusal::Action { why })?;
    let Wish::Run(action) = wish else {
        panic!("{action} is an action");
    };
    let event = Announced {
        kind: "CUSTOM_CONFIGURATION",
        source: Some("Ansible Tower"),
        tags: &[],
    };
    let runbook = find(listed, &action, event)?.clone();
    let properties = [("oldValue".to_owned(), old_value.to_owned())].into();
    let input = input(&runbook, &properties, Some("web-1"))?;
    Ok(Run {
        id: "r-1".to_owned(),
        runbook,
        problem: "P-1".to_owned(),
        cause: Cause {
            id: "e-1".to_owned(),
            kind: event.kind.to_owned(),
            at: Timestamp::from_second(BEGAN - 300).unwrap(),
            title: "promotion rate \"30\" % {{7*7}} \u{1f600}".to_owned(),
            source: "Ansible Tower".to_owned(),
        },
        about: About {
            title: Some("Failure rate increase {{7*7}}".to_owned()),
            entities: vec![Entity {
                kind: "SERVICE".to_owned(),
                name: "carts".to_owned(),
                entity: "SERVICE-1".to_owned(),
            }],
            ..About::default()
        },
        input,
        holds: true,
        guards: false,
        allowed: None,
        checked: None,
        named: None,
        state: State::Asked,
    })
}

fn order(order: &Order) -> controller::Order {
    controller::Order {
        variables: order.variables.clone(),
        limit: order.limit.clone(),
        job_type: match order.purpose {
            Purpose::Check => JobType::Check,
            Purpose::Real => JobType::Run,
        },
    }
}

fn active_job(job: controller::Job) -> Active {
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

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

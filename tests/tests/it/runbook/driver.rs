//! A change that others announced, the problem after it, and the function that
//! answers, with a controller that launches nothing by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use controller::{Controller, Credentials, Server};
use dynatrace::{Api, Event, EventKind};
use fake_controller::{JobTemplate, Prompts, Scope, Times, Trouble};
use fake_dynatrace::Problem;
use jiff::{SignedDuration, Timestamp};
use release::change::Place;
use release::problem;
use release::remediation::Guard;
use release::runbook::{Permission, Run, Runbooks, State};
use serde_json::{Value, json};
use store::Heard;
use tokio::time::Instant;
use workflows::handle_problem::explain::Explained;
use workflows::handle_problem::{Automation, Notified, Receiver};
use workflows::work::Progress;

use crate::heal::scene::Scene;
use crate::world::PRODUCTION;

pub(super) struct World {
    pub(super) scene: Scene,
    pub(super) fake: fake_controller::Controller,
    pub(super) template: u64,
    /// As it was after the last pass.
    pub(super) run: Option<Run>,
    problem: Problem,
    began: Timestamp,
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

/// What takes no rate below ten.
pub(super) fn strict() -> JobTemplate {
    JobTemplate {
        survey: vec![json!({
            "variable": "promotion_rate", "type": "integer", "required": true, "default": "",
            "min": 10, "max": 100,
        })],
        ..template()
    }
}

/// A change as it is announced.
pub(super) struct Change {
    /// What it asks for; the only template, unless it says so.
    pub(super) action: Option<String>,
    pub(super) old_value: &'static str,
}

impl Default for Change {
    fn default() -> Self {
        Self {
            action: None,
            old_value: "0",
        }
    }
}

impl World {
    /// A campaign was announced five minutes before the problem, and the settings
    /// list one runbook, changed by `change`.
    pub(super) async fn with(template: JobTemplate, change: impl FnOnce(&mut Value)) -> Self {
        Self::announced(template, change, Change::default()).await
    }

    pub(super) async fn announced(
        template: JobTemplate,
        change: impl FnOnce(&mut Value),
        announced: Change,
    ) -> Self {
        let mut scene = Scene::set(Api::V2).await;
        let fake = fake_controller::Controller::start().await.unwrap();
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
        let listed = Runbooks::read(&settings.to_string());
        let listed = listed.unwrap_or_else(|wrong| panic!("{wrong:?}"));
        let server = Server {
            base: fake.base(),
            credentials: Credentials::Bearer(fake.token("ub", Scope::Write).into()),
        };
        let client = Controller::new(controller::http(None).unwrap(), server).unwrap();
        scene.automation = Arc::new(Automation {
            listed,
            controllers: [("awx".to_owned(), Ok(client))].into(),
            ..Automation::default()
        });
        let launch = format!("{}/job_templates/{template}/launch/", fake.base());
        let action = announced.action.unwrap_or(launch);
        let action = action.replace("{id}", &template.to_string());
        let properties = [
            ("remediationAction", action.as_str()),
            ("oldValue", announced.old_value),
        ];
        Self::begin(scene, fake, template, &properties).await
    }

    /// A change was announced whose action is the address of a receiver, or this one;
    /// the settings list one runbook there, changed by `change`.
    pub(super) async fn requested(
        receiver: &fake_controller::Receiver,
        change: impl FnOnce(&mut Value),
        action: Option<&str>,
    ) -> Self {
        let mut scene = Scene::set(Api::V2).await;
        let url = receiver.url();
        scene.automation = Arc::new(asking(&url, Receiver::new(&url, SIGNING.into()), change));
        let fake = fake_controller::Controller::start().await.unwrap();
        let properties = [
            ("remediationType", "http"),
            ("remediationAction", action.unwrap_or(&url)),
            ("oldValue", "0"),
        ];
        Self::begin(scene, fake, 0, &properties).await
    }

    /// What was announced five minutes before the problem.
    async fn begin(
        mut scene: Scene,
        fake: fake_controller::Controller,
        template: u64,
        properties: &[(&str, &str)],
    ) -> Self {
        announce(&scene, properties).await;
        scene.minutes(5);
        let problem = scene.world.tenant.problem("Failure rate increase {{7*7}}");
        let problem = problem.impacts(PRODUCTION).open();
        let began = scene.world.now;
        fake.set_now(began.as_millisecond());
        Self {
            scene,
            fake,
            template,
            run: None,
            problem,
            began,
        }
    }

    pub(super) async fn start() -> Self {
        Self::with(template(), |_| {}).await
    }

    /// All clocks show so many seconds after the beginning of the problem.
    pub(super) fn at(&mut self, seconds: i64) {
        let now = self.began + SignedDuration::from_secs(seconds);
        self.scene.world.at(now);
        self.fake.set_now(now.as_millisecond());
    }

    pub(super) fn closes(&mut self) {
        self.problem.resolve(self.scene.world.now.as_millisecond());
    }

    /// What a person says of the run.
    pub(super) async fn says(&self, word: Permission) -> Heard {
        let remediations = &self.scene.world.remediations;
        let run = &self.run().id;
        let now = self.scene.world.now;
        remediations
            .say(self.problem.id(), run, &word, now)
            .await
            .unwrap()
    }

    pub(super) fn run(&self) -> &Run {
        self.run.as_ref().expect("there is a run")
    }

    pub(super) fn state(&self) -> &State {
        &self.run().state
    }

    pub(super) async fn guard(&self) -> Guard {
        let place = Place::Runbook(self.run().target());
        self.scene.world.ledger.guard(&place).await.unwrap()
    }

    pub(super) fn comments(&self) -> Vec<String> {
        self.scene.comments(&self.problem)
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

    /// A look at the problem, woken by a notification. What it waits for.
    pub(super) async fn pass(&mut self) -> String {
        let notified = self.scene.notify(&self.problem, "OPEN").await;
        let waits = match notified {
            Notified::Worked(look) => match look.progress {
                Progress::Deferred { waiting_for, .. } => waiting_for,
                Progress::Settled => "nothing".to_owned(),
                Progress::Faulted { error, .. } => panic!("{error:#}"),
                Progress::Lost => panic!("somebody else has it"),
            },
            Notified::Stored(_) => "nothing".to_owned(),
            other => panic!("{other:?}"),
        };
        self.read().await;
        waits
    }

    /// A notification arrives.
    pub(super) async fn notify(&self) {
        self.scene.notify(&self.problem, "OPEN").await;
    }

    /// The same, killed as soon as the controller has launched a job, before
    /// anything of it is written down.
    pub(super) async fn pass_killed_after_the_launch(&mut self) {
        let launched = async {
            while self.fake.jobs().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = launched => {}
            _ = self.scene.notify(&self.problem, "OPEN") => panic!("it was not killed"),
        }
        self.read().await;
        assert_eq!(self.state().word(), "intended");
    }

    /// The same, killed as soon as the receiver has done it.
    pub(super) async fn pass_killed_after_the_request(
        &mut self,
        receiver: &fake_controller::Receiver,
    ) {
        receiver.fail(Trouble::Hang, Times::N(1));
        let done = async {
            while receiver.done() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = done => {}
            _ = self.scene.notify(&self.problem, "OPEN") => panic!("it was not killed"),
        }
        self.read().await;
        assert_eq!(self.state().word(), "intended");
    }

    /// The problem as it is stored.
    pub(super) async fn stored(&self) -> problem::Problem {
        self.scene.stored(&self.problem).await
    }

    /// What `monspec heal explain` says of the problem.
    pub(super) async fn explained(&self) -> Explained {
        self.scene.explained(&self.problem).await
    }

    async fn read(&mut self) {
        let stored = self
            .scene
            .world
            .remediations
            .problem(self.problem.id())
            .await;
        let stored = stored.unwrap().expect("it was noticed");
        assert!(stored.runs.len() < 2, "{:?}", stored.runs);
        self.run = stored.runs.into_iter().next();
    }
}

/// What signs for the receiver.
pub(super) const SIGNING: &str = "SECRET-of-the-receiver";

/// One runbook on one receiver.
pub(super) fn asking(
    url: &str,
    receiver: Result<Receiver, String>,
    change: impl FnOnce(&mut Value),
) -> Automation {
    let mut settings = json!({
        "receivers": {"ops": {"url": url, "secret": "/ub/ops"}},
        "runbooks": {"undo": {
            "on": "ops",
            "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible Tower"]},
            "vars": {"rate": {"from": "oldValue", "type": "int", "min": 0, "max": 100}},
            "mode": "auto",
        }},
    });
    change(&mut settings["runbooks"]["undo"]);
    let listed = Runbooks::read(&settings.to_string());
    Automation {
        listed: listed.unwrap_or_else(|wrong| panic!("{wrong:?}")),
        receivers: [("ops".to_owned(), receiver)].into(),
        ..Automation::default()
    }
}

/// A configuration of production is announced now.
pub(super) async fn announce(scene: &Scene, properties: &[(&str, &str)]) {
    let properties = properties.iter();
    let event = Event {
        kind: EventKind::Configuration,
        title: "promotion rate \"30\" % {{7*7}} \u{1f600}".to_owned(),
        entities: vec![PRODUCTION.to_owned()],
        start_ms: Some(scene.world.now.as_millisecond()),
        end_ms: Some(scene.world.now.as_millisecond()),
        source: "Ansible Tower".to_owned(),
        properties: properties
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        ..Event::default()
    };
    let deadline = Instant::now() + Duration::from_secs(5);
    let announced = scene.world.dynatrace().announce(&event, deadline).await;
    assert!(matches!(
        announced.unwrap(),
        dynatrace::Announced::Attached { attached: 1, .. }
    ));
}

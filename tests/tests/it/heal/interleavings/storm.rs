//! A random world, and what is known of it while the storm goes on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_codedeploy::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use controller::{Controller, Credentials, Server};
use delivery::bundle::Bundles;
use delivery::codedeploy::CodeDeploy;
use dynatrace::{Announced, Api, Dynatrace, Event, EventKind};
use fake_aws::codedeploy::{AutoRollback, DeploymentEnd, GroupOptions, Revision, RollbackEvent};
use fake_controller::{JobTemplate, Prompts, Scope};
use fake_dynatrace::{Problem, Severity};
use fastrand::Rng;
use flags::Entry;
use jiff::SignedDuration;
use release::change::Flag;
use release::deployment::{Deployment, Group, Origin};
use release::ledger::Ruling;
use release::pause::{Pause, Target};
use release::problem;
use release::runbook::{Mode as RunbookMode, Permission, Runbooks};
use serde_json::json;
use store::{Flags, Ledger, Remediations};
use tokio::time::Instant;
use workflows::change_flags;
use workflows::handle_problem::{Automation, Clients, Mode, Services};

use super::Tally;
use super::callers::{Ask, FLAGS, SET, declare};
use super::kills::Calls;
use super::rows;
use crate::heal::scene::{APPLICATION, BUCKET, GROUP, Scene};
use crate::world::PRODUCTION;

/// What the operator calls the runbook.
const RUNBOOK: &str = "stop";

/// Whoever launches jobs of the template beside us.
pub(super) const COLLEAGUE: &str = "colleague";

/// Everything is a version of the same few contents, so that the same content
/// comes back under other ids.
const CONTENTS: [&str; 4] = ["one", "two", "three", "four"];

/// A group and the service that runs on it.
pub(super) struct Place {
    pub(super) group: &'static str,
    pub(super) entity: &'static str,
}

const PLACES: [Place; 2] = [
    Place {
        group: GROUP,
        entity: PRODUCTION,
    },
    Place {
        group: "Billing",
        entity: "SERVICE-00000000000000B2",
    },
];

/// What one process holds on to.
pub(super) struct Worker {
    pub(super) services: Services,
    pub(super) switching: change_flags::Services,
    pub(super) tenant: Dynatrace,
}

/// A problem and what the story did to it.
pub(super) struct Trouble {
    pub(super) problem: Problem,
    pub(super) closed: bool,
    pub(super) merged: bool,
}

pub(super) struct Storm<'t> {
    pub(super) scene: Scene,
    pub(super) dice: Rng,
    pub(super) workers: [Worker; 2],
    pub(super) places: &'static [Place],
    pub(super) troubles: Vec<Trouble>,
    /// The problems of which the sender of a notification heard that they are
    /// taken in.
    pub(super) accepted: BTreeSet<String>,
    /// What runs runbooks, and what it can be asked for.
    pub(super) controller: fake_controller::Controller,
    pub(super) template: u64,
    /// Whether a runbook may be checked at most.
    pub(super) only_looks: bool,
    /// The flags whose callers heard that they have this version.
    pub(super) acknowledged: BTreeSet<(String, u64)>,
    pub(super) histories: BTreeMap<&'static str, Vec<Entry>>,
    pub(super) asked: u32,
    pub(super) last_ask: Option<Ask>,
    /// Every problem as it was seen last.
    seen: RefCell<BTreeMap<String, problem::Problem>>,
    pub(super) tally: RefCell<Tally>,
    trace: &'t Mutex<Vec<String>>,
}

impl<'t> Storm<'t> {
    /// Groups with a history, a ledger that knows a part of it, and a first
    /// problem.
    pub(super) async fn gather(seed: u64, trace: &'t Mutex<Vec<String>>) -> Self {
        let mut dice = Rng::with_seed(seed);
        let api = *dice.choice(&[Api::V2, Api::V2, Api::V1]).unwrap();
        let mut scene = Scene::set(api).await;
        scene.healing.most_groups = dice.usize(1..=2);
        if dice.u8(..10) == 0 {
            scene.healing.mode = Mode::Shadow;
        }
        let other = scene.world.tenant.service(PLACES[1].entity, "Another");
        other.tag("DeploymentGroup", "Production").add();
        declare(&scene.world.flags).await;
        let (controller, template) = controller(&mut scene, &mut dice).await;
        let runbook = &scene.automation.listed.runbooks[RUNBOOK];
        let only_looks = scene.healing.mode == Mode::Shadow || runbook.mode == RunbookMode::Shadow;
        let workers = [Worker::new(&scene), Worker::new(&scene)];
        let places = &PLACES[..dice.usize(1..=2)];
        let mut storm = Self {
            scene,
            dice,
            workers,
            places,
            troubles: Vec::new(),
            accepted: BTreeSet::new(),
            controller,
            template,
            only_looks,
            acknowledged: BTreeSet::new(),
            histories: BTreeMap::new(),
            asked: 0,
            last_ask: None,
            seen: RefCell::default(),
            tally: RefCell::default(),
            trace,
        };
        let (mode, groups) = (storm.scene.healing.mode, storm.scene.healing.most_groups);
        storm.note(&format!("{api:?}, {mode:?}, at most {groups} groups"));
        for place in places {
            storm.options(place, &GroupOptions::default());
        }
        for _ in 0..storm.dice.u8(2..=3) {
            for place in places {
                storm.release(place).await;
            }
            let minutes = storm.dice.i64(10..50);
            storm.pass(SignedDuration::from_mins(minutes));
        }
        let of_a_configuration = storm.chance(40);
        for place in places {
            storm.worsen(place);
            if !of_a_configuration {
                storm.release(place).await;
            }
        }
        for _ in 0..storm.dice.u8(0..=2) {
            let ask = storm.ask();
            let minutes = storm.dice.i64(1..5);
            storm.pass(SignedDuration::from_mins(minutes));
            storm.note(&ask.told());
            storm.asks(&storm.workers[0], &ask).await;
        }
        if of_a_configuration {
            let minutes = storm.dice.i64(5..50);
            storm.pass(SignedDuration::from_mins(minutes));
            storm.configure().await;
            if storm.chance(40) {
                storm.plan_a_fault_of_the_controller();
            }
        }
        let minutes = storm.dice.i64(0..20);
        storm.pass(SignedDuration::from_mins(minutes));
        storm.trouble();
        storm
    }

    pub(super) fn note(&self, happened: &str) {
        let at = self.scene.world.now.strftime("%H:%M:%S");
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        trace.push(format!("{at} {happened}"));
    }

    pub(super) fn count(&mut self, what: &'static str, count: usize) {
        if 0 < count {
            *self.tally.get_mut().counts.entry(what).or_default() += count;
        }
    }

    /// Moves all clocks.
    pub(super) fn pass(&mut self, time: SignedDuration) {
        self.scene.world.advance(time);
        self.controller
            .set_now(self.scene.world.now.as_millisecond());
    }

    /// Notes what has become of the problems since the last look.
    pub(super) async fn look(&self) {
        for trouble in &self.troubles {
            let id = trouble.problem.id();
            let stored = self.scene.world.remediations.problem(id).await.unwrap();
            let Some(stored) = stored else { continue };
            let mut seen = self.seen.borrow_mut();
            let before = seen.get(id);
            if before != Some(&stored) {
                rows::between(before, &stored, &mut self.tally.borrow_mut().rows);
                seen.insert(id.to_owned(), stored);
            }
        }
    }

    /// Somebody announces a configuration, with the runbook that takes it back.
    pub(super) async fn configure(&mut self) {
        let place = self.place();
        let base = self.controller.base();
        let action = format!("{base}/job_templates/{}/launch/", self.template);
        let properties = [("remediationAction", action), ("oldValue", "0".to_owned())];
        let now = self.scene.world.now.as_millisecond();
        let event = Event {
            kind: EventKind::Configuration,
            title: "A campaign".to_owned(),
            entities: vec![place.entity.to_owned()],
            start_ms: Some(now),
            end_ms: Some(now),
            source: "Ansible Tower".to_owned(),
            properties: properties
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            ..Event::default()
        };
        self.scene.world.tenant.clear_faults();
        let deadline = Instant::now() + Duration::from_secs(5);
        let announced = self
            .scene
            .world
            .dynatrace()
            .announce(&event, deadline)
            .await;
        assert!(matches!(announced.unwrap(), Announced::Attached { .. }));
        self.note(&format!("{}: a configuration is announced", place.group));
        self.count("configurations", 1);
    }

    /// A person says that a run shall be made, or shall not, or shall end.
    pub(super) async fn permit(&mut self) {
        let seen: Vec<_> = self.seen.borrow().values().cloned().collect();
        let runs = seen
            .iter()
            .flat_map(|problem| problem.runs.iter().map(|run| (&problem.id, &run.id)));
        let Some((problem, run)) = self.dice.choice(runs.collect::<Vec<_>>()) else {
            return;
        };
        let who = "ann".to_owned();
        let said = if self.chance(60) {
            Permission::Given { who }
        } else {
            Permission::Refused { who }
        };
        let now = self.scene.world.now;
        let told = self
            .scene
            .world
            .remediations
            .say(problem, run, &said, now)
            .await;
        self.note(&format!("of run {run}: {said:?}, {:?}", told.unwrap()));
    }

    /// A person pauses something for a while, or ends that.
    pub(super) async fn pause(&mut self) {
        let place = self.place();
        let target = match self.dice.u8(..6) {
            0 => Target::All,
            1 | 2 => Target::Group(group(place)),
            3 => Target::Flag(Flag {
                set: SET.to_owned(),
                name: (*self.dice.choice(&FLAGS).unwrap()).to_owned(),
            }),
            _ => Target::Runbook(RUNBOOK.to_owned()),
        };
        let now = self.scene.world.now;
        let ledger = &self.scene.world.ledger;
        if self.dice.bool() {
            ledger.resume(&target, now).await.unwrap();
            self.note(&format!("{target} is paused no more"));
            return;
        }
        let minutes = self.dice.i64(2..20);
        let pause = Pause {
            target,
            until: now
                .saturating_add(SignedDuration::from_mins(minutes))
                .unwrap(),
            who: "ann".to_owned(),
            why: "wait".to_owned(),
        };
        let paused = ledger.pause(&pause).await.unwrap();
        self.note(&format!("{}: {paused:?}", pause.target));
    }

    pub(super) fn chance(&mut self, percent: u8) -> bool {
        self.dice.u8(..100) < percent
    }

    pub(super) fn place(&mut self) -> &'static Place {
        &self.places[self.dice.usize(..self.places.len())]
    }

    /// How later deployments of a group go.
    pub(super) fn options(&self, place: &Place, options: &GroupOptions) {
        let codedeploy = self.scene.world.aws.codedeploy();
        codedeploy.application(APPLICATION);
        codedeploy
            .group(APPLICATION, place.group, options.clone())
            .unwrap();
    }

    /// Deployments may now take long, fail, and be taken back.
    pub(super) fn worsen(&mut self, place: &Place) {
        let seconds =
            |dice: &mut Rng, of: &[i64]| SignedDuration::from_secs(*dice.choice(of).unwrap());
        let options = GroupOptions {
            instances: ["i-1", "i-2", "i-3"].map(str::to_owned).to_vec(),
            reaches: Some(self.dice.usize(..=3)),
            lead: seconds(&mut self.dice, &[0, 0, 5]),
            duration: seconds(&mut self.dice, &[0, 0, 30, 180, 600]),
            stopping: seconds(&mut self.dice, &[0, 30]),
            outcome: if self.chance(20) {
                DeploymentEnd::Failed
            } else {
                DeploymentEnd::Succeeded
            },
            auto_rollback: if self.chance(20) {
                AutoRollback::On(vec![RollbackEvent::Failure, RollbackEvent::StopOnRequest])
            } else {
                AutoRollback::Disabled
            },
            ..GroupOptions::default()
        };
        self.note(&format!("{}: {options:?}", place.group));
        self.options(place, &options);
    }

    /// A pipeline or a person deploys something, mostly with a word to the
    /// tenant and to the ledger.
    pub(super) async fn release(&mut self, place: &Place) {
        let content = self.dice.choice(CONTENTS).unwrap();
        let world = &self.scene.world;
        if world.aws.s3().get(BUCKET, content).is_none() {
            world.aws.s3().put(BUCKET, content, content);
        }
        let revision = Revision::s3(BUCKET, content);
        let codedeploy = world.aws.codedeploy();
        let Ok(id) = codedeploy.deploy_by_person(APPLICATION, place.group, revision) else {
            return;
        };
        self.note(&format!("{}: {content} is released as {id}", place.group));
        if self.chance(85) {
            // Pipelines repeat this until it is heard.
            self.scene.world.tenant.clear_faults();
            self.scene
                .announce_in(place.group, &id, &[place.entity])
                .await;
        }
        if self.chance(60) {
            self.enter(place, &id, content).await;
        }
    }

    /// The ledger hears of a deployment, and perhaps what is thought of it.
    async fn enter(&mut self, place: &Place, id: &str, content: &str) {
        let group = group(place);
        let deployment = Deployment {
            id: id.to_owned(),
            group: group.clone(),
            at: self.scene.world.now,
            execution: None,
            identity: format!("sources:{content}"),
            location: None,
            digest: None,
            version: content.to_owned(),
            origin: Origin::Release,
        };
        let ledger = &self.scene.world.ledger;
        ledger.record_deployment(&deployment).await.unwrap();
        match self.dice.u8(..10) {
            0 => {
                let ledger = &self.scene.world.ledger;
                let ruling = Ruling::Condemn;
                let ruled = ledger
                    .rule(&group, id, ruling, "a person", "it leaks")
                    .await;
                assert!(ruled.unwrap().is_some());
                self.note(&format!("{id} is bad"));
            }
            1..5 => {
                self.prove(id).await;
                self.note(&format!("{id} is good"));
            }
            _ => {}
        }
    }

    /// What a validation that passed leaves in the ledger.
    async fn prove(&self, id: &str) {
        let tables = self.scene.world.tables();
        let found = tables.scan().table_name("ledger").send().await.unwrap();
        let is_it = |value: &AttributeValue| {
            let text = value.as_s().map(String::as_str).unwrap_or_default();
            text.contains(&format!("\"{id}\""))
        };
        for item in found.items() {
            if item.get("deployment").is_some_and(is_it) {
                tables
                    .update_item()
                    .table_name("ledger")
                    .key("pk", item["pk"].clone())
                    .key("sk", item["sk"].clone())
                    .update_expression("SET standing = :good")
                    .expression_attribute_values(":good", AttributeValue::S("good".to_owned()))
                    .send()
                    .await
                    .unwrap();
            }
        }
    }

    /// The tenant notices something.
    pub(super) fn trouble(&mut self) {
        let mut problem = self.scene.world.tenant.problem("Failure rate increase");
        let severity = [
            Severity::Error,
            Severity::Availability,
            Severity::Performance,
        ];
        problem = problem.severity(*self.dice.choice(&severity).unwrap());
        let felt_by = self.dice.usize(..self.places.len());
        problem = problem.impacts(self.places[felt_by].entity);
        if self.chance(30) {
            for place in self.places {
                problem = problem.impacts(place.entity);
            }
        }
        if self.chance(20) {
            problem = problem.root_cause(self.places[felt_by].entity);
        }
        if self.chance(30) {
            problem = problem.without_deployment_evidence();
        }
        let problem = problem.open();
        self.note(&format!("problem {} opens", problem.id()));
        self.count("problems", 1);
        self.troubles.push(Trouble {
            problem,
            closed: false,
            merged: false,
        });
    }
}

impl Worker {
    fn new(scene: &Scene) -> Self {
        let client = scene.world.tables().config().to_builder();
        let client = client.interceptor(Calls).build();
        let client = aws_sdk_dynamodb::Client::from_conf(client);
        let flags = Flags::new(client.clone(), "flags");
        // The pauses between attempts are real time; the attempts are not less.
        let retries = RetryConfig::standard();
        let retries = retries.with_initial_backoff(std::time::Duration::from_millis(1));
        let sdk = scene.world.aws.sdk_config().into_builder();
        let sdk = sdk.retry_config(retries).build();
        let s3 = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true);
        let codedeploy = aws_sdk_codedeploy::config::Builder::from(&sdk).interceptor(Calls);
        let codedeploy = aws_sdk_codedeploy::Client::from_conf(codedeploy.build());
        Self {
            services: Services {
                ledger: Ledger::new(client.clone(), "ledger"),
                remediations: Remediations::new(client, "remediations"),
                clients: Clients {
                    codedeploy: CodeDeploy::new(codedeploy),
                    bundles: Bundles::new(aws_sdk_s3::Client::from_conf(s3.build())),
                    flags: Some(flags.clone()),
                },
                healing: scene.healing.clone(),
            },
            switching: change_flags::Services {
                flags,
                set: SET.to_owned(),
                address: None,
            },
            tenant: scene.world.dynatrace(),
        }
    }
}

/// A controller with one template, and the settings that list it.
async fn controller(scene: &mut Scene, dice: &mut Rng) -> (fake_controller::Controller, u64) {
    let fake = fake_controller::Controller::start().await.unwrap();
    fake.user("ub", "hunter2");
    fake.user(COLLEAGUE, "hunter3");
    let prompts = Prompts {
        variables: dice.u8(..10) < 9,
        limit: true,
        job_type: dice.u8(..10) < 8,
    };
    let template = fake.job_template(JobTemplate {
        prompts,
        ..JobTemplate::default()
    });
    let mode = *dice
        .choice(&["auto", "auto", "auto", "auto", "ask", "ask", "shadow"])
        .unwrap();
    let check = *dice.choice(&["none", "none", "before"]).unwrap();
    let timeout = *dice.choice(&["5m", "15m"]).unwrap();
    let proof = (dice.u8(..5) == 0).then(|| json!({"artifact": "unbreakable.after", "equals": 0}));
    fake.permit("ub", template);
    fake.set_now(scene.world.now.as_millisecond());
    let settings = json!({
        "controllers": {"awx": {"base": fake.base(), "auth": "bearer", "secret": "/ub/awx"}},
        "runbooks": {RUNBOOK: {
            "on": "awx",
            "template": template,
            "name": "stop-campaign",
            "playbook": "stop.yml",
            "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible Tower"]},
            "vars": {
                "promotion_rate": {"from": "oldValue", "type": "int", "min": 0, "max": 100},
            },
            "mode": mode,
            "check": check,
            "timeout": timeout,
            "proof": proof,
            "cooldown": "10m",
        }},
    });
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
    (fake, template)
}

pub(super) fn group(place: &Place) -> Group {
    Group {
        application: APPLICATION.to_owned(),
        name: place.group.to_owned(),
    }
}

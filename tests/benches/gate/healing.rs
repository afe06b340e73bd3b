//! A release that goes wrong in production, and the problem that follows.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use dynatrace::{Announced, Api, Dynatrace, Event, EventKind};
use fake_aws::codedeploy::{Deployment, GroupOptions, Revision};
use fake_dynatrace::Problem;
use flags::state::{Author, AuthorKind, State};
use flags::step::{Event as FlagEvent, Outcome, Request, Situation, Target, Term, step};
use flags::{Cause, Value};
use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use store::{Commit, Decision, Declared, Found};

use crate::world::{SET, Tables, WEBHOOK_TOKEN, World, real_time};

/// The deployment group that production is.
const GROUP: &str = "Production";

impl World {
    /// A service of production with a good release and a bad one, and the
    /// problem that followed. The application is called as the service's name.
    pub(crate) async fn bad_release(&self, service: &str) -> anyhow::Result<Problem> {
        let entity = format!("SERVICE-{:016X}", 0xE000 + service.len());
        self.tenant
            .service(&entity, service)
            .tag("DeploymentGroup", GROUP)
            .add();
        let codedeploy = self.aws.codedeploy();
        codedeploy.application(service);
        codedeploy.group(service, GROUP, GroupOptions::default())?;
        let mut last = String::new();
        // The tag may name the group of an earlier one: this one is the newest.
        let later = SignedDuration::from_secs(i64::try_from(service.len())?);
        let ago = |minutes| self.now() - SignedDuration::from_mins(minutes) + later;
        for (bundle, minutes_ago) in [("good", 60), ("bad", 10)] {
            self.aws.set_now(ago(minutes_ago));
            let key = format!("{service}-{bundle}.zip");
            self.aws.s3().put("bundles", &key, bundle);
            let revision = Revision::s3("bundles", &key);
            last = codedeploy.deploy_by_person(service, GROUP, revision)?;
        }
        self.aws.set_now(self.now());
        let announced = [
            ("CodeDeploy.Application", service),
            ("CodeDeploy.DeploymentGroup", GROUP),
            ("CodeDeploy.DeploymentId", &last),
        ];
        let at = ago(10).as_millisecond();
        let event = Event {
            kind: EventKind::Deployment,
            title: "Deploy".to_owned(),
            name: Some("Deploy".to_owned()),
            version: Some("1".to_owned()),
            source: "AWS CodePipeline".to_owned(),
            entities: vec![entity.clone()],
            start_ms: Some(at),
            end_ms: Some(at),
            properties: announced
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Event::default()
        };
        self.problem_after(&event, &entity).await
    }

    /// A service of production, a flag of it that was set ten minutes ago, and the
    /// problem that followed.
    pub(crate) async fn bad_flag(&self, service: &str, tables: &Tables) -> anyhow::Result<Problem> {
        let entity = format!("SERVICE-{:016X}", 0xF000 + service.len());
        let described = self.tenant.service(&entity, service);
        described.tag("DeploymentGroup", GROUP).add();
        let name = flag_of(service);
        let at = self.now() - SignedDuration::from_mins(10);
        let flags = self.flags(tables);
        let set = flags.set(SET).await?;
        let file = json!({"flags": {name.as_str(): {
            "type": "integer", "default": 5, "min": 0, "max": 100,
            "touches": {"etype": "SERVICE", "tags": [{"key": "DeploymentGroup", "value": GROUP}]},
        }}});
        let mut declared = flags::read(&file.to_string())
            .declarations
            .context("the file is wrong")?;
        if let Some(set) = &set {
            declared.flags.extend(set.declarations.flags.clone());
        }
        let stored = flags.declare(SET, &declared, set.as_ref()).await?;
        ensure!(stored != Declared::Moved, "the flag is not declared");

        let request = Request {
            change: format!("change-{name}"),
            batch: None,
            by: Author {
                name: "Ann".to_owned(),
                kind: AuthorKind::Person,
            },
            why: "a measurement".to_owned(),
            triggered_by: "manual".to_owned(),
            problem: None,
            expected: None,
        };
        let to = FlagEvent::Set {
            to: Target::Value(Value::Integer(50)),
            term: Term::Stays,
        };
        let untouched = State::default();
        let decide = |found: &Found| {
            let set = found.set.as_ref().expect("it was declared");
            let situation = Situation {
                set: SET,
                flag: &set.declarations.flags[&name],
                state: set.states.get(&name).unwrap_or(&untouched),
                now: at,
            };
            let Outcome::Written(transition) = step(situation, &request, &to) else {
                return Decision::Leave(());
            };
            let commit = Commit {
                flags: vec![(name.clone(), *transition)],
                ..Commit::default()
            };
            Decision::Write(commit, ())
        };
        flags.change(SET, None, at, decide).await?;

        let properties = [
            ("flag.set", SET),
            ("feature.flag", &name),
            ("change.id", &request.change),
            ("change.version", "1"),
        ];
        let event = Event {
            kind: EventKind::Configuration,
            title: "Feature Flag Changed".to_owned(),
            entities: vec![entity.clone()],
            start_ms: Some(at.as_millisecond()),
            end_ms: Some(at.as_millisecond()),
            source: "Unbreakable".to_owned(),
            properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Event::default()
        };
        self.problem_after(&event, &entity).await
    }

    /// The problem of an entity that follows what is announced on it.
    async fn problem_after(&self, event: &Event, entity: &str) -> anyhow::Result<Problem> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        let announced = self.dynatrace()?.announce(event, deadline).await?;
        ensure!(
            matches!(announced, Announced::Attached { attached: 1, .. }),
            "the change was not announced: {announced:?}"
        );
        let problem = self.tenant.problem("Failure rate increase");
        Ok(problem.impacts(entity).open())
    }

    /// Whether the flag of a service was taken back.
    pub(crate) async fn is_restored(&self, service: &str, tables: &Tables) -> anyhow::Result<bool> {
        let history = self.flags(tables).history(SET, &flag_of(service)).await?;
        let last = history.last().map(|entry| &entry.record.cause);
        Ok(last == Some(&Cause::TakenBack))
    }

    /// How many deployments of a service answer a problem.
    pub(crate) fn heals(&self, service: &str) -> usize {
        let history = self.aws.codedeploy().history(service, GROUP);
        let marked = |deployment: &Deployment| {
            let description = deployment.description.as_deref();
            description.is_some_and(|text| text.contains("[unbreakable:"))
        };
        history.map_or(0, |history| {
            history.iter().filter(|one| marked(one)).count()
        })
    }

    fn dynatrace(&self) -> anyhow::Result<Dynatrace> {
        let tenant = dynatrace::Tenant {
            url: self.tenant.url(),
            token: SecretString::from(self.tenant.token()),
            api: Api::V2,
            calls_in_flight: 1,
            calls_per_minute: None,
        };
        Ok(Dynatrace::new(reqwest::Client::new(), tenant)?)
    }
}

/// The flag that a service is about.
fn flag_of(service: &str) -> String {
    format!("percent{}", service.len())
}

/// The problem ended, and nobody looks at it any more.
pub(crate) fn end(problem: &Problem) {
    problem.resolve(real_time().as_millisecond());
}

/// The request by which the tenant tells of a problem.
pub(crate) fn notification(problem: &Problem) -> Json {
    let body = json!({
        "PID": problem.id(), "State": "OPEN", "ProblemID": problem.display_id(),
        "ProblemTitle": "Failure rate increase", "ImpactedEntities": [],
    });
    json!({
        "version": "2.0",
        "headers": {"x-unbreakable-token": WEBHOOK_TOKEN},
        "requestContext": {"http": {"method": "POST", "path": "/HandleDynatraceProblem"}},
        "body": body.to_string(),
    })
}

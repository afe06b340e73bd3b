//! A production group with a history, a tenant that notices, and the function
//! that answers, at the story's own time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use delivery::bundle::Bundles;
use delivery::codedeploy::CodeDeploy;
use dynatrace::{Announced, Api, Event, EventKind};
use fake_aws::codedeploy::{Creator, Deployment, GroupOptions, Revision};
use fake_dynatrace::Problem;
use jiff::SignedDuration;
use release::change::Place;
use release::deployment::{Group, Standing};
use release::problem;
use release::remediation::{Guard, State};
use serde_json::{Value, json};
use tokio::time::Instant;
use workflows::Tick;
use workflows::handle_problem::explain::{Asked, Explained, explain};
use workflows::handle_problem::{
    Automation, Clients, Connected, Healing, LookResult, Notified, Services, Ticked,
    handle_problems, notified,
};
use workflows::push_deployment_event::UNSURE;

use crate::world::{PRODUCTION, World};

pub(crate) const APPLICATION: &str = "SampleDevOpsApp";
pub(crate) const GROUP: &str = "Production";
pub(crate) const BUCKET: &str = "bundles";

/// A Monday morning on which something was released.
pub(crate) struct Scene {
    pub world: World,
    pub healing: Healing,
    pub automation: Arc<Automation>,
}

impl Scene {
    /// The group exists, nothing was deployed to it.
    pub(crate) async fn set(api: Api) -> Self {
        let world = World::start(api).await;
        let scene = Self {
            world,
            healing: Healing::default(),
            automation: Arc::default(),
        };
        scene.group(GroupOptions::default());
        scene
    }

    /// Gives the group other options for its later deployments.
    /// What keeps the group from being healed in a circle.
    pub(crate) async fn guard(&self) -> Guard {
        let place = Place::Group(group());
        self.world.ledger.guard(&place).await.unwrap()
    }

    pub(crate) fn group(&self, options: GroupOptions) {
        let codedeploy = self.world.aws.codedeploy();
        codedeploy.application(APPLICATION);
        codedeploy.group(APPLICATION, GROUP, options).unwrap();
    }

    pub(crate) fn minutes(&mut self, minutes: i64) {
        self.world.advance(SignedDuration::from_mins(minutes));
    }

    /// Deploys a bundle of this name, without a word to the tenant.
    pub(crate) fn deploy(&self, name: &str) -> String {
        let s3 = self.world.aws.s3();
        if s3.get(BUCKET, name).is_none() {
            s3.put(BUCKET, name, name.to_owned().into_bytes());
        }
        let revision = Revision::s3(BUCKET, name);
        let codedeploy = self.world.aws.codedeploy();
        codedeploy
            .deploy_by_person(APPLICATION, GROUP, revision)
            .unwrap()
    }

    /// Says on these entities that a deployment was made.
    pub(crate) async fn announce(&self, deployment: &str, entities: &[&str]) {
        self.announce_in(GROUP, deployment, entities).await;
    }

    pub(crate) async fn announce_in(&self, group: &str, deployment: &str, entities: &[&str]) {
        self.announce_with(&[], group, deployment, entities).await;
    }

    /// The same of a stage that deploys to several groups which nothing tells
    /// apart.
    pub(crate) async fn announce_unsurely(&self, group: &str, deployment: &str, entities: &[&str]) {
        let unsure = [(UNSURE, "true")];
        self.announce_with(&unsure, group, deployment, entities)
            .await;
    }

    async fn announce_with(
        &self,
        more: &[(&str, &str)],
        group: &str,
        deployment: &str,
        entities: &[&str],
    ) {
        let properties = [
            ("CodeDeploy.Application", APPLICATION),
            ("CodeDeploy.DeploymentGroup", group),
            ("CodeDeploy.DeploymentId", deployment),
        ];
        let properties = properties.iter().chain(more);
        let event = Event {
            kind: EventKind::Deployment,
            title: "Deploy".to_owned(),
            entities: entities.iter().map(|id| (*id).to_owned()).collect(),
            start_ms: Some(self.world.now.as_millisecond()),
            end_ms: Some(self.world.now.as_millisecond()),
            source: "AWS CodePipeline".to_owned(),
            name: Some("Deploy".to_owned()),
            version: Some("1".to_owned()),
            properties: properties
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            ..Event::default()
        };
        let deadline = Instant::now() + Duration::from_secs(5);
        let announced = self.world.dynatrace().announce(&event, deadline).await;
        assert!(
            matches!(announced.unwrap(), Announced::Attached { attached, .. } if attached == entities.len())
        );
    }

    /// A release as a pipeline makes it: deployed and announced.
    pub(crate) async fn release(&self, name: &str) -> String {
        let id = self.deploy(name);
        self.announce(&id, &[PRODUCTION]).await;
        id
    }

    /// The usual beginning: a good release an hour ago, a bad one a quarter of
    /// an hour ago, and a problem since ten minutes after that.
    pub(crate) async fn bad_release(&mut self) -> (String, String, Problem) {
        let good = self.release("good").await;
        self.minutes(45);
        let bad = self.release("bad").await;
        self.minutes(10);
        let problem = self.problem().open();
        self.minutes(5);
        (good, bad, problem)
    }

    pub(crate) fn problem(&self) -> fake_dynatrace::ProblemBuilder {
        let tenant = &self.world.tenant;
        tenant.problem("Failure rate increase").impacts(PRODUCTION)
    }

    /// What the tenant sends about a problem.
    pub(crate) fn body(problem: &Problem, state: &str) -> Value {
        json!({
            "PID": problem.id(), "State": state, "ProblemID": problem.display_id(),
            "ProblemTitle": "Failure rate increase",
            "ImpactedEntities": [
                {"type": "SERVICE", "name": "SampleJSonService", "entity": PRODUCTION},
            ],
        })
    }

    /// A notification arrives.
    pub(crate) async fn notify(&self, problem: &Problem, state: &str) -> Notified {
        self.receive(&Self::body(problem, state)).await
    }

    pub(crate) async fn receive(&self, body: &Value) -> Notified {
        let services = self.services();
        let connect = async || Ok(self.connected());
        let tick = self.tick_in(Duration::from_secs(25));
        notified(
            &services,
            connect,
            body.to_string().as_bytes(),
            tick,
            &|_| (),
        )
        .await
        .unwrap()
    }

    /// One event of the schedule.
    pub(crate) async fn tick(&self) -> Ticked {
        self.try_tick().await.unwrap()
    }

    pub(crate) async fn try_tick(&self) -> anyhow::Result<Ticked> {
        let services = self.services();
        let tick = self.tick_in(Duration::from_secs(25));
        let connect = async || Ok(self.connected());
        let handled = handle_problems(&services, connect, tick, &|_| ()).await;
        handled.map(|handled| handled.ticked)
    }

    /// Ticks once a minute for so many minutes.
    pub(crate) async fn ticks(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.minutes(1);
            self.tick().await;
        }
    }

    pub(super) fn tick_in(&self, time: Duration) -> Tick {
        Tick {
            now: self.world.now,
            began: Instant::now(),
            deadline: Instant::now() + time,
            lease_until: self
                .world
                .now
                .saturating_add(SignedDuration::from_secs(35))
                .unwrap(),
        }
    }

    pub(crate) fn services(&self) -> Services {
        let sdk = self.world.aws.sdk_config();
        let s3 = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true);
        Services {
            ledger: self.world.ledger.clone(),
            remediations: self.world.remediations.clone(),
            clients: Clients {
                codedeploy: CodeDeploy::new(aws_sdk_codedeploy::Client::new(&sdk)),
                bundles: Bundles::new(aws_sdk_s3::Client::from_conf(s3.build())),
                flags: Some(self.world.flags.clone()),
            },
            healing: self.healing.clone(),
        }
    }

    pub(crate) fn connected(&self) -> Connected {
        Connected {
            tenant: self.world.dynatrace(),
            automation: Arc::clone(&self.automation),
            links: self.world.connected().links,
        }
    }

    /// All items of all tables, and every call that changes something at AWS.
    pub(crate) async fn everything(&self) -> (Vec<String>, Vec<usize>) {
        let mut items = Vec::new();
        for table in ["validations", "ledger", "remediations", "flags"] {
            let found = self.world.tables().scan().table_name(table).send().await;
            let found = found.unwrap().items.unwrap_or_default();
            let sorted = found.into_iter().map(|item| {
                let item: BTreeMap<_, _> = item.into_iter().collect();
                format!("{table}: {item:?}")
            });
            items.extend(sorted);
        }
        items.sort();
        let calls = ["CreateDeployment", "StopDeployment", "PutApprovalResult"];
        let calls = calls.map(|call| self.world.aws.calls(call));
        (items, calls.to_vec())
    }

    /// What `monspec heal explain` says of a problem.
    pub(crate) async fn explained(&self, problem: &Problem) -> Explained {
        let asked = Asked::Problem(problem.id().to_owned());
        self.explain(asked).await.unwrap()
    }

    /// What follows from a problem, as `monspec heal explain` says it.
    pub(crate) async fn told(&self, problem: &Problem) -> String {
        self.explained(problem).await.outcome
    }

    pub(crate) async fn explain(&self, asked: Asked) -> Option<Explained> {
        let tick = self.tick_in(Duration::from_secs(25));
        let (services, connected) = (self.services(), self.connected());
        // On the heap: several requests under way are too large for a stack.
        let explained = Box::pin(explain(&services, &connected, &asked, tick)).await;
        explained.unwrap()
    }

    /// A problem as it is stored.
    pub(crate) async fn stored(&self, problem: &Problem) -> problem::Problem {
        let stored = self.world.remediations.problem(problem.id()).await.unwrap();
        stored.unwrap()
    }

    /// The state of a problem's only remediation.
    pub(crate) async fn state(&self, problem: &Problem) -> State {
        let stored = self.stored(problem).await;
        let [remediation] = stored.remediations.as_slice() else {
            panic!("expected one remediation: {stored:?}");
        };
        remediation.state.clone()
    }

    /// The texts on a problem, the oldest first.
    pub(crate) fn comments(&self, problem: &Problem) -> Vec<String> {
        let comments = self.world.tenant.comments(problem.id());
        comments.into_iter().map(|comment| comment.text).collect()
    }

    /// The deployments that were made to answer problems, the oldest first.
    pub(crate) fn heals(&self) -> Vec<Deployment> {
        let codedeploy = self.world.aws.codedeploy();
        let history = codedeploy.history(APPLICATION, GROUP).unwrap();
        let marked = |deployment: &Deployment| {
            let description = deployment.description.as_deref();
            description.is_some_and(|text| text.contains("[unbreakable:"))
        };
        let mut heals: Vec<_> = history.into_iter().filter(marked).collect();
        heals.reverse();
        heals
    }

    /// The name of the bundle that a deployment deploys.
    pub(crate) fn bundle(deployment: &Deployment) -> String {
        match &deployment.revision {
            Revision::S3(bundle) => bundle.key.clone(),
            other => panic!("not a bundle: {other:?}"),
        }
    }

    /// The names of the bundles that were deployed to answer problems.
    pub(crate) fn healed_to(&self) -> Vec<String> {
        self.heals().iter().map(Self::bundle).collect()
    }

    pub(crate) async fn standing(&self, deployment: &str) -> Standing {
        let entry = self.world.ledger.entry(&group(), deployment).await;
        entry.unwrap().unwrap().standing
    }

    /// The deployments that `CodeDeploy` made by itself.
    pub(crate) fn rollbacks(&self) -> Vec<Deployment> {
        let codedeploy = self.world.aws.codedeploy();
        let history = codedeploy.history(APPLICATION, GROUP).unwrap();
        let own = |deployment: &Deployment| deployment.creator == Creator::Rollback;
        history.into_iter().filter(own).collect()
    }
}

/// The deployment whose revision an answer deploys again.
pub(crate) fn healed_by(state: &State) -> Option<String> {
    match state {
        State::Intended(heal) | State::UnderWay { heal, .. } | State::Healed { heal, .. } => {
            Some(heal.remedy.id().to_owned())
        }
        _ => None,
    }
}

pub(crate) fn group() -> Group {
    Group {
        application: APPLICATION.to_owned(),
        name: GROUP.to_owned(),
    }
}

/// The look of a notification that was worked on.
pub(crate) fn worked(notified: Notified) -> LookResult {
    match notified {
        Notified::Worked(look) => *look,
        other => panic!("nobody worked on it: {other:?}"),
    }
}

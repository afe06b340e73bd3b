//! A shop around a deployed stack: its pipeline, its groups and its tenant.

use std::time::Duration;

use anyhow::Context as _;
use dynatrace::{Api, Dynatrace, Event, EventKind};
use fake_aws::Aws;
use fake_aws::codedeploy::{Deployment, GroupOptions, Revision};
use fake_aws::pipeline::{ApprovalView, PipelineSpec, SourceRevision, Stage};
use fake_dynatrace::{Requests, Tenant};
use jiff::{SignedDuration, Timestamp};
use lab::world::until;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::account::Account;

pub(crate) const PIPELINE: &str = "shop";
pub(crate) const COMPARISON: &str = "StagingToProduction";
pub(crate) const APPLICATION: &str = "SampleDevOpsApp";
pub(crate) const STAGING: &str = "SERVICE-00000000000000A1";
pub(crate) const PRODUCTION: &str = "SERVICE-00000000000000B1";

/// A service that no pipeline deploys to.
pub(crate) const PROMOTED: &str = "SERVICE-00000000000000C1";

/// That of this machine, which runs the functions.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "Architecture=arm64"
} else {
    "Architecture=x86_64"
};

/// The schedule comes once a minute, at the earliest a minute after it was made.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// The account, and what is not deployed but spoken to.
pub(crate) struct Shop {
    pub(crate) aws: Aws,
    pub(crate) tenant: Tenant,
    pub(crate) account: Account,
}

impl Shop {
    /// A pipeline, its groups, two services that behave alike, and an account
    /// with nothing in it.
    pub(crate) async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let aws = Aws::start().await.unwrap();
        let tenant = Tenant::start().await.unwrap();
        let account = Account::start(aws.url()).await;
        let shop = Self {
            aws,
            tenant,
            account,
        };
        shop.aws.codedeploy().application(APPLICATION);
        for (id, environment) in [(STAGING, "Staging"), (PRODUCTION, "Production")] {
            let service = shop.tenant.service(id, "SampleJSonService");
            let service = service.tag("DeploymentGroup", environment);
            service.tag("Live", "yes").add();
            shop.group(environment, SignedDuration::from_millis(300));
            shop.behaves(id, 100);
        }
        let promoted = shop.tenant.service(PROMOTED, "SampleJSonService");
        promoted.tag("Live", "yes").add();
        shop.runs(&[REGISTER]);
        shop
    }

    /// Deploys the stack for the first time, with these parameters.
    pub(crate) async fn deploy(&mut self, token: &str, parameters: &[&str]) {
        let (succeeds, said) = self.try_deploy(token, parameters, &[]);
        assert!(succeeds, "{said}");
        assert!(!said.contains(token), "the token is shown");
        self.account.tell_no_secrets_apart().await;
    }

    /// The same with more arguments, whether it succeeds or not.
    pub(crate) fn try_deploy(
        &mut self,
        token: &str,
        parameters: &[&str],
        more: &[&str],
    ) -> (bool, String) {
        let tenant = self.tenant.url();
        let mut words = vec!["--no-build", "--tenant", &tenant, "--pipeline", PIPELINE];
        for parameter in [&[ARCHITECTURE], parameters].concat() {
            words.extend(["--set", parameter]);
        }
        words.extend(more);
        self.account.try_infra("deploy", token, &words)
    }

    /// From now on deployments to a group take this long.
    pub(crate) fn group(&self, name: &str, duration: SignedDuration) {
        let options = GroupOptions {
            duration,
            ..GroupOptions::default()
        };
        let codedeploy = self.aws.codedeploy();
        codedeploy.group(APPLICATION, name, options).unwrap();
    }

    /// A service takes so many milliseconds for a request, from a minute ago
    /// until in ten minutes.
    pub(crate) fn behaves(&self, service: &str, milliseconds: u32) {
        let (from, to) = (now() - 60_000, now() + 10 * 60_000);
        let requests = Requests::over(from, to, 2_400, f64::from(milliseconds) * 1_000.0);
        self.tenant.forget_data(service);
        self.tenant.requests(service, None, requests);
    }

    /// The pipeline is made anew: staging is deployed, then these actions call
    /// their functions, then staging is approved.
    pub(crate) fn runs(&self, actions: &[Action<'_>]) {
        self.calls(actions, |function| format!("unbreakable-{function}"));
    }

    /// The same, where the functions are called by other names.
    pub(crate) fn calls(&self, actions: &[Action<'_>], named: impl Fn(&str) -> String) {
        let mut staging = Stage::new("Staging").deploy("Deploy", APPLICATION, "Staging", 1);
        for (order, (name, function, parameters)) in (2..).zip(actions) {
            staging = staging.lambda(name, &named(function), parameters, order, Some("Monspec"));
            if *name == "Publish" {
                staging = staging.output_artifact("Evidence");
            }
        }
        // Nobody lets it into production, which is deployed to by hand here.
        let pipeline = PipelineSpec::new(PIPELINE)
            .stage(staging)
            .stage(Stage::new("Approve").approval("ApproveStaging"))
            .stage(Stage::new("Wait").approval("ApproveByHand"))
            .stage(Stage::new("Production").deploy("Deploy", APPLICATION, "Production", 1));
        self.aws.pipelines().create(pipeline);
        self.aws
            .pipelines()
            .continuation_interval(SignedDuration::ZERO);
    }

    /// A build goes as far as to its first call of a function.
    pub(crate) async fn release(&self, revision: &str) -> anyhow::Result<String> {
        let source = SourceRevision::new(revision, "Change the cart");
        let source = source.artifact("Monspec", monspec().to_string());
        let execution = self.aws.pipelines().start(PIPELINE, source)?;
        self.is_deployed("Staging").await?;
        Ok(execution)
    }

    /// How the approval of a build stands.
    pub(crate) fn approval(&self, execution: &str) -> anyhow::Result<ApprovalView> {
        let pipelines = self.aws.pipelines();
        Ok(pipelines.approval(PIPELINE, "Approve", "ApproveStaging", execution)?)
    }

    /// Begins to deploy a bundle of this name.
    pub(crate) fn begin(&self, group: &str, name: &str) -> anyhow::Result<String> {
        self.begin_as(group, name, |bundle| bundle)
    }

    /// The same with a revision that says more of its bundle.
    fn begin_as(
        &self,
        group: &str,
        name: &str,
        revision: impl Fn(Revision) -> Revision,
    ) -> anyhow::Result<String> {
        self.aws.s3().put("bundles", name, name.to_owned());
        let revision = revision(Revision::s3("bundles", name));
        let codedeploy = self.aws.codedeploy();
        Ok(codedeploy.deploy_by_person(APPLICATION, group, revision)?)
    }

    /// Deploys a bundle of this name to its end.
    pub(crate) async fn deployed(&self, group: &str, name: &str) -> anyhow::Result<String> {
        self.deployed_as(group, name, |bundle| bundle).await
    }

    /// The same with a revision that says more of its bundle.
    pub(crate) async fn deployed_as(
        &self,
        group: &str,
        name: &str,
        revision: impl Fn(Revision) -> Revision,
    ) -> anyhow::Result<String> {
        let made = self.begin_as(group, name, revision)?;
        self.is_deployed(group).await?;
        Ok(made)
    }

    /// Waits until nothing is deployed to a group any more.
    pub(crate) async fn is_deployed(&self, group: &str) -> anyhow::Result<()> {
        let free = async || self.is_free(group);
        until("the group to be free", PATIENCE, free).await
    }

    pub(crate) fn is_free(&self, group: &str) -> bool {
        let codedeploy = self.aws.codedeploy();
        codedeploy.active(APPLICATION, group).unwrap().is_none()
    }

    /// Tells the tenant of a deployment to what carries the name of a group.
    pub(crate) async fn announce(&self, entity: &str, group: &str, made: &str) {
        let properties = [
            ("CodeDeploy.Application", APPLICATION),
            ("CodeDeploy.DeploymentGroup", group),
            ("CodeDeploy.DeploymentId", made),
        ];
        let event = Event {
            kind: EventKind::Deployment,
            title: "Deploy".to_owned(),
            name: Some("Deploy".to_owned()),
            version: Some("1".to_owned()),
            source: "AWS CodePipeline".to_owned(),
            entities: vec![entity.to_owned()],
            properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
            ..Event::default()
        };
        self.tell(&event).await;
    }

    /// Says on an entity that a flag got its first other value.
    pub(crate) async fn announce_flag(&self, entity: &str, flag: &str, change: &str) {
        let properties = [
            ("flag.set", "prod"),
            ("feature.flag", flag),
            ("change.id", change),
            ("change.version", "1"),
        ];
        let event = Event {
            kind: EventKind::Configuration,
            title: format!("Feature Flag Changed: {flag}"),
            source: "Unbreakable".to_owned(),
            entities: vec![entity.to_owned()],
            properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
            ..Event::default()
        };
        self.tell(&event).await;
    }

    async fn tell(&self, event: &Event) {
        let tenant = dynatrace::Tenant {
            url: self.tenant.url(),
            token: SecretString::from(self.tenant.token()),
            api: Api::V2,
            calls_in_flight: 1,
            calls_per_minute: None,
        };
        let tenant = Dynatrace::new(reqwest::Client::new(), tenant).unwrap();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let _ = tenant.announce(event, deadline).await.unwrap();
    }

    /// What was deployed to production because of a problem.
    pub(crate) fn heals(&self) -> Vec<Deployment> {
        let history = self.aws.codedeploy().history(APPLICATION, "Production");
        let marked = |deployment: &Deployment| {
            let description = deployment.description.as_deref();
            description.is_some_and(|text| text.contains("[unbreakable:"))
        };
        history.unwrap().into_iter().filter(marked).collect()
    }

    /// The part of a link in an approval that comes after the address of the
    /// report.
    pub(crate) fn link(&self, summary: &str) -> anyhow::Result<String> {
        let report = self.account.output("ReportUrl");
        let (_, link) = summary.split_once(&report).context("there is no link")?;
        let link = link.split_whitespace().next();
        Ok(link.unwrap_or_default().to_owned())
    }
}

/// An action of the pipeline: its name, its function, its parameters.
pub(crate) type Action<'a> = (&'a str, &'a str, &'a str);

/// Asks for a verdict on staging.
pub(crate) const REGISTER: Action<'_> = (
    "Register",
    "register-validation",
    r#"{"comparison": "StagingToProduction", "window": "1s", "approvalAction": "ApproveStaging"}"#,
);

#[expect(
    clippy::disallowed_methods,
    reason = "what is deployed reads the real clock"
)]
pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// The notification of a problem on production, in the state that it is sent with.
pub(crate) fn notification(problem: &fake_dynatrace::Problem, state: &str) -> Value {
    json!({
        "PID": problem.id(), "State": state, "ProblemID": problem.display_id(),
        "ProblemTitle": "Failure rate increase",
        "ImpactedEntities": [
            {"type": "SERVICE", "name": "SampleJSonService", "entity": PRODUCTION},
        ],
    })
}

fn monspec() -> Value {
    json!({
        "SampleJSonService": {
            "etype": "SERVICE",
            "environments": {
                "Staging": {"tags": [{"key": "DeploymentGroup", "value": "Staging"}]},
                "Production": {"tags": [{"key": "DeploymentGroup", "value": "Production"}]},
            },
            "comparisons": [{
                "name": COMPARISON, "source": "Staging", "compare": "Production",
                "scalefactorperc": {"default": 15},
            }],
            "perfsignature": [
                {"timeseries": "com.dynatrace.builtin:service.responsetime", "aggregate": "avg"},
            ],
        },
    })
}

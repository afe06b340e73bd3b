//! A pipeline, a tenant and a database, and validations that are ripe.
//!
//! The functions read the real clock, and nobody waits out five minutes in a
//! benchmark: what is to be ripe is registered in the past.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use delivery::job::{Answer, JobEvent};
use dynatrace::{Announced, Api, Dynatrace, Event, EventKind};
use jiff::{SignedDuration, Timestamp};
use lab::aws::Aws;
use lab::codedeploy::{Deployment, GroupOptions, Revision};
use lab::dynamo::Dynamo;
use lab::pipeline::{ApprovalStatus, Job, PipelineSpec, SourceRevision, Stage};
use lab::runtime::{self, Function, Invocation};
use lab::ssm::Kind;
use lab::tenant::{Problem, Requests, Tenant};
use release::evidence::Evidence;
use release::link::{Keys, Scope};
use release::validation::{ExecutionMode, Judgement, Registrant, Registration, ValidationId};
use release::window::Window;
use secrecy::SecretString;
use serde_json::{Value, json};
use store::{Claimed, Spec, Store, tables};
use workflows::outgoing::Outgoing;
use workflows::register_validation::{
    Hooks, Outcome, Request, Services, Settings, register_validation,
};

use crate::report::{VERDICT, point};

const STAGING: &str = "SERVICE-00000000000000A1";
const PRODUCTION: &str = "SERVICE-00000000000000B1";
/// The deployment group that production is.
const GROUP: &str = "Production";

const METHOD: &str = "/api/invoke";

/// The monspec that the product hands to its users.
const SAMPLE: &str = include_str!("../../../monspec/examples/monspec.json");

const WEBHOOK_TOKEN: &str = "the-secret-that-notifications-carry";

const KEYS: &str = "a:the-key-that-signs-links-to-reports-here";

/// Everything around the functions.
pub(crate) struct World {
    pub(crate) aws: Aws,
    pub(crate) tenant: Tenant,
    pub(crate) dynamo: Dynamo,
    now: Timestamp,
}

/// Long enough ago for a window of five minutes and Dynatrace's delay.
pub(crate) const RIPE: i64 = 20;

/// The tables of one measurement, so that no measurement sees the rows of
/// another one.
#[derive(Clone)]
pub(crate) struct Tables {
    pub(crate) validations: String,
    pub(crate) ledger: String,
    remediations: String,
}

/// A pipeline that waits at its gate.
pub(crate) struct Gate {
    pipeline: String,
    execution: String,
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let aws = Aws::start().await?;
        let tenant = Tenant::start().await?;
        let now = real_time();
        let world = Self {
            dynamo: Dynamo::start().await?,
            aws,
            tenant,
            now,
        };
        world.aws.set_now(now);
        for (name, value) in [
            ("/dt/token", world.tenant.token()),
            ("/report/keys", KEYS),
            ("/webhook/token", WEBHOOK_TOKEN),
        ] {
            world.aws.ssm().put(name, Kind::SecureString, value);
        }
        world.run_services();
        Ok(world)
    }

    /// The same load on both environments, so that builds pass.
    fn run_services(&self) {
        for (id, method, environment) in [
            (STAGING, "SERVICE_METHOD-00000000000000A1", "Staging"),
            (PRODUCTION, "SERVICE_METHOD-00000000000000B1", "Production"),
        ] {
            self.tenant
                .service(id, "SampleJSonService")
                .tag("DeploymentGroup", environment)
                .calls("SERVICE-00000000000000C1")
                .method(method, METHOD)
                .add();
            let from = self.now - SignedDuration::from_hours(1);
            let (from, to) = (from.as_millisecond(), self.now.as_millisecond());
            let requests = Requests::over(from, to, 7_200, 100_000.0);
            self.tenant.requests(id, Some(method), requests);
        }
    }

    pub(crate) async fn tables(&self, name: &str) -> anyhow::Result<Tables> {
        let named = Tables {
            validations: format!("validations-{name}"),
            ledger: format!("ledger-{name}"),
            remediations: format!("remediations-{name}"),
        };
        let client = self.dynamo.client();
        tables::create(&client, tables::VALIDATIONS, &named.validations).await?;
        tables::create(&client, tables::LEDGER, &named.ledger).await?;
        tables::create(&client, tables::REMEDIATIONS, &named.remediations).await?;
        Ok(named)
    }

    /// The request of a reader who has the link to everything.
    pub(crate) fn start_page(&self) -> Value {
        let keys = Keys::parse(&SecretString::from(KEYS)).expect("the keys are good");
        let expiry = self.now + SignedDuration::from_hours(1);
        json!({
            "version": "2.0",
            "rawPath": "/",
            "rawQueryString": keys.sign(Scope::Start, expiry),
            "headers": {"accept": "text/html"},
            "requestContext": {"stage": "$default", "http": {"method": "GET", "path": "/"}},
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn store(&self, tables: &Tables) -> Store {
        Store::new(self.dynamo.client(), &tables.validations, &tables.ledger)
    }

    /// Builds that were judged, one an hour, the last one an hour ago.
    pub(crate) async fn history(
        &self,
        tables: &Tables,
        builds: usize,
        signatures: usize,
    ) -> anyhow::Result<()> {
        let store = self.store(tables);
        let spec = Spec::new(SAMPLE.to_owned());
        let answer = release::approval::answer(VERDICT, monspec::WhenInconclusive::Hold);
        for build in 0..builds {
            let ago = SignedDuration::from_hours(i64::try_from(builds - build)?);
            let registration = registered(self.now - ago, &spec);
            store.register(&registration, &spec, None).await?;
            let mut claimed = claim(&store, registration.due_at).await?;
            let judgement = Judgement {
                verdict: VERDICT,
                answer,
                summary: format!("{VERDICT}: {signatures} of {signatures} signatures held."),
                at: registration.due_at,
            };
            let evidence = Evidence {
                verdict: VERDICT,
                answer,
                reason: None,
                note: None,
                findings: Vec::new(),
                entities: BTreeMap::new(),
                judged_at: registration.due_at,
            };
            let plot: Vec<_> = (0..signatures).map(|one| point(one, build)).collect();
            store
                .judged(&mut claimed, judgement, &evidence, &plot)
                .await?;
            store.settle(claimed).await?;
        }
        Ok(())
    }

    /// A pipeline whose registering action was just started. It deploys an
    /// application of its own, so that nobody overtakes anybody's window.
    pub(crate) fn job(&self, pipeline: &str, monspec: &Value) -> anyhow::Result<(Job, Gate)> {
        let staging = Stage::new("Staging")
            .deploy("Deploy", pipeline, "Staging", 1)
            .lambda(
                "Register",
                "register-validation",
                "StagingToProduction,5,Approve",
                2,
                Some("Monspec"),
            );
        let pipelines = self.aws.pipelines();
        pipelines.create(
            PipelineSpec::new(pipeline)
                .stage(staging)
                .stage(Stage::new("Approve").approval("Approve")),
        );
        let source = SourceRevision::new("4f2a9c1", "Change the cart")
            .artifact("Monspec", monspec.to_string());
        let execution = pipelines.start(pipeline, source)?;
        let job = pipelines.next_job().context("no job was started")?;
        let gate = Gate {
            pipeline: pipeline.to_owned(),
            execution,
        };
        Ok((job, gate))
    }

    /// A pipeline whose announcing action was just started.
    pub(crate) fn announcing_job(&self, pipeline: &str) -> anyhow::Result<Job> {
        let staging = Stage::new("Staging")
            .deploy("Deploy", pipeline, "Staging", 1)
            .lambda(
                "Push",
                "push-deployment-event",
                "Staging,Measured",
                2,
                Some("Monspec"),
            );
        let pipelines = self.aws.pipelines();
        pipelines.create(PipelineSpec::new(pipeline).stage(staging));
        let source = SourceRevision::new("4f2a9c1", "Change the cart")
            .artifact("Monspec", sample().to_string());
        pipelines.start(pipeline, source)?;
        pipelines.next_job().context("no job was started")
    }

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
        for (bundle, minutes_ago) in [("good", 60), ("bad", 10)] {
            self.aws
                .set_now(self.now - SignedDuration::from_mins(minutes_ago));
            let key = format!("{service}-{bundle}.zip");
            self.aws.s3().put("bundles", &key, bundle);
            let revision = Revision::s3("bundles", &key);
            last = codedeploy.deploy_by_person(service, GROUP, revision)?;
        }
        self.aws.set_now(self.now);
        let announced = [
            ("CodeDeploy.Application", service),
            ("CodeDeploy.DeploymentGroup", GROUP),
            ("CodeDeploy.DeploymentId", &last),
        ];
        let at = (self.now - SignedDuration::from_mins(10)).as_millisecond();
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
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        let announced = self.dynatrace()?.announce(&event, deadline).await?;
        ensure!(
            matches!(announced, Announced::Attached { attached: 1, .. }),
            "the deployment was not announced: {announced:?}"
        );
        let problem = self.tenant.problem("Failure rate increase");
        Ok(problem.impacts(&entity).open())
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

    /// Registers a validation so long ago that it is ripe by now.
    pub(crate) async fn ripe(
        &self,
        pipeline: &str,
        monspec: &Value,
        tables: &Tables,
        minutes_ago: i64,
    ) -> anyhow::Result<Gate> {
        let past = self.now - SignedDuration::from_mins(minutes_ago);
        self.aws.set_now(past);
        let (job, gate) = self.job(pipeline, monspec)?;
        let event: JobEvent = serde_json::from_value(job.event)?;
        let services = self.registering(tables)?;
        let outcome = register_validation(&services, Request::Job(&event.job), past).await?;
        ensure!(
            matches!(outcome, Outcome::Waiting { .. }),
            "the registration was not accepted: {outcome:?}"
        );
        services
            .pipeline
            .report(&job.id, Answer::done("registered"))
            .await?;
        self.aws.set_now(self.now);
        Ok(gate)
    }

    fn registering(&self, tables: &Tables) -> anyhow::Result<Services> {
        let sdk = self.aws.sdk_config();
        Ok(Services {
            store: Store::new(self.dynamo.client(), &tables.validations, &tables.ledger),
            pipeline: CodePipeline::new(aws_sdk_codepipeline::Client::new(&sdk)),
            artifacts: Artifacts::new(aws_sdk_s3::Config::new(&sdk)),
            outgoing: Outgoing::new("")?,
            settings: Settings {
                ingest_delay: SignedDuration::from_secs(120),
                give_up_after: SignedDuration::from_hours(24),
                retention: SignedDuration::from_hours(24 * 90),
                hooks: Hooks::Off,
            },
        })
    }

    /// Starts a function in the environment that the deployment gives it.
    pub(crate) async fn function(
        &self,
        binary: &Path,
        tables: &Tables,
    ) -> anyhow::Result<Function> {
        self.function_on(binary, tables, self.dynamo.url()).await
    }

    /// The same with the database at another place.
    pub(crate) async fn function_on(
        &self,
        binary: &Path,
        tables: &Tables,
        database: &str,
    ) -> anyhow::Result<Function> {
        let tenant = self.tenant.url();
        let environment = [
            ("VALIDATIONS_TABLE", tables.validations.as_str()),
            ("LEDGER_TABLE", &tables.ledger),
            ("REMEDIATIONS_TABLE", &tables.remediations),
            ("WEBHOOK_TOKEN_PARAMETER", "/webhook/token"),
            ("AWS_ENDPOINT_URL", self.aws.url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", database),
            ("DT_TENANT_URL", &tenant),
            ("DT_API_TOKEN_PARAMETER", "/dt/token"),
            ("DT_BUILD_REPORT_URL", "https://report.example"),
            ("REPORT_KEYS_PARAMETER", "/report/keys"),
        ];
        Function::spawn(binary, &environment, runtime::Settings::default()).await
    }

    /// Fails unless the build behind this gate was approved: a number of a tick
    /// that judged nothing would be worth nothing.
    pub(crate) fn expect_approved(&self, gate: &Gate) -> anyhow::Result<()> {
        let approval =
            self.aws
                .pipelines()
                .approval(&gate.pipeline, "Approve", "Approve", &gate.execution)?;
        ensure!(
            approval.status == ApprovalStatus::Approved,
            "`{}` was not approved: {:?} {:?}",
            gate.pipeline,
            approval.status,
            approval.summary
        );
        Ok(())
    }
}

fn registered(at: Timestamp, spec: &Spec) -> Registration {
    Registration {
        id: ValidationId::new(at, [0; 10]),
        pipeline: "Long".to_owned(),
        execution: Some("3b2f1c9e-5c1d-4e8a-9b7e-2f6a1c0d9e84".to_owned()),
        mode: ExecutionMode::Superseded,
        registrant: Registrant::Direct,
        comparison: "StagingToProduction".to_owned(),
        window: Window::from_registration(at, SignedDuration::from_mins(5)),
        approval: None,
        spec: spec.hash().to_owned(),
        sources: Vec::new(),
        version: "4f2a9c1e77aa Change the cart".to_owned(),
        deployments: Vec::new(),
        compare_groups: Vec::new(),
        result_hook: None,
        registered_at: at,
        due_at: at + SignedDuration::from_mins(7),
        give_up_at: at + SignedDuration::from_hours(24),
        expires_at: at + SignedDuration::from_hours(24 * 90),
    }
}

async fn claim(store: &Store, due: Timestamp) -> anyhow::Result<Claimed> {
    for shard in 0..tables::SHARDS {
        if let Some(found) = store.due(shard, due, 1, None).await?.first() {
            let lease = due + SignedDuration::from_mins(1);
            return Ok(store.claim(found, "bench", due, lease).await?);
        }
    }
    anyhow::bail!("nothing is due")
}

/// One tick of the schedule, which must work on this many validations.
pub(crate) async fn tick(function: &Function, validations: usize) -> anyhow::Result<Invocation> {
    let invocation = function.invoke(json!({})).await?;
    let expected = json!({"worked": validations, "workLeft": false});
    ensure!(
        invocation.outcome == runtime::Outcome::Ok(expected),
        "the tick went wrong: {:?}\n{}",
        invocation.outcome,
        invocation.logs
    );
    Ok(invocation)
}

/// The problem ended, and nobody looks at it any more.
pub(crate) fn end(problem: &Problem) {
    problem.resolve(real_time().as_millisecond());
}

/// The request by which the tenant tells of a problem.
pub(crate) fn notification(problem: &Problem) -> Value {
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

/// The sample, without its comments.
pub(crate) fn sample() -> Value {
    serde_json::from_str(SAMPLE).expect("the sample is strict JSON")
}

/// The sample, judging one method as well.
pub(crate) fn with_methods() -> Value {
    let mut monspec = sample();
    monspec["SampleJSonService"]["servicemethods"] = json!([{
        "name": METHOD,
        "perfsignature": [
            {"timeseries": "com.dynatrace.builtin:servicemethod.responsetime", "aggregate": "avg"},
            {"timeseries": "com.dynatrace.builtin:servicemethod.responsetime", "aggregate": "max"},
        ],
    }]);
    monspec
}

/// The sample, counting the services called as well.
pub(crate) fn with_smartscape() -> Value {
    let mut monspec = sample();
    monspec["SampleJSonService"]["perfsignature"]
        .as_array_mut()
        .expect("the sample lists its signatures")
        .push(json!({"smartscape": "fromRelationships:calls", "validate": "upper"}));
    monspec
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark plays the outside world, which has a clock"
)]
fn real_time() -> Timestamp {
    Timestamp::now()
}

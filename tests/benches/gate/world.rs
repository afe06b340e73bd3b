//! A pipeline, a tenant and a database, and validations that are ripe.
//!
//! The functions read the real clock, and nobody waits out five minutes in a
//! benchmark: what is to be ripe is registered in the past.

use std::path::Path;

use anyhow::{Context as _, ensure};
use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use delivery::job::{Answer, JobEvent};
use fake_aws::Aws;
use fake_aws::codedeploy::{GroupOptions, Revision};
use fake_aws::dynamo::Dynamo;
use fake_aws::pipeline::{ApprovalStatus, Job, PipelineSpec, SourceRevision, Stage};
use fake_aws::ssm::Kind;
use fake_dynatrace::{Requests, Tenant};
use flags::Declarations;
use flags::key::{Key, KeyHolder, issue};
use jiff::{SignedDuration, Timestamp};
use lambda_host::runtime::{self, Function, Invocation};
use release::link::{Keys, Scope};
use release::validation::ValidationId;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use store::{Declared, Flags, Ledger, Validations, tables};
use workflows::outgoing::Outgoing;
use workflows::register_validation::{
    Hooks, Outcome, Request, Services, Settings, register_validation,
};

use crate::relay::{Host, Remotes};

const STAGING: &str = "SERVICE-00000000000000A1";
const PRODUCTION: &str = "SERVICE-00000000000000B1";

const METHOD: &str = "/api/invoke";

/// The monspec that the product hands to its users.
pub(crate) const SAMPLE: &str = include_str!("../../../monspec/examples/monspec.json");

pub(crate) const WEBHOOK_TOKEN: &str = "the-secret-that-notifications-carry";

/// The set of flags.
pub(crate) const SET: &str = "prod";

const KEYS: &str = "a:the-key-that-signs-links-to-reports-here";

/// Everything around the functions.
pub(crate) struct World {
    pub(crate) aws: Aws,
    pub(crate) tenant: Tenant,
    pub(crate) dynamo: Dynamo,
    now: Timestamp,
}

/// Long enough ago for a window of five minutes and Dynatrace's delay, and not so
/// long that CodePipeline has given the next job up.
pub(crate) const RIPE: i64 = 15;

/// The tables of one measurement, so that no measurement sees the rows of
/// another one.
#[derive(Clone)]
pub(crate) struct Tables {
    pub(crate) validations: String,
    pub(crate) ledger: String,
    remediations: String,
    pub(crate) flags: String,
}

/// A pipeline that waits at its gate.
pub(crate) struct Gate {
    pipeline: String,
    execution: String,
    /// The validation that was registered for it.
    pub(crate) validation: Option<ValidationId>,
}

/// What comes behind the registering action.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    /// An approval that the verdict answers.
    Approval,
    /// The same, and the action names its execution.
    Named,
    /// An action that publishes the verdict.
    Publication,
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
            flags: format!("flags-{name}"),
        };
        let client = self.dynamo.client();
        tables::create(&client, tables::VALIDATIONS, &named.validations).await?;
        tables::create(&client, tables::LEDGER, &named.ledger).await?;
        tables::create(&client, tables::REMEDIATIONS, &named.remediations).await?;
        tables::create(&client, tables::FLAGS, &named.flags).await?;
        Ok(named)
    }

    /// The request of a reader who has the link to everything.
    pub(crate) fn start_page(&self) -> Value {
        self.request("/", Scope::Start, "")
    }

    /// The request of a reader who has the link to a page.
    pub(crate) fn request(&self, path: &str, scope: Scope<'_>, parameters: &str) -> Value {
        let keys = Keys::parse(&SecretString::from(KEYS)).expect("the keys are good");
        let expiry = self.now + SignedDuration::from_hours(1);
        json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": format!("{parameters}{}", keys.sign(scope, expiry)),
            "headers": {"accept": "text/html"},
            "requestContext": {"stage": "$default", "http": {"method": "GET", "path": path}},
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn validations(&self, tables: &Tables) -> Validations {
        Validations::new(self.dynamo.client(), &tables.validations)
    }

    pub(crate) fn ledger(&self, tables: &Tables) -> Ledger {
        Ledger::new(self.dynamo.client(), &tables.ledger)
    }

    /// A pipeline whose registering action was just started. It deploys an
    /// application of its own, so that nobody overtakes anybody's window.
    pub(crate) fn job(
        &self,
        pipeline: &str,
        monspec: &Value,
        then: Then,
    ) -> anyhow::Result<(Job, Gate)> {
        let asked = match then {
            Then::Approval => "StagingToProduction,5,Approve",
            Then::Named => "StagingToProduction,5,Approve,#{codepipeline.PipelineExecutionId}",
            Then::Publication => "StagingToProduction,5",
        };
        let staging = Stage::new("Staging")
            .deploy("Deploy", pipeline, "Staging", 1)
            .lambda("Register", "register-validation", asked, 2, Some("Monspec"));
        let staging = match then {
            Then::Approval | Then::Named => staging,
            Then::Publication => staging
                .lambda("Publish", "publish-validation", "", 3, None)
                .output_artifact("Evidence"),
        };
        let codedeploy = self.aws.codedeploy();
        codedeploy.application(pipeline);
        codedeploy.group(pipeline, "Staging", GroupOptions::default())?;
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
            validation: None,
        };
        Ok((job, gate))
    }

    /// A notice of CodeDeploy about a deployment that nobody announced yet.
    pub(crate) fn notice(&self, application: &str) -> anyhow::Result<Value> {
        let codedeploy = self.aws.codedeploy();
        codedeploy.application(application);
        codedeploy.group(application, "Staging", GroupOptions::default())?;
        let key = format!("{application}.zip");
        self.aws.s3().put("bundles", &key, "new");
        let revision = Revision::s3("bundles", &key);
        let id = codedeploy.deploy_by_person(application, "Staging", revision)?;
        Ok(json!({
            "source": "aws.codedeploy",
            "detail-type": "CodeDeploy Deployment State-change Notification",
            "detail": {"deploymentId": id},
        }))
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

    /// Registers a validation so long ago that it is ripe by now.
    pub(crate) async fn ripe(
        &self,
        pipeline: &str,
        monspec: &Value,
        tables: &Tables,
        minutes_ago: i64,
    ) -> anyhow::Result<Gate> {
        self.registered(pipeline, monspec, tables, minutes_ago, Then::Approval)
            .await
    }

    /// The same with something else behind it.
    pub(crate) async fn registered(
        &self,
        pipeline: &str,
        monspec: &Value,
        tables: &Tables,
        minutes_ago: i64,
        then: Then,
    ) -> anyhow::Result<Gate> {
        let past = self.now - SignedDuration::from_mins(minutes_ago);
        self.aws.set_now(past);
        let (job, mut gate) = self.job(pipeline, monspec, then)?;
        let event: JobEvent = serde_json::from_value(job.event)?;
        let services = self.registering(tables)?;
        let outcome = register_validation(&services, Request::Job(&event.job), past).await?;
        let Outcome::Waiting { id, .. } = outcome else {
            anyhow::bail!("the registration was not accepted: {outcome:?}");
        };
        gate.validation = Some(id);
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
            validations: self.validations(tables),
            ledger: self.ledger(tables),
            pipeline: CodePipeline::new(aws_sdk_codepipeline::Client::new(&sdk)),
            artifacts: Artifacts::new(aws_sdk_s3::Config::new(&sdk)),
            outgoing: Outgoing::new("")?,
            behind: release::behind::Behind::default(),
            settings: Settings {
                ingest_delay: SignedDuration::from_secs(120),
                give_up_after: SignedDuration::from_hours(24),
                retention: SignedDuration::from_hours(24 * 90),
                hooks: Hooks::Off,
            },
        })
    }

    /// The request of an application for all of fifty flags, which are declared
    /// where they are not.
    pub(crate) async fn flags_bulk(&self, tables: &Tables) -> anyhow::Result<Value> {
        let authorization = self.flags_key(tables).await?;
        let body = json!({"context": {"targetingKey": "user-1", "country": "CA"}});
        Ok(post("/ofrep/v1/evaluate/flags", &authorization, &body))
    }

    /// Requests that change each of the fifty flags once.
    pub(crate) async fn flags_changed(&self, tables: &Tables) -> anyhow::Result<Vec<Value>> {
        let authorization = self.flags_key(tables).await?;
        let numbers: Vec<u32> = (0..50).collect();
        let requests = numbers.chunks(10).map(|numbers| {
            let flags = numbers.iter().map(|number| {
                let value = match number % 5 {
                    0 => json!(false),
                    1 => json!(number + 1),
                    2 => json!("another text"),
                    _ => json!(true),
                };
                (format!("flag{number}"), value)
            });
            let flags: serde_json::Map<_, _> = flags.collect();
            let body = json!({"flags": flags, "reason": "a measurement"});
            post("/api/remediation/bulk", &authorization, &body)
        });
        Ok(requests.collect())
    }

    /// What a key says that may read and change the fifty flags.
    async fn flags_key(&self, tables: &Tables) -> anyhow::Result<String> {
        let flags = self.flags(tables);
        if flags.set(SET).await?.is_none() {
            let declared = flags.declare(SET, &fifty("as declared"), None).await?;
            ensure!(
                declared == Declared::Stored(1),
                "the flags are not declared"
            );
        }
        let secret = issue("bench", [7; 32]);
        flags
            .put_key(&Key {
                id: "bench".to_owned(),
                name: "an application".to_owned(),
                holder: KeyHolder::Machine,
                secrets: vec![secret.hash],
                scopes: vec!["read:prod".parse()?, "change:prod".parse()?],
                expires: None,
            })
            .await?;
        Ok(format!("Bearer {}", secret.text.expose_secret()))
    }

    /// Changes the set of flags, so that whoever keeps it reads it again.
    pub(crate) async fn change_flags(&self, tables: &Tables) -> anyhow::Result<()> {
        let flags = self.flags(tables);
        let set = flags.set(SET).await?.context("nothing is declared")?;
        let declarations = fifty(&format!("after revision {}", set.revision));
        let declared = flags.declare(SET, &declarations, Some(&set)).await?;
        ensure!(declared != Declared::Moved, "the flags were not changed");
        Ok(())
    }

    pub(crate) fn flags(&self, tables: &Tables) -> Flags {
        Flags::new(self.dynamo.client(), &tables.flags)
    }

    /// What is between a function and everything that it asks.
    pub(crate) async fn remotes(&self) -> anyhow::Result<Remotes> {
        let (aws, tenant) = (self.aws.url(), self.tenant.url());
        Remotes::start(&[
            (Host::DynamoDb, self.dynamo.url()),
            (Host::CodePipeline, aws),
            (Host::CodeDeploy, aws),
            (Host::S3, aws),
            (Host::Ssm, aws),
            (Host::Tenant, &tenant),
        ])
        .await
    }

    /// Starts a function in the environment that the deployment gives it.
    pub(crate) async fn function(
        &self,
        binary: &Path,
        tables: &Tables,
    ) -> anyhow::Result<Function> {
        let elsewhere = [
            ("AWS_ENDPOINT_URL", self.aws.url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamo.url()),
            ("DT_TENANT_URL", &self.tenant.url()),
        ];
        spawn(binary, tables, &elsewhere).await
    }

    /// The same with relays in between, each service of AWS a host of its own.
    pub(crate) async fn function_through(
        &self,
        binary: &Path,
        tables: &Tables,
        remotes: &Remotes,
    ) -> anyhow::Result<Function> {
        let elsewhere = [
            ("AWS_ENDPOINT_URL_DYNAMODB", remotes.url(Host::DynamoDb)),
            (
                "AWS_ENDPOINT_URL_CODEPIPELINE",
                remotes.url(Host::CodePipeline),
            ),
            ("AWS_ENDPOINT_URL_CODEDEPLOY", remotes.url(Host::CodeDeploy)),
            ("AWS_ENDPOINT_URL_S3", remotes.url(Host::S3)),
            ("AWS_ENDPOINT_URL_SSM", remotes.url(Host::Ssm)),
            ("DT_TENANT_URL", remotes.url(Host::Tenant)),
        ];
        spawn(binary, tables, &elsewhere).await
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

fn post(path: &str, authorization: &str, body: &Value) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "headers": {"authorization": authorization, "content-type": "application/json"},
        "requestContext": {"stage": "$default", "http": {"method": "POST", "path": path}},
        "body": body.to_string(),
    })
}

/// Flags of each type, some of which split users or have a rule.
fn fifty(description: &str) -> Declarations {
    let flags = (0..50).map(|number| {
        let flag = match number % 5 {
            0 => json!({"type": "boolean", "default": true}),
            1 => json!({"type": "integer", "default": number, "min": 0, "max": 100}),
            2 => json!({"type": "string", "default": "a text of some length"}),
            3 => json!({
                "type": "boolean", "default": false,
                "rollout": {"variant": "on", "otherwise": "off", "percent": 25},
            }),
            _ => json!({
                "type": "boolean", "default": false,
                "targeting": {"if": [{"==": [{"var": "country"}, "CA"]}, "on", "off"]},
            }),
        };
        (format!("flag{number}"), flag)
    });
    let mut flags: serde_json::Map<_, _> = flags.collect();
    flags["flag0"]["description"] = description.into();
    let reading = flags::read(&json!({"flags": flags}).to_string());
    reading.declarations.expect("the file is good")
}

async fn spawn(
    binary: &Path,
    tables: &Tables,
    elsewhere: &[(&str, &str)],
) -> anyhow::Result<Function> {
    let here = [
        ("VALIDATIONS_TABLE", tables.validations.as_str()),
        ("LEDGER_TABLE", &tables.ledger),
        ("REMEDIATIONS_TABLE", &tables.remediations),
        ("FLAGS_TABLE", &tables.flags),
        ("WEBHOOK_TOKEN_PARAMETER", "/webhook/token"),
        ("DT_API_TOKEN_PARAMETER", "/dt/token"),
        ("DT_BUILD_REPORT_URL", "https://report.example"),
        ("REPORT_KEYS_PARAMETER", "/report/keys"),
    ];
    let environment = [&here, elsewhere].concat();
    Function::spawn(binary, &environment, runtime::Settings::default()).await
}

/// One tick of the schedule, which must work on this many validations.
pub(crate) async fn tick(function: &Function, validations: usize) -> anyhow::Result<Invocation> {
    let invocation = function.invoke(json!({})).await?;
    let expected = json!({"worked": validations, "workLeft": false});
    ensure!(
        invocation.outcome == runtime::InvocationOutcome::Ok(expected),
        "the tick went wrong: {:?}\n{}",
        invocation.outcome,
        invocation.logs
    );
    Ok(invocation)
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
pub(crate) fn real_time() -> Timestamp {
    Timestamp::now()
}

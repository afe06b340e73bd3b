//! A pipeline, a tenant and a database around the workflows, with a clock that
//! the story moves.
//!
//! Every remote is spoken to by its real client over HTTP. What the functions'
//! edges do, this does with the story's own `now`.

mod flags;

use std::sync::LazyLock;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use delivery::codedeploy::{CodeDeploy, Created, Redeployment};
use delivery::job::{Answer, JobEvent};
use delivery::pipeline::Target;
use dynatrace::{Api, Dynatrace};
use fake_aws::Aws;
use fake_aws::codedeploy::GroupOptions;
use fake_aws::dynamo::{Contended, Dynamo};
use fake_aws::pipeline::{
    ApprovalStatus, ApprovalView, Job, JobStatus, Mode, PipelineSpec, SourceRevision, Stage,
};
use fake_dynatrace::{Failed, Requests, Tenant};
use jiff::{SignedDuration, Timestamp};
use release::console::Console;
use release::evidence::Evidence;
use release::links::{LinkSettings, Links};
use release::pause::{Freeze, Target as Paused};
use release::remediation::MARKER;
use release::validation::{Validation, ValidationId};
use secrecy::SecretString;
use serde_json::{Value, json};
use store::{Flags, Ledger, Remediations, Validations, tables};
use tokio::time::Instant;
use workflows::Tick;
use workflows::outgoing::Outgoing;
use workflows::register_validation::{
    self, Hooks, Outcome, Request, Settings, register_validation,
};
use workflows::validate_builds::{Connected, Observed, Services, Ticked, validate_builds};

pub(crate) const PIPELINE: &str = "Sample";
pub(crate) const STAGING: &str = "SERVICE-00000000000000A1";
pub(crate) const PRODUCTION: &str = "SERVICE-00000000000000B1";
pub(crate) const GATE: &str = "StagingToProduction,5,ApproveStaging";
pub(crate) const HOOK_SECRET: &str = "the secret that signs what is posted";

/// Everything around one story.
pub(crate) struct World {
    pub aws: Aws,
    pub tenant: Tenant,
    pub validations: Validations,
    pub ledger: Ledger,
    pub remediations: Remediations,
    pub flags: Flags,
    pub now: Timestamp,
    pub api: Api,
    pub origins: String,
    pub behind: String,
    pub freeze: Freeze,
    token: String,
    dynamo: Dynamo,
}

impl World {
    /// A Monday morning: both environments exist, nothing was released.
    pub(crate) async fn start(api: Api) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let aws = Aws::start().await.unwrap();
        let dynamo = Dynamo::start().await.unwrap();
        let tenant = Tenant::start().await.unwrap();
        let client = dynamo.client();
        tables::create(&client, tables::VALIDATIONS, "validations")
            .await
            .unwrap();
        tables::create(&client, tables::LEDGER, "ledger")
            .await
            .unwrap();
        tables::create(&client, tables::REMEDIATIONS, "remediations")
            .await
            .unwrap();
        tables::create(&client, tables::FLAGS, "flags")
            .await
            .unwrap();
        let mut world = Self {
            validations: Validations::new(client.clone(), "validations"),
            ledger: Ledger::new(client.clone(), "ledger"),
            remediations: Remediations::new(client.clone(), "remediations"),
            flags: Flags::new(client, "flags"),
            token: tenant.token().to_owned(),
            aws,
            tenant,
            now: "2026-01-05T10:00:00Z".parse().unwrap(),
            api,
            origins: String::new(),
            behind: String::new(),
            freeze: Freeze::default(),
            dynamo,
        };
        world.at(world.now);
        for group in ["Staging", "Production"] {
            world.group("SampleDevOpsApp", group, GroupOptions::default());
        }
        for (id, environment) in [(STAGING, "Staging"), (PRODUCTION, "Production")] {
            world
                .tenant
                .service(id, "SampleJSonService")
                .tag("DeploymentGroup", environment)
                .add();
        }
        world
    }

    /// Declares a deployment group, or gives it other options for its later
    /// deployments.
    pub(crate) fn group(&self, application: &str, name: &str, options: GroupOptions) {
        let codedeploy = self.aws.codedeploy();
        codedeploy.application(application);
        codedeploy.group(application, name, options).unwrap();
    }

    /// Deploys what a group of the sample application was given first once more,
    /// as a heal that answers this deployment.
    pub(crate) async fn heal(&self, group: &str, culprit: &str) -> String {
        self.heal_of("SampleDevOpsApp", group, culprit).await
    }

    /// The same of any application.
    pub(crate) async fn heal_of(&self, application: &str, group: &str, culprit: &str) -> String {
        let client = CodeDeploy::new(aws_sdk_codedeploy::Client::new(&self.aws.sdk_config()));
        let target = Target {
            application: application.to_owned(),
            group: group.to_owned(),
        };
        let history = client
            .history(&target, Timestamp::UNIX_EPOCH, self.now)
            .await
            .unwrap();
        let first = history.last().unwrap().revision.as_ref().unwrap();
        let wish = Redeployment {
            target: &target,
            revision: first,
            config: None,
            description: &format!("A heal {MARKER}P-1:{culprit}]"),
        };
        match client.redeploy(&wish).await.unwrap() {
            Created::Deployment(id) => id,
            refused => panic!("{refused:?}"),
        }
    }

    /// Sees the tables as they are, past the store.
    pub(crate) fn tables(&self) -> aws_sdk_dynamodb::Client {
        self.dynamo.client()
    }

    /// From now on most writes meet somebody else's transaction.
    pub(crate) async fn contend(&mut self) -> Contended {
        let contended = self.dynamo.contended().await.unwrap();
        self.validations = Validations::new(contended.client(), "validations");
        self.ledger = Ledger::new(contended.client(), "ledger");
        self.remediations = Remediations::new(contended.client(), "remediations");
        self.flags = Flags::new(contended.client(), "flags");
        contended
    }

    /// Where the tables are, for functions.
    pub(crate) fn database(&self) -> &str {
        self.dynamo.url()
    }

    /// One more gate in the catalogue, of another pipeline, whose last build
    /// ended like this.
    pub(crate) async fn like_the_first_gate(&self, pipeline: &str, verdict: &str) {
        let word = |text: &str| AttributeValue::S(text.to_owned());
        let found = self.tables().query().table_name("validations");
        let found = found
            .key_condition_expression("pk = :catalogue")
            .expression_attribute_values(":catalogue", word("catalogue"))
            .limit(1);
        let mut gate = found.send().await.unwrap().items.unwrap().remove(0);
        let place = format!("{pipeline}#StagingToProduction");
        for (name, value) in [
            ("sk", &*place),
            ("pipeline", pipeline),
            ("verdict", verdict),
        ] {
            gate.insert(name.to_owned(), word(value));
        }
        let put = self.tables().put_item().table_name("validations");
        put.set_item(Some(gate)).send().await.unwrap();
    }

    /// A problem answers for the only deployment of a group.
    pub(crate) async fn hold_against(&self, group: &str, problem: &str) {
        let word = |text: &str| AttributeValue::S(text.to_owned());
        let place = format!("SampleDevOpsApp#{group}");
        let found = self.tables().query().table_name("ledger");
        let found = found
            .key_condition_expression("pk = :group AND begins_with(sk, :deployment)")
            .expression_attribute_values(":group", word(&place))
            .expression_attribute_values(":deployment", word("d#"))
            .limit(1);
        let mut entry = found.send().await.unwrap().items.unwrap().remove(0);
        entry.insert("boundTo".to_owned(), word(problem));
        let put = self.tables().put_item().table_name("ledger");
        put.set_item(Some(entry)).send().await.unwrap();
    }

    /// Pauses other groups than those of the world, past the store, which lets
    /// nobody pause so many.
    pub(crate) async fn pause_more_than_can_be_read(&self) {
        let word = |text: &str| AttributeValue::S(text.to_owned());
        let until = self.now + SignedDuration::from_hours(24);
        for target in many_groups() {
            let put = self.tables().put_item().table_name("ledger");
            let put = put
                .item("pk", word("pauses"))
                .item("sk", word(&target.to_string()))
                .item("who", word("a script"))
                .item("why", word("it looped"))
                .item(
                    "until",
                    AttributeValue::N(until.as_millisecond().to_string()),
                );
            put.send().await.unwrap();
        }
    }

    /// Ends the pauses of those groups.
    pub(crate) async fn resume_many(&self) {
        for target in many_groups() {
            self.ledger.resume(&target, self.now).await.unwrap();
        }
    }

    /// Moves the clock.
    pub(crate) fn advance(&mut self, by: SignedDuration) {
        self.at(self.now.saturating_add(by).unwrap());
    }

    pub(crate) fn at(&mut self, now: Timestamp) {
        self.now = now;
        self.aws.set_now(now);
        self.tenant.set_now(now.as_millisecond());
    }

    /// The tutorial's pipeline, reduced to the two gates.
    pub(crate) fn pipeline(&self, mode: Mode, staging: &str, production: &str) {
        self.aws
            .pipelines()
            .create(PipelineSpec::sample(PIPELINE, staging, production).mode(mode));
    }

    /// A pipeline with one gate behind staging.
    pub(crate) fn gate(&self, parameters: &str) {
        self.gate_in(Mode::Superseded, parameters);
    }

    pub(crate) fn gate_in(&self, mode: Mode, parameters: &str) {
        let staging = Stage::new("Staging")
            .deploy("Deploy", "SampleDevOpsApp", "Staging", 1)
            .lambda(
                "Register",
                "register-validation",
                parameters,
                2,
                Some("Monspec"),
            );
        let production =
            Stage::new("Production").deploy("Deploy", "SampleDevOpsApp", "Production", 1);
        self.aws.pipelines().create(
            PipelineSpec::new(PIPELINE)
                .mode(mode)
                .stage(staging)
                .stage(Stage::new("Approve").approval("ApproveStaging"))
                .stage(production),
        );
    }

    /// Starts an execution that brings this monspec along.
    pub(crate) fn start_execution(&self, revision: &str, monspec: &Value) -> String {
        let source = SourceRevision::new(revision, "Change the cart")
            .artifact("Monspec", monspec.to_string());
        self.aws.pipelines().start(PIPELINE, source).unwrap()
    }

    /// Starts an execution and lets its registering action run.
    pub(crate) async fn release(&self, revision: &str, monspec: &Value) -> String {
        let execution = self.start_execution(revision, monspec);
        self.run_jobs().await;
        execution
    }

    /// Runs every job that is due, and says how each registration ended; the
    /// functions of others succeed.
    pub(crate) async fn run_jobs(&self) -> Vec<JobStatus> {
        let mut ends = Vec::new();
        while let Some(job) = self.aws.pipelines().next_job() {
            if job.function != "register-validation" {
                let done = Answer::done("done");
                self.codepipeline().report(&job.id, done).await.unwrap();
                continue;
            }
            self.run_job(&job).await.unwrap();
            ends.push(self.aws.pipelines().job(&job.id).unwrap().status);
        }
        ends
    }

    /// Registers what one job asks for and answers the job.
    pub(crate) async fn run_job(&self, job: &Job) -> anyhow::Result<Outcome> {
        let event: JobEvent = serde_json::from_value(job.event.clone()).unwrap();
        let services = self.registering();
        let outcome = register_validation(&services, Request::Job(&event.job), self.now).await?;
        let answer = match &outcome {
            Outcome::Waiting { .. } | Outcome::NotNeeded(_) => Answer::done("registered"),
            Outcome::Refused(refusal) => refusal.clone().into(),
        };
        services.pipeline.report(&job.id, answer).await?;
        Ok(outcome)
    }

    pub(crate) fn registering(&self) -> register_validation::Services {
        let sdk = self.aws.sdk_config();
        register_validation::Services {
            validations: self.validations.clone(),
            ledger: self.ledger.clone(),
            pipeline: self.codepipeline(),
            artifacts: Artifacts::new(aws_sdk_s3::Config::new(&sdk)),
            outgoing: Outgoing::new(&self.origins).unwrap(),
            behind: self.behind.parse().unwrap(),
            settings: Settings {
                ingest_delay: SignedDuration::from_secs(120),
                give_up_after: SignedDuration::from_hours(24),
                retention: SignedDuration::from_hours(24 * 90),
                hooks: Hooks::Signed,
            },
        }
    }

    pub(crate) fn codepipeline(&self) -> CodePipeline {
        CodePipeline::new(aws_sdk_codepipeline::Client::new(&self.aws.sdk_config()))
    }

    pub(crate) fn judging(&self) -> Services {
        let sdk = self.aws.sdk_config();
        Services {
            codedeploy: LazyLock::new(Box::new(move || {
                CodeDeploy::new(aws_sdk_codedeploy::Client::new(&sdk))
            })),
            validations: self.validations.clone(),
            ledger: self.ledger.clone(),
            pipeline: self.codepipeline(),
            outgoing: Outgoing::new(&self.origins).unwrap(),
            patience: SignedDuration::from_mins(5),
            console: Console::of(Some("us-east-1")),
            freeze: self.freeze.clone(),
        }
    }

    /// One tick of the schedule, now.
    pub(crate) async fn tick(&self) -> Ticked {
        self.try_tick().await.unwrap()
    }

    /// The time of a tick is real, also on a slow machine that is busy with other
    /// stories; those about its end say how long it is.
    pub(crate) async fn try_tick(&self) -> anyhow::Result<Ticked> {
        self.tick_within(Duration::from_mins(2)).await
    }

    pub(crate) async fn tick_within(&self, time: Duration) -> anyhow::Result<Ticked> {
        self.tick_observed(time, &|_| ()).await
    }

    pub(crate) async fn tick_observed(
        &self,
        time: Duration,
        observe: &(dyn Fn(Observed<'_>) + Sync),
    ) -> anyhow::Result<Ticked> {
        let tick = Tick {
            now: self.now,
            began: Instant::now(),
            deadline: Instant::now() + time,
            lease_until: self
                .now
                .saturating_add(SignedDuration::from_secs(65))
                .unwrap(),
        };
        validate_builds(
            &self.judging(),
            async || Ok(self.connected()),
            tick,
            observe,
        )
        .await
    }

    pub(crate) fn connected(&self) -> Connected {
        let links = LinkSettings {
            base: "https://report.example".to_owned(),
            public: false,
        };
        Connected {
            tenant: self.dynatrace(),
            links: Some(
                Links::new(&links, &SecretString::from(format!("a:{}", "k".repeat(32)))).unwrap(),
            ),
            hook_secret: Ok(Some(SecretString::from(HOOK_SECRET))),
        }
    }

    pub(crate) fn dynatrace(&self) -> Dynatrace {
        self.paced(None)
    }

    /// The client where calls are limited to so many per minute.
    pub(crate) fn paced(&self, calls_per_minute: Option<u32>) -> Dynatrace {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let settings = dynatrace::Tenant {
            url: self.tenant.url(),
            token: SecretString::from(self.token.clone()),
            api: self.api,
            calls_in_flight: 8,
            calls_per_minute,
        };
        Dynatrace::new(http, settings).unwrap()
    }

    /// A tenant token that was revoked, or the right one again.
    pub(crate) fn use_token(&mut self, token: &str) {
        token.clone_into(&mut self.token);
    }

    /// Waits out the window and Dynatrace's delay, and ticks.
    pub(crate) async fn pass_window(&mut self) -> Ticked {
        self.advance(SignedDuration::from_mins(8));
        self.tick().await
    }

    /// An hour of traffic up to an hour from now.
    pub(crate) fn traffic(&self, service: &str, milliseconds: f64, failed: f64) {
        let now = self.now.as_millisecond();
        let hour = 3_600_000;
        self.traffic_between(service, now - hour, now + hour, milliseconds, failed);
    }

    pub(crate) fn traffic_between(
        &self,
        service: &str,
        from_ms: i64,
        to_ms: i64,
        milliseconds: f64,
        failed: f64,
    ) {
        let per_second = u64::try_from((to_ms - from_ms) / 1_000).unwrap();
        let requests = Requests::over(from_ms, to_ms, per_second * 2, milliseconds * 1_000.0)
            .failing(Failed::Share(failed));
        self.tenant.requests(service, None, requests);
    }

    pub(crate) fn approval(&self, execution: &str) -> ApprovalView {
        self.aws
            .pipelines()
            .approval(PIPELINE, "Approve", "ApproveStaging", execution)
            .unwrap()
    }

    pub(crate) fn answered(&self, execution: &str) -> ApprovalStatus {
        self.approval(execution).status
    }

    /// The validation that a look speaks of, as it is stored.
    pub(crate) async fn validation(&self, id: ValidationId) -> Validation {
        self.validations.validation(id).await.unwrap().unwrap()
    }

    pub(crate) async fn evidence(&self, id: ValidationId) -> Evidence {
        self.validations.evidence(id).await.unwrap().unwrap()
    }
}

/// The id of the only validation that a tick worked on.
pub(crate) fn only(ticked: &Ticked) -> ValidationId {
    let [look] = ticked.looks.as_slice() else {
        panic!("expected one look: {ticked:?}");
    };
    look.about.registration.id
}

/// A monspec like the tutorial's.
pub(crate) fn monspec() -> Value {
    json!({
        "SampleJSonService": {
            "etype": "SERVICE",
            "name": "SampleNodeJsService",
            "owner": "The cart team",
            "environments": {
                "Staging": {"tags": [{"context": "CONTEXTLESS", "key": "DeploymentGroup", "value": "Staging"}]},
                "Production": {"tags": [{"context": "CONTEXTLESS", "key": "DeploymentGroup", "value": "Production"}]}
            },
            "comparisons": [
                {
                    "name": "StagingToProduction",
                    "source": "Staging",
                    "compare": "Production",
                    "scalefactorperc": {"default": 15, "com.dynatrace.builtin:service.requestspermin": 90},
                    "shiftsourcetimeframe": 0,
                    "shiftcomparetimeframe": 0
                },
                {
                    "name": "StagingToProductionYesterday",
                    "source": "Staging",
                    "compare": "Production",
                    "scalefactorperc": {"default": 15},
                    "shiftcomparetimeframe": 86400
                },
                {
                    "name": "StagingToStagingLastHour",
                    "source": "Staging",
                    "compare": "Staging",
                    "scalefactorperc": {"default": 10},
                    "shiftcomparetimeframe": 3600
                },
                {
                    "name": "ProductionToStaging",
                    "source": "Production",
                    "compare": "Staging",
                    "scalefactorperc": {"default": 15}
                }
            ],
            "perfsignature": [
                {"timeseries": "com.dynatrace.builtin:service.responsetime", "aggregate": "avg", "validate": "upper"},
                {"timeseries": "com.dynatrace.builtin:service.responsetime", "aggregate": "p90"},
                {"timeseries": "com.dynatrace.builtin:service.failurerate", "aggregate": "avg"},
                {"timeseries": "com.dynatrace.builtin:service.requestspermin", "aggregate": "count", "validate": "lower"}
            ]
        }
    })
}

/// The same monspec with a field of every comparison set.
pub(crate) fn monspec_with(field: &str, value: impl Into<Value>) -> Value {
    let value = value.into();
    let mut spec = monspec();
    let comparisons = spec["SampleJSonService"]["comparisons"]
        .as_array_mut()
        .unwrap();
    for comparison in comparisons {
        comparison[field] = value.clone();
    }
    spec
}

fn many_groups() -> impl Iterator<Item = Paused> {
    (0..450).map(|number| format!("group:App/Group-{number}").parse().unwrap())
}

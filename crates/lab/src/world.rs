//! Everything at once: the stand-ins, the database, and the real functions of
//! the gate as processes, configured as they are in production.
//!
//! Time is real here. A story declares windows of seconds and waits for
//! conditions, never for a fixed time.

pub mod functions;
mod names;
mod settings;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use store::{Flags, Ledger, Remediations, Validations, tables};
use tokio::time::Instant;

pub use functions::{
    CHANGE_FLAGS, HANDLE_PROBLEM, PUBLISH, PUSH, REGISTER, SERVE_FLAGS, SHOW, VALIDATE,
};
pub use names::{HEALING, REPORT};
pub use settings::Settings;

use fake_aws::Aws;
use fake_aws::clock::real_time;
use fake_aws::codedeploy::GroupOptions;
use fake_aws::dynamo::Dynamo;
use fake_aws::pipeline::{ApprovalView, Job, PipelineSpec, SourceRevision, Stage};
use fake_aws::ssm::Kind;
use fake_dynatrace::{Failed, Requests, Tenant};
use lambda_host::runtime::{Function, Invocation, InvocationOutcome};
use settings::Remotes;

/// The pipeline of [`World::gate`].
pub const PIPELINE: &str = "Sample";
/// The service that runs in staging.
pub const STAGING: &str = "SERVICE-00000000000000A1";
/// The service that runs in production.
pub const PRODUCTION: &str = "SERVICE-00000000000000B1";

/// The interval between two checks of a condition.
const PAUSE: Duration = Duration::from_millis(50);

/// A running world; everything ends when it is dropped.
pub struct World {
    /// `CodePipeline`, S3 and the parameter store.
    pub aws: Aws,
    /// The database.
    pub dynamo: Dynamo,
    /// The tenant.
    pub tenant: Tenant,
    /// One environment of the function that registers.
    pub register: Function,
    /// One environment of the function that judges.
    pub validate: Function,
    settings: Settings,
}

/// A job that was delivered to its function.
#[derive(Debug)]
pub struct Carried {
    /// The job.
    pub job: Job,
    /// The result.
    pub invocation: Invocation,
}

/// How a service behaves.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// How long a request takes.
    pub milliseconds: f64,
    /// The share of requests that fail, between 0 and 1.
    pub failing: f64,
}

impl Traffic {
    /// A healthy service.
    pub const HEALTHY: Self = Self {
        milliseconds: 100.0,
        failing: 0.0,
    };
    /// Three times as slow, and half of the requests fail.
    pub const SICK: Self = Self {
        milliseconds: 300.0,
        failing: 0.5,
    };
}

impl World {
    /// Starts everything: two services exist, no pipeline does, and nothing was
    /// released. The functions are built first if nobody has done so.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let aws = Aws::start().await?;
        let dynamo = match settings.folder() {
            Some(folder) => Dynamo::open(folder).await?,
            None => Dynamo::start().await?,
        };
        let kept = dynamo.tables().await?;
        let tenant = Tenant::start().await?;
        for (table, name) in [
            (tables::VALIDATIONS, names::VALIDATIONS),
            (tables::LEDGER, names::LEDGER),
            (tables::REMEDIATIONS, names::REMEDIATIONS),
            (tables::FLAGS, names::FLAGS),
        ] {
            if kept.iter().any(|table| table == name) {
                continue;
            }
            let created = tables::create(&dynamo.client(), table, name).await;
            created.with_context(|| format!("cannot create the table `{name}`"))?;
        }
        for (name, secret) in settings.parameters(&tenant) {
            aws.ssm().put(name, Kind::SecureString, &secret);
        }
        for (id, environment) in [(STAGING, "Staging"), (PRODUCTION, "Production")] {
            let service = tenant.service(id, "SampleJSonService");
            service.tag("DeploymentGroup", environment).add();
        }
        let remotes = Remotes {
            aws: aws.url(),
            dynamo: dynamo.url(),
            tenant: &tenant.url(),
        };
        Ok(Self {
            register: spawn(REGISTER, &settings, &remotes).await?,
            validate: spawn(VALIDATE, &settings, &remotes).await?,
            aws,
            dynamo,
            tenant,
            settings,
        })
    }

    /// One more environment of a function, as when Lambda scales out.
    pub async fn another(&self, function: &str) -> anyhow::Result<Function> {
        self.another_with(function, &self.settings).await
    }

    /// The same with settings of its own.
    pub async fn another_with(
        &self,
        function: &str,
        settings: &Settings,
    ) -> anyhow::Result<Function> {
        spawn(function, settings, &self.remotes(&self.tenant.url())).await
    }

    fn remotes<'a>(&'a self, tenant: &'a str) -> Remotes<'a> {
        Remotes {
            aws: self.aws.url(),
            dynamo: self.dynamo.url(),
            tenant,
        }
    }

    /// The variables that a function of this world has.
    pub fn environment(&self, function: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let function = functions::named(function)?;
        let tenant = self.tenant.url();
        Ok(self.settings.environment(function, &self.remotes(&tenant)))
    }

    /// How the world is set up.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the functions stored of builds.
    pub fn validations(&self) -> Validations {
        Validations::new(self.dynamo.client(), names::VALIDATIONS)
    }

    /// What the functions stored of deployments.
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.dynamo.client(), names::LEDGER)
    }

    /// What the functions stored of problems.
    pub fn remediations(&self) -> Remediations {
        Remediations::new(self.dynamo.client(), names::REMEDIATIONS)
    }

    /// The flags that the functions change and serve.
    pub fn flags(&self) -> Flags {
        Flags::new(self.dynamo.client(), names::FLAGS)
    }

    /// Declares the application that staging and production deploy.
    pub fn application(&self) -> &'static str {
        let application = "SampleDevOpsApp";
        let codedeploy = self.aws.codedeploy();
        codedeploy.application(application);
        for group in ["Staging", "Production"] {
            let declared = codedeploy.group(application, group, GroupOptions::default());
            declared.expect("the application is there");
        }
        application
    }

    /// Declares a pipeline with one gate behind staging, whose registering
    /// action has these parameters.
    pub fn gate(&self, parameters: &Value) {
        let application = self.application();
        let staging = Stage::new("Staging")
            .deploy("Deploy", application, "Staging", 1)
            .lambda(
                "Register",
                REGISTER,
                &parameters.to_string(),
                2,
                Some("Monspec"),
            );
        let pipeline = PipelineSpec::new(PIPELINE)
            .stage(staging)
            .stage(Stage::new("Approve").approval("ApproveStaging"))
            .stage(Stage::new("Production").deploy("Deploy", application, "Production", 1));
        self.aws.pipelines().create(pipeline);
    }

    /// Makes both services behave like this from a minute ago until some
    /// minutes from now, whatever they did before.
    pub fn traffic(&self, staging: Traffic, production: Traffic) {
        let from = real_time().as_millisecond() - 60_000;
        let to = from + 10 * 60_000;
        for (service, traffic) in [(STAGING, staging), (PRODUCTION, production)] {
            let duration_us = traffic.milliseconds * 1_000.0;
            let requests = Requests::over(from, to, 10 * 60 * 4, duration_us);
            let requests = requests.failing(Failed::Share(traffic.failing));
            self.tenant.forget_data(service);
            self.tenant.requests(service, None, requests);
        }
    }

    /// Starts an execution with this monspec, up to its first job.
    pub fn release(&self, revision: &str, summary: &str, monspec: &str) -> anyhow::Result<String> {
        let source = SourceRevision::new(revision, summary).artifact("Monspec", monspec.to_owned());
        Ok(self.aws.pipelines().start(PIPELINE, source)?)
    }

    /// Delivers every due job to its function.
    pub async fn carry_jobs(&self) -> anyhow::Result<Vec<Carried>> {
        let mut carried = Vec::new();
        while let Some(job) = self.aws.pipelines().next_job() {
            let function = functions::named(&job.function)?.name;
            ensure!(function == REGISTER, "`{function}` does not run here");
            let invocation = self.register.invoke(job.event.clone()).await?;
            carried.push(Carried { job, invocation });
        }
        Ok(carried)
    }

    /// One event of the schedule.
    pub async fn tick(&self) -> anyhow::Result<Invocation> {
        self.validate.invoke(scheduled()).await
    }

    /// Ticks until `condition` holds; fails after `patience`, or as soon as the
    /// function does.
    pub async fn tick_until(
        &self,
        what: &str,
        patience: Duration,
        condition: impl AsyncFn() -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while !condition().await {
            ensure!(
                Instant::now() < deadline,
                "{what}: not within {patience:?}; {VALIDATE} wrote:\n{}",
                self.validate.logs()
            );
            answer(VALIDATE, self.tick().await?)?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The approval behind staging, for one execution.
    pub fn approval(&self, execution: &str) -> anyhow::Result<ApprovalView> {
        let pipelines = self.aws.pipelines();
        Ok(pipelines.approval(PIPELINE, "Approve", "ApproveStaging", execution)?)
    }

    /// Everything that both functions wrote so far.
    pub fn logs(&self) -> String {
        self.register.logs() + &self.validate.logs()
    }
}

/// The event that the schedule sends.
pub fn scheduled() -> Value {
    json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
}

/// The return value of a function; any other outcome of the invocation is an
/// error with one sentence.
pub fn answer(function: &str, invocation: Invocation) -> anyhow::Result<Value> {
    match invocation.outcome {
        InvocationOutcome::Ok(value) => Ok(value),
        InvocationOutcome::Err { r#type, message } => {
            bail!("{function} failed ({type}): {message}")
        }
        InvocationOutcome::TimedOut => bail!(
            "{function} timed out after {:.1} s without an answer",
            invocation.duration.as_secs_f64()
        ),
        InvocationOutcome::Crashed(status) => {
            let last = invocation.logs.lines().last().unwrap_or("nothing at all");
            bail!("{function} crashed ({status}); its last output: {last}")
        }
    }
}

/// Polls until `condition` holds; fails after `patience`.
pub async fn until(
    what: &str,
    patience: Duration,
    condition: impl AsyncFn() -> bool,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while !condition().await {
        ensure!(Instant::now() < deadline, "{what}: not within {patience:?}");
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn spawn(name: &str, settings: &Settings, remotes: &Remotes<'_>) -> anyhow::Result<Function> {
    let function = functions::named(name)?;
    let binary = settings.executable(function).await?;
    let environment = settings.environment(function, remotes);
    let environment: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Function::spawn(&binary, &environment, settings.runtime()).await
}

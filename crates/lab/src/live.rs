//! The world with real traffic: builds run as processes, users and tests call
//! them, and what is measured decides.
//!
//! Nothing here tells a function what time it is or what to find: windows are
//! seconds long because the pipeline asks for that, and everything else is
//! configured as an operator could.

mod app;
mod chronicle;
mod deployer;
mod environment;
mod folder;
mod journal;
mod load;
mod meter;
mod ports;
mod schedule;
mod startup;
mod vigil;
mod watcher;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use dynatrace::Api;
use jiff::{SignedDuration, Timestamp};
use release::approval::Answer as Verdict;
use release::deployment::{Group, LedgerEntry};
use release::problem::Problem;
use release::validation::Registrant;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use environment::{Environment, METHODS};
pub use journal::{Entry, Journal};
pub use meter::Point;
pub use ports::{Listeners, Ports, listen};

use crate::binaries::{self, Cargo, Profile};
use crate::clock::real_time;
use crate::codedeploy::GroupOptions;
use crate::front::{Front, Open};
use crate::pipeline::{
    ARTIFACT_BUCKET, Answer, ApprovalView, ExecutionStatus, ExecutionView, PipelineSpec,
    SourceRevision, Stage,
};
use crate::runtime::Function;
use crate::tenant::{Comment, Webhook};
use crate::world::{
    HANDLE_PROBLEM, PRODUCTION, PUSH, REGISTER, SHOW, STAGING, Settings, VALIDATE, World,
};
use folder::Folder;
use load::Callers;

/// The tutorial's pipeline.
pub const PIPELINE: &str = "SampleDevOpsPipeline";

/// The tutorial's application.
pub const APPLICATION: &str = "SampleDevOpsApp";

/// The service as an executable.
const APP: &str = "sample-app";

/// What the builds are judged by.
const MONSPEC: &str = include_str!("live/monspec.json");

/// How long each build is watched, in staging and in production.
pub const WINDOW: Duration = Duration::from_secs(10);

/// How long old samples are kept: far longer than any window looks back.
const SAMPLES_KEPT: SignedDuration = SignedDuration::from_mins(10);

/// The executables of the lab, once they are built.
#[derive(Clone, Debug)]
pub struct Built {
    app: PathBuf,
}

/// Builds the functions and the service if nobody has done so, and hands each
/// line that `cargo` writes about it to the caller. It blocks until it is done
/// or called off.
pub fn build(cargo: &Cargo, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Built> {
    binaries::function_with(VALIDATE, Profile::Dev, cargo, progress)?;
    let mut built = binaries::build_with(&["--bin", APP], Profile::Dev, cargo, progress)?;
    let app = built.remove(APP);
    let app = app.with_context(|| format!("cargo built no `{APP}`"))?;
    Ok(Built { app })
}

/// How the lab is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The generation of the tenant's API that the functions speak.
    pub api: Api,
    /// The folder that the functions' data is kept in; in memory unless given.
    pub data: Option<PathBuf>,
    /// The ports of what a person sees.
    pub ports: Ports,
}

/// The running lab; everything ends when it is dropped.
pub struct Live {
    scene: Arc<Scene>,
    keepers: JoinSet<anyhow::Result<()>>,
}

/// Everything that the parts of the lab share.
pub struct Scene {
    /// The account and the tenant.
    pub world: World,
    /// What happens.
    pub journal: Journal,
    /// Where builds are tried.
    pub staging: Arc<Environment>,
    /// Where users are.
    pub production: Arc<Environment>,
    /// The link that opens every report.
    pub reports: String,
    report_url: String,
    push: Function,
    heal: Open,
    _report: Open,
    webhook: Webhook,
    folder: Folder,
    problems: Mutex<Vec<Happened>>,
    executions: Mutex<Vec<String>>,
    trouble: watch::Sender<Option<String>>,
}

/// A problem that opened.
#[derive(Clone, Debug)]
pub struct Happened {
    /// What the API calls it.
    pub id: String,
    /// What people call it.
    pub display_id: String,
    /// What is wrong.
    pub title: String,
    /// When it opened.
    pub opened: Timestamp,
    /// When it closed.
    pub closed: Option<Timestamp>,
}

impl Live {
    /// Starts everything. Nothing is deployed yet.
    pub async fn start(
        built: &Built,
        listeners: Listeners,
        options: Options,
    ) -> anyhow::Result<Self> {
        // Whoever installs a provider first wins, and they are all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (report, heal) = (Front::at(listeners.reports)?, Front::bind().await?);
        let healing_url = format!("{}/HandleDynatraceProblem", heal.url());
        let mut settings = Settings::default()
            .api(options.api)
            // A window is judged once the answers of its last second have come.
            .with("DT_INGEST_DELAY_SECONDS", "1")
            .with("DT_BUILD_REPORT_URL", report.url())
            .with("DT_SELF_HEALING_URL", &healing_url)
            .with("HEAL_COOLDOWN_MINUTES", "1")
            .with("HEAL_MAX_PER_DAY", "100");
        if let Some(folder) = options.data {
            settings = settings.data(folder);
        }
        let reports = settings.start_link(report.url())?;
        let webhook =
            Webhook::new(healing_url).header("x-unbreakable-token", settings.webhook_token());
        let report_url = report.url().to_owned();
        let world = World::start(settings).await?;
        let [staging, production] = [
            ("Staging", STAGING, listeners.staging),
            ("Production", PRODUCTION, listeners.production),
        ]
        .map(|(name, service, listener)| Environment::open(name, service, listener, &world.tenant));
        let (staging, production) = (staging?, production?);
        declare(&world)?;
        let scene = Arc::new(Scene {
            push: world.another(PUSH).await?,
            heal: heal.open(world.another(HANDLE_PROBLEM).await?),
            _report: report.open(world.another(SHOW).await?),
            staging: Arc::new(staging),
            production: Arc::new(production),
            journal: Journal::default(),
            folder: Folder::create()?,
            problems: Mutex::default(),
            executions: Mutex::default(),
            trouble: watch::Sender::new(None),
            world,
            reports,
            report_url,
            webhook,
        });

        let mut keepers = JoinSet::new();
        for (environment, callers) in [
            (&scene.staging, Callers::Tests),
            (&scene.production, Callers::Users),
        ] {
            let deployer = deployer::carry_out(
                Arc::clone(&scene),
                Arc::clone(environment),
                built.app.clone(),
            );
            keepers.spawn(deployer);
            keepers.spawn(startup::carry_out(
                Arc::clone(&scene),
                Arc::clone(environment),
            ));
            keepers.spawn(load::call(Arc::clone(environment), callers));
        }
        keepers.spawn(watcher::watch(Arc::clone(&scene)));
        keepers.spawn(schedule::carry_jobs(Arc::clone(&scene)));
        keepers.spawn(schedule::tick(Arc::clone(&scene)));
        keepers.spawn(chronicle::follow(Arc::clone(&scene)));
        keepers.spawn(forget(Arc::clone(&scene)));
        Ok(Self { scene, keepers })
    }

    /// What the parts of the lab share.
    pub fn scene(&self) -> &Arc<Scene> {
        &self.scene
    }

    /// Waits until something of the lab fails, which never happens while all is
    /// well.
    pub async fn broken(&mut self) -> anyhow::Error {
        match self.keepers.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => anyhow::Error::new(error).context("a part of the lab failed"),
            Some(Ok(Ok(()))) | None => anyhow::anyhow!("a part of the lab ended"),
        }
    }
}

impl Scene {
    /// Starts an execution that releases a build, unless another one is still on
    /// its way: a second build would take the first one's window.
    pub fn release(&self, build: u32) -> anyhow::Result<String> {
        let mut started = self.started();
        if let Some(newest) = started.last()
            && let Some(reason) = on_its_way(&self.execution(newest)?)
        {
            bail!(reason);
        }
        let source = SourceRevision::new(&format!("build-{build}"), summary(build))
            .artifact("App", json!({ "build": build }).to_string())
            .artifact("Tests", startup::bundle())
            .artifact("Monspec", MONSPEC);
        let execution = self.world.aws.pipelines().start(PIPELINE, source)?;
        started.push(execution.clone());
        drop(started);
        self.trouble.send_replace(None);
        self.journal
            .tell("CodePipeline", format!("build {build} is released"));
        Ok(execution)
    }

    /// Why no build can be released now, if that is so.
    pub fn busy(&self) -> anyhow::Result<Option<String>> {
        let newest = self.executions(1)?;
        Ok(newest.first().and_then(on_its_way))
    }

    fn started(&self) -> MutexGuard<'_, Vec<String>> {
        self.executions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The last executions, newest first.
    pub fn executions(&self, most: usize) -> anyhow::Result<Vec<ExecutionView>> {
        let ids = self.started().clone();
        ids.iter()
            .rev()
            .take(most)
            .map(|id| self.execution(id))
            .collect()
    }

    /// An execution as it is now.
    pub fn execution(&self, id: &str) -> anyhow::Result<ExecutionView> {
        Ok(self.world.aws.pipelines().execution(PIPELINE, id)?)
    }

    /// The approval of a stage as it is now for one execution.
    pub fn approval(
        &self,
        environment: &Environment,
        execution: &str,
    ) -> anyhow::Result<ApprovalView> {
        let name = approval(environment.name());
        let pipelines = self.world.aws.pipelines();
        Ok(pipelines.approval(PIPELINE, &name, &name, execution)?)
    }

    /// Why the approval of a stage is left to a person, with the link to the
    /// evaluation, if it is.
    pub async fn held(
        &self,
        environment: &Environment,
        execution: &str,
    ) -> anyhow::Result<Option<String>> {
        let store = self.world.store();
        for slot in store.slots(PIPELINE, execution).await? {
            let is_its = matches!(
                &slot.registrant,
                Registrant::Action { stage, .. } if stage == environment.name()
            );
            if !is_its {
                continue;
            }
            let judged = store.validation(slot.id).await?;
            if let Some(judgement) = judged.and_then(|judged| judged.judgement)
                && judgement.answer == Verdict::Hold
            {
                let settings = self.world.settings();
                let link = settings.evaluation_link(&self.report_url, slot.id, judgement.at)?;
                return Ok(Some(format!("{} {link}", judgement.summary)));
            }
        }
        Ok(None)
    }

    /// Answers the approval of a stage as a person would.
    pub fn answer(
        &self,
        environment: &Environment,
        execution: &str,
        answer: Answer,
    ) -> anyhow::Result<()> {
        let name = approval(environment.name());
        let pipelines = self.world.aws.pipelines();
        let reason = "Answered by hand";
        Ok(pipelines.answer_by_person(PIPELINE, &name, &name, execution, answer, reason)?)
    }

    /// The problems that opened, oldest first.
    pub fn problems(&self) -> Vec<Happened> {
        self.problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What was said on a problem, oldest first.
    pub fn comments(&self, problem: &str) -> Vec<Comment> {
        self.world.tenant.comments(problem)
    }

    /// What was done about a problem, once it was heard of.
    pub async fn answered(&self, problem: &str) -> anyhow::Result<Option<Problem>> {
        Ok(self.world.store().problem(problem).await?)
    }

    /// What is known of the builds that reached an environment, newest first.
    pub async fn ledger(&self, environment: &Environment) -> anyhow::Result<Vec<LedgerEntry>> {
        let group = Group {
            application: APPLICATION.to_owned(),
            name: environment.name().to_owned(),
        };
        Ok(self.world.store().deployments(&group, real_time()).await?)
    }

    /// Follows what went wrong in the lab itself, such as a process that
    /// crashed; one sentence each.
    pub fn troubles(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    fn trouble(&self, what: String) {
        self.journal.tell_once("lab", &what);
        self.trouble.send_if_modified(|told| {
            let is_new = told.as_ref() != Some(&what);
            *told = Some(what);
            is_new
        });
    }

    fn happened(&self, problem: Happened) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.push(problem);
    }

    fn closed(&self, id: &str, at: Timestamp) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = problems.iter_mut().find(|problem| problem.id == id) {
            problem.closed = Some(at);
        }
    }
}

/// Why an execution keeps others waiting, if it does.
fn on_its_way(execution: &ExecutionView) -> Option<String> {
    let build = execution.revision.replace('-', " ");
    (execution.status == ExecutionStatus::InProgress).then(|| {
        format!(
            "{build} is still in the pipeline: the next build can be released when it is \
             approved or rejected."
        )
    })
}

/// What is told of a build, as its author would.
pub fn summary(build: u32) -> &'static str {
    match build {
        2 => "Fail every second invocation",
        4 => "Be slow where there are users",
        _ => "Do what is expected",
    }
}

/// Declares the deployment groups and the pipeline.
fn declare(world: &World) -> anyhow::Result<()> {
    let codedeploy = world.aws.codedeploy();
    codedeploy.application(APPLICATION);
    for environment in ["Staging", "Production"] {
        let tests = startup::group_of(environment);
        codedeploy.group(APPLICATION, &tests, GroupOptions::default())?;
        // It ends when the tests do.
        codedeploy.hold(APPLICATION, &tests)?;
    }
    for group in ["Staging", "Production"] {
        let lead = SignedDuration::from_millis(300);
        let options = GroupOptions {
            lead,
            ..GroupOptions::default()
        };
        codedeploy.group(APPLICATION, group, options)?;
        // It ends when the build listens.
        codedeploy.hold(APPLICATION, group)?;
    }
    let stage = |name: &str, comparison: &str| {
        let register = json!({
            "comparison": comparison,
            "window": format!("{}s", WINDOW.as_secs()),
            "approvalAction": approval(name),
        });
        let push = format!("{name},CodePipeline Deploying in {name}");
        Stage::new(name)
            .deploy("Deploy", APPLICATION, name, 1)
            .input_artifact("App")
            .deploy("Tests", APPLICATION, &startup::group_of(name), 2)
            .input_artifact("Tests")
            .lambda("PushDeploymentEvent", PUSH, &push, 2, Some("Monspec"))
            .lambda(
                "RegisterValidation",
                REGISTER,
                &register.to_string(),
                2,
                Some("Monspec"),
            )
    };
    let gate = |name: &str| Stage::new(&approval(name)).approval(&approval(name));
    let pipeline = PipelineSpec::new(PIPELINE)
        .stage(stage("Staging", "StagingToProduction"))
        .stage(gate("Staging"))
        .stage(stage("Production", "ProductionToProductionLastHour"))
        .stage(gate("Production"));
    world.aws.pipelines().create(pipeline);
    world.aws.s3().admit_role(ARTIFACT_BUCKET);
    Ok(())
}

fn approval(environment: &str) -> String {
    format!("Approve{environment}")
}

/// Lets go of samples that nobody asks for any more.
async fn forget(scene: Arc<Scene>) -> anyhow::Result<()> {
    loop {
        tokio::time::sleep(Duration::from_mins(1)).await;
        let before = real_time()
            .saturating_sub(SAMPLES_KEPT)
            .unwrap_or(Timestamp::MIN);
        scene.world.tenant.forget_before(before.as_millisecond());
    }
}

//! The world with real traffic: builds run as processes, users and tests call
//! them, and what is measured decides.
//!
//! The functions get no special treatment: windows are seconds long because the
//! pipeline's parameters say so, and everything else is ordinary configuration.

mod app;
mod declared;
mod deployer;
mod detector;
mod environment;
mod folder;
mod journal;
mod load;
mod meter;
mod ports;
mod recorder;
mod releases;
mod schedule;
mod startup;
mod switches;
mod watcher;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use dynatrace::Api;
use jiff::{SignedDuration, Timestamp};
use release::deployment::{Group, LedgerEntry};
use release::problem::Problem;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use environment::Environment;
pub use journal::{Entry, Journal};
pub use meter::Point;
pub use ports::{Listeners, Ports, listen};
pub use switches::Switch;

use crate::world::{HANDLE_PROBLEM, PRODUCTION, PUSH, SHOW, STAGING, Settings, VALIDATE, World};
use fake_aws::clock::real_time;
use fake_dynatrace::{Comment, Webhook};
use folder::Folder;
use lambda_host::binaries::{self, Cargo, Profile};
use lambda_host::front::{Front, Open};
use lambda_host::runtime::Function;
use load::Callers;
use switches::Switches;

/// The tutorial's pipeline.
pub const PIPELINE: &str = "SampleDevOpsPipeline";

/// The tutorial's application.
pub const APPLICATION: &str = "SampleDevOpsApp";

/// The service as an executable.
const APP: &str = "sample-app";

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
/// or cancelled.
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
    /// The link that opens the flags.
    pub changes: String,
    report_url: String,
    push: Function,
    switches: Switches,
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
        // Only the first provider is installed, and they are all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (report, heal) = (Front::at(listeners.reports)?, Front::bind().await?);
        let healing_url = format!("{}/HandleDynatraceProblem", heal.url());
        let mut settings = Settings::default()
            .api(options.api)
            // A window is judged once the answers of its last second have arrived.
            .with("DT_INGEST_DELAY_SECONDS", "1")
            .with("DT_BUILD_REPORT_URL", report.url())
            .with("DT_SELF_HEALING_URL", &healing_url)
            .with("HEAL_COOLDOWN_MINUTES", "1")
            .with("HEAL_MAX_PER_DAY", "100");
        if let Some(folder) = options.data {
            settings = settings.data(folder);
        }
        let reports = settings.start_link(report.url())?;
        let changes = settings.changes_link(report.url())?;
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
        declared::declare(&world)?;
        let scene = Arc::new(Scene {
            push: world.another(PUSH).await?,
            switches: Switches::start(&world).await?,
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
            changes,
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
        keepers.spawn(recorder::follow(Arc::clone(&scene)));
        keepers.spawn(forget(Arc::clone(&scene)));
        Ok(Self { scene, keepers })
    }

    /// What the parts of the lab share.
    pub fn scene(&self) -> &Arc<Scene> {
        &self.scene
    }

    /// Waits until a part of the lab fails; returns only then.
    pub async fn broken(&mut self) -> anyhow::Error {
        match self.keepers.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => anyhow::Error::new(error).context("a part of the lab failed"),
            Some(Ok(Ok(()))) | None => anyhow::anyhow!("a part of the lab ended"),
        }
    }
}

impl Scene {
    /// The problems that opened, oldest first.
    pub fn problems(&self) -> Vec<Happened> {
        self.problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The comments on a problem, oldest first.
    pub fn comments(&self, problem: &str) -> Vec<Comment> {
        self.world.tenant.comments(problem)
    }

    /// What was done about a problem, once its notification arrived.
    pub async fn answered(&self, problem: &str) -> anyhow::Result<Option<Problem>> {
        Ok(self.world.remediations().problem(problem).await?)
    }

    /// What is known of the builds that reached an environment, newest first.
    pub async fn ledger(&self, environment: &Environment) -> anyhow::Result<Vec<LedgerEntry>> {
        let group = Group {
            application: APPLICATION.to_owned(),
            name: environment.name().to_owned(),
        };
        Ok(self.world.ledger().deployments(&group, real_time()).await?)
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

/// Drops samples that are no longer needed.
async fn forget(scene: Arc<Scene>) -> anyhow::Result<()> {
    loop {
        tokio::time::sleep(Duration::from_mins(1)).await;
        let before = real_time()
            .saturating_sub(SAMPLES_KEPT)
            .unwrap_or(Timestamp::MIN);
        scene.world.tenant.forget_before(before.as_millisecond());
    }
}

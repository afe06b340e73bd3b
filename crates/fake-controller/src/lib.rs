#![doc = include_str!("../README.md")]

mod answer;
mod auth;
mod endpoints;
mod faults;
mod job;
mod jobs;
mod launch;
mod paging;
mod receiver;
mod request;
mod server;
mod state;
mod template;
mod views;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use auth::Scope;
pub use faults::{Fault, Times};
pub use job::{Counts, End, IllegalMove, Job, Kind, Plan, Status, Task};
pub use receiver::{Received, Receiver, Trouble};
pub use state::Call;
pub use template::{JobTemplate, Prompts, WorkflowTemplate};

use faults::Planned;
use server::Served;
use state::{Clock, State};

/// A handle on a running controller. The server stops when the last handle is
/// gone.
#[derive(Clone)]
pub struct Controller {
    state: Arc<Mutex<State>>,
    stop: Arc<watch::Sender<bool>>,
    origin: String,
    prefix: String,
}

/// What a controller is started with; nothing needs to be given.
#[derive(Clone, Default)]
pub struct Options {
    /// The loopback port; a free one unless given.
    pub port: Option<u16>,
    /// The path of the API; `/api/v2` unless given. Whatever it is, what the
    /// controller writes of itself lies under `/api/v2`, as behind a gateway.
    pub prefix: Option<String>,
}

impl Controller {
    /// Starts a controller on a free loopback port.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts a controller on a loopback port.
    pub async fn start_with(options: Options) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port.unwrap_or(0)));
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address} for the controller"))?;
        let address = listener
            .local_addr()
            .context("the controller's listener has no address")?;
        let prefix = options.prefix.unwrap_or_else(|| "/api/v2".to_owned());

        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = watch::channel(false);
        let served = Served {
            state: Arc::clone(&state),
            stop: stopped.clone(),
            prefix: prefix.as_str().into(),
        };
        let app = Router::new().fallback(server::handle).with_state(served);
        tokio::spawn(async move {
            // Serving never fails: an error of one connection ends that connection.
            let _ = axum::serve(listener, app)
                .with_graceful_shutdown(server::stopped(stopped))
                .await;
        });
        Ok(Self {
            state,
            stop: Arc::new(stop),
            origin: format!("http://{address}"),
            prefix,
        })
    }

    /// Stops the server, whoever else holds a handle.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The address of the API, without a slash at its end.
    pub fn base(&self) -> String {
        format!("{}{}", self.origin, self.prefix)
    }

    /// Adds a user, who may do nothing yet; its id.
    pub fn user(&self, name: &str, password: &str) -> u64 {
        self.state().users.add(name, password)
    }

    /// Gives a user a token.
    ///
    /// # Panics
    ///
    /// If there is no such user.
    pub fn token(&self, user: &str, scope: Scope) -> String {
        self.state().users.token(user, scope)
    }

    /// Lets a user execute, and see, a template.
    pub fn permit(&self, user: &str, template: u64) {
        self.state().users.permit(user, template);
    }

    /// Switches basic authentication on or off; it is on at first.
    pub fn accept_basic(&self, accepted: bool) {
        self.state().users.basic = accepted;
    }

    /// Adds a job template; its id.
    pub fn job_template(&self, template: JobTemplate) -> u64 {
        self.state().add_template(template)
    }

    /// Adds a workflow template; its id.
    pub fn workflow_template(&self, template: WorkflowTemplate) -> u64 {
        self.state().add_workflow(template)
    }

    /// Changes a job template under everybody's feet.
    ///
    /// # Panics
    ///
    /// If there is no such template.
    pub fn change(&self, template: u64, change: impl FnOnce(&mut JobTemplate)) {
        let mut state = self.state();
        let found = state.templates.get_mut(&template);
        change(found.expect("there is such a template"));
    }

    /// Decides what becomes of the next jobs of a template, by the clock; without
    /// a plan they move when they are told to.
    pub fn plan(&self, template: u64, plan: Plan) {
        self.state().plans.insert(template, plan);
    }

    /// A job that somebody else launches from the pages, with these variables;
    /// its id.
    ///
    /// # Panics
    ///
    /// If there is no such template or user.
    pub fn launched_by(&self, user: &str, template: u64, extra_vars: &serde_json::Value) -> u64 {
        let mut state = self.state();
        let user = state.users.named(user).expect("there is such a user").id;
        let body = serde_json::json!({ "extra_vars": extra_vars });
        launch::commit(&mut state, template, user, "manual", &body)
    }

    /// A job that somebody launches again as it was; its id.
    ///
    /// # Panics
    ///
    /// If there is no such job or user.
    pub fn relaunched_by(&self, user: &str, job: u64) -> u64 {
        let mut state = self.state();
        let user = state.users.named(user).expect("there is such a user").id;
        launch::relaunch(&mut state, job, user).expect("there is such a job")
    }

    /// Moves a job one step on.
    pub fn moves(&self, job: u64, to: Status) -> Result<(), IllegalMove> {
        let mut state = self.state();
        let now = state.now();
        jobs::moves(&mut state, job, to, now)
    }

    /// Moves a job from where it is to running.
    pub fn runs(&self, job: u64) -> Result<(), IllegalMove> {
        let mut state = self.state();
        let now = state.now();
        jobs::runs(&mut state, job, now)
    }

    /// Runs a job to its end.
    pub fn ends(&self, job: u64, end: End) -> Result<(), IllegalMove> {
        let mut state = self.state();
        let now = state.now();
        jobs::runs(&mut state, job, now)?;
        jobs::ends(&mut state, job, end, now)
    }

    /// Forgets a job, as the schedule that cleans up does.
    pub fn purge(&self, job: u64) {
        self.state().jobs.remove(&job);
    }

    /// Makes everything that jobs do visible only so long after it.
    pub fn events_arrive_after(&self, delay: Duration) {
        self.state().events_delay = delay;
    }

    /// Accepts wishes to end a job and does nothing about them.
    pub fn ignore_cancel(&self, ignored: bool) {
        self.state().cancel_ignored = ignored;
    }

    /// A workflow job waits until somebody approves.
    pub fn approvals_pending(&self, count: usize) {
        self.state().approvals = count;
    }

    /// All jobs, in the order of their ids.
    pub fn jobs(&self) -> Vec<Job> {
        let mut state = self.state();
        jobs::pass_time(&mut state);
        state.jobs.values().cloned().collect()
    }

    /// Sets the controller's clock, which stands still from then on.
    pub fn set_now(&self, ms: i64) {
        self.state().clock = Clock::Set(ms);
    }

    /// Makes calls fail whose path, below the prefix, starts with `matching`;
    /// with a method in front of it, as in `POST /job_templates`, those of that
    /// method alone. Of several faults the one planned first happens.
    pub fn fail(&self, fault: Fault, times: Times, matching: &str) {
        self.state()
            .faults
            .push(Planned::new(fault, times, matching));
    }

    /// Takes back every fault that has not happened yet.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// The calls so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How many calls of this method went to a path that ends like this.
    pub fn count(&self, method: &str, path_end: &str) -> usize {
        let state = self.state();
        let calls = state.calls.iter();
        calls
            .filter(|call| call.method == method && call.path.ends_with(path_end))
            .count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        server::lock(&self.state)
    }
}

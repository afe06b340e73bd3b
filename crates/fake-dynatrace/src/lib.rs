#![doc = include_str!("../README.md")]

mod aggregation;
mod answer;
mod attachment;
mod auth;
mod catalogue;
mod endpoints;
mod entity_builder;
mod events;
mod evidence;
mod faults;
mod ids;
mod mishaps;
mod paging;
mod problem;
mod problems;
mod relationships;
mod request;
mod samples;
mod selector;
mod server;
mod silence;
mod state;
mod topology;
mod v1_entities;
mod v1_events;
mod v1_problems;
mod v1_timeseries;
mod v2_entities;
mod v2_events;
mod v2_metrics;
mod v2_problems;
mod webhook;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use entity_builder::EntityBuilder;
pub use events::Event;
pub use faults::{Fault, GoneAs, ThrottleHeaders, Times};
pub use mishaps::{NoMatchText, Unstored};
pub use problem::{Problem, ProblemBuilder};
pub use problems::{Comment, Impact, Severity};
pub use samples::{Failed, Requests};
pub use silence::NoDataShape;
pub use state::{Call, V1Units};
pub use webhook::{Announced, Delivered, Template, TestRun, Webhook};

use catalogue::{Metric, Source};
use faults::Planned;
use server::Served;
use state::{Clock, State};
use topology::type_of;

/// A handle on a running tenant. The server stops when the last handle is gone.
#[derive(Clone)]
pub struct Tenant {
    state: Arc<Mutex<State>>,
    stop: Arc<watch::Sender<bool>>,
    url: String,
    token: String,
}

/// What a tenant is started with; nothing needs to be given.
#[derive(Clone, Default)]
pub struct Options {
    /// The loopback port; a free one unless given.
    pub port: Option<u16>,
    /// The id in the path prefix `/e/<id>` of managed clusters.
    pub environment: Option<String>,
    /// The only token that is let in; one in the real shape unless given.
    pub token: Option<String>,
}

impl Tenant {
    /// Starts a tenant on a free loopback port.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts a tenant on a loopback port.
    pub async fn start_with(options: Options) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port.unwrap_or(0)));
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address} for the tenant"))?;
        let address = listener
            .local_addr()
            .context("the tenant's listener has no address")?;
        let prefix = options.environment.as_ref().map(|id| format!("/e/{id}"));
        let token = options.token.unwrap_or_else(default_token);

        let state = Arc::new(Mutex::new(State::new(options.environment, token.clone())));
        let (stop, stopped) = watch::channel(false);
        let served = Served {
            state: Arc::clone(&state),
            stop: stopped.clone(),
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
            url: format!("http://{address}{}", prefix.unwrap_or_default()),
            token,
        })
    }

    /// Stops the server, whoever else holds a handle. New connections are refused
    /// once this returns, and calls under way are answered or cut.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }

    /// The base URL, with the prefix of the environment and no trailing slash.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The token that is let in.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Describes a service; it exists from [`EntityBuilder::add`] on.
    pub fn service(&self, id: &str, name: &str) -> EntityBuilder {
        self.entity("SERVICE", id, name)
    }

    /// Describes an entity of any type; it exists from [`EntityBuilder::add`] on.
    pub fn entity(&self, type_: &str, id: &str, name: &str) -> EntityBuilder {
        EntityBuilder::new(Arc::clone(&self.state), type_, id, name)
    }

    /// Records requests to a service, and to one of its methods where given.
    pub fn requests(&self, service: &str, method: Option<&str>, requests: Requests) {
        self.state().samples.record(service, method, &requests);
    }

    /// Records a value of a metric that is not computed from requests. A key the
    /// catalogue lacks becomes a custom metric of the entity's type.
    ///
    /// # Panics
    ///
    /// If the metric is computed from requests, as nobody would ever see the value.
    pub fn gauge(&self, entity: &str, v2_key: &str, at_ms: i64, value: f64) {
        let mut state = self.state();
        let metric = state
            .metrics
            .entry(v2_key.to_owned())
            .or_insert_with(|| Metric::custom(v2_key, type_of(entity)));
        assert!(
            metric.source == Source::Gauge,
            "`{v2_key}` is computed from requests"
        );
        state.samples.record_gauge(entity, v2_key, at_ms, value);
    }

    /// Removes an entity; events and problems still speak of its id.
    pub fn remove(&self, entity: &str) {
        self.state().entities.remove(entity);
    }

    /// Forgets everything measured for an entity.
    pub fn forget_data(&self, entity: &str) {
        self.state().samples.forget(entity);
    }

    /// Forgets everything measured before a moment, in milliseconds.
    pub fn forget_before(&self, ms: i64) {
        self.state().samples.forget_before(ms);
    }

    /// Sets the tenant's clock, which stands still from then on.
    pub fn set_now(&self, ms: i64) {
        self.state().clock = Clock::Set(ms);
    }

    /// Makes samples visible only so long after their time.
    pub fn metrics_arrive_after(&self, delay: Duration) {
        self.state().metrics_delay = delay;
    }

    /// Makes calls fail whose path, without the environment, starts with
    /// `matching`; with a method in front of it, as in `GET /api/v2/events`,
    /// those of that method alone. Of several faults for a call the one planned
    /// first happens.
    pub fn fail(&self, fault: Fault, times: Times, matching: &str) {
        if times == Times::N(0) {
            return;
        }
        let planned = Planned::new(fault, times, matching);
        self.state().faults.push(planned);
    }

    /// Takes back every fault that has not happened yet.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Delays every answer by this much, as a remote far away would.
    pub fn latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Pins the shape that means "no data" in one API version. Until then the
    /// shapes take turns.
    pub fn no_data_shape(&self, shape: NoDataShape) {
        self.state().silence.pin(shape);
    }

    /// Chooses how API v1 spells its units.
    pub fn v1_units(&self, units: V1Units) {
        self.state().v1_units = units;
    }

    /// All events, in the order they came, visible to readers or not.
    pub fn events(&self) -> Vec<Event> {
        self.state().events.iter().cloned().collect()
    }

    /// Makes events visible to readers only so long after they came.
    pub fn events_arrive_after(&self, delay: Duration) {
        self.state().events_delay = delay;
    }

    /// Lets the next reports of events find no entity, as before a rule has
    /// tagged it: v1 refuses them, v2 reports nothing.
    pub fn match_no_entity(&self, times: Times) {
        self.state().mishaps.match_nothing(times);
    }

    /// Lets the next v2 reports of events be accepted and yet not stored.
    pub fn store_no_event(&self, reason: Unstored, times: Times) {
        self.state().mishaps.store_nothing(reason, times);
    }

    /// Pins the words with which v1 says that no entity matches. Until then they
    /// take turns.
    pub fn no_match_text(&self, text: NoMatchText) {
        self.state().no_match.pin(text);
    }

    /// Describes a problem; the tenant knows it from [`ProblemBuilder::open`] on.
    pub fn problem(&self, title: &str) -> ProblemBuilder {
        ProblemBuilder::new(Arc::clone(&self.state), self.url.clone(), title)
    }

    /// The comments on a problem, oldest first; none if there is no such problem.
    pub fn comments(&self, problem: &str) -> Vec<Comment> {
        let state = self.state();
        let problem = state.problems.get(problem);
        problem.map_or_else(Vec::new, |problem| problem.comments.clone())
    }

    /// Refuses the next comments, in both API versions.
    pub fn refuse_comments(&self, times: Times) {
        self.state().refused_comments = times;
    }

    /// Sends the notification by which people test a webhook.
    pub async fn test_notification(
        &self,
        webhook: &Webhook,
        run: TestRun,
    ) -> anyhow::Result<Delivered> {
        webhook::send(webhook, webhook::test_message(webhook, run)).await
    }

    /// The most recent calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.iter().cloned().collect()
    }

    /// How many of the recent calls went to a path that starts like this.
    pub fn count(&self, path_prefix: &str) -> usize {
        self.state()
            .calls
            .iter()
            .filter(|call| call.path.starts_with(path_prefix))
            .count()
    }

    /// Forgets all calls.
    pub fn clear_calls(&self) {
        self.state().calls.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        server::lock(&self.state)
    }
}

/// A token in the shape of a real one, so that whatever hides real ones is put
/// to the test as well.
fn default_token() -> String {
    format!("dt0c01.{}.{}", "LAB0".repeat(6), "SECRET00".repeat(8))
}

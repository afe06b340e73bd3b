//! How a test describes a problem and what it does with it.

use std::sync::{Arc, Mutex, MutexGuard};

use super::problems::{self, Draft, Evidence, Impact, Severity};
use super::server::lock;
use super::state::State;
use super::webhook::{Announced, Delivered, Webhook, message, send};

/// A problem in the making; the tenant knows it from [`ProblemBuilder::open`] on.
#[must_use = "the problem exists only once it is opened"]
pub struct ProblemBuilder {
    state: Arc<Mutex<State>>,
    tenant: String,
    draft: Draft,
}

/// A handle on a problem the tenant knows.
#[derive(Clone)]
pub struct Problem {
    state: Arc<Mutex<State>>,
    tenant: String,
    id: String,
}

impl ProblemBuilder {
    pub(super) fn new(state: Arc<Mutex<State>>, tenant: String, title: &str) -> Self {
        Self {
            state,
            tenant,
            draft: Draft {
                title: title.to_owned(),
                severity: Severity::Performance,
                impact: Impact::Service,
                impacted: Vec::new(),
                touched: Vec::new(),
                root_cause: None,
                start: None,
                evidence: Evidence::WithDeployments,
            },
        }
    }

    /// Sets how bad it is; [`Severity::Performance`] unless given.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.draft.severity = severity;
        self
    }

    /// Sets what it concerns; [`Impact::Service`] unless given.
    pub fn impact(mut self, impact: Impact) -> Self {
        self.draft.impact = impact;
        self
    }

    /// Adds an impacted entity, which need not exist.
    pub fn impacts(mut self, entity: &str) -> Self {
        self.draft.impacted.push(entity.to_owned());
        self
    }

    /// Adds an entity that it touches and that nobody feels it on.
    pub fn touches(mut self, entity: &str) -> Self {
        self.draft.touched.push(entity.to_owned());
        self
    }

    /// Names the entity where it comes from.
    pub fn root_cause(mut self, entity: &str) -> Self {
        self.draft.root_cause = Some(entity.to_owned());
        self
    }

    /// Sets when it began, in milliseconds; now unless given.
    pub fn began(mut self, ms: i64) -> Self {
        self.draft.start = Some(ms);
        self
    }

    /// Keeps the tenant from finding the deployments that belong to it.
    pub fn without_deployment_evidence(mut self) -> Self {
        self.draft.evidence = Evidence::WithoutDeployments;
        self
    }

    /// Opens the problem.
    pub fn open(self) -> Problem {
        let id = {
            let mut state = lock(&self.state);
            let now = state.now();
            state.problems.open(self.draft, now)
        };
        Problem {
            state: self.state,
            tenant: self.tenant,
            id,
        }
    }
}

impl Problem {
    /// The id that the API and webhooks use, such as
    /// `-6478017825120311599_1641223491837V2`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The number that people use, such as `P-22013994`.
    pub fn display_id(&self) -> String {
        self.with(|problem| problem.display_id.clone())
    }

    /// Closes the problem at a moment, in milliseconds.
    pub fn resolve(&self, at: i64) {
        self.with(|problem| problem.end = Some(at));
    }

    /// Makes the tenant know nothing of it any more.
    pub fn forget(&self) {
        self.state().problems.forget(&self.id);
    }

    /// Closes the problem because another one took it in.
    pub fn merge_into(&self, survivor: &Problem) {
        let now = self.state().now();
        let entities = self.with(|problem| {
            problem.end = Some(now);
            problem.merged_into = Some(survivor.id.clone());
            problem.is.impacted.clone()
        });
        survivor.with(|problem| {
            for entity in entities {
                if !problem.is.impacted.contains(&entity) {
                    problem.is.impacted.push(entity);
                }
            }
        });
    }

    /// Opens the problem once more, under the same id.
    pub fn reopen(&self) {
        self.with(|problem| {
            problem.end = None;
            problem.merged_into = None;
        });
    }

    /// Sends a notification, whatever state the problem is really in. What the
    /// receiver answers is handed back; only a call without an answer fails.
    pub async fn notify(
        &self,
        webhook: &Webhook,
        announced: Announced,
    ) -> anyhow::Result<Delivered> {
        let body = message(&self.state(), &self.tenant, &self.id, webhook, announced);
        send(webhook, body).await
    }

    fn with<T>(&self, change: impl FnOnce(&mut problems::Problem) -> T) -> T {
        let mut state = self.state();
        let problem = state.problems.get_mut(&self.id);
        change(problem.expect("problems are never forgotten"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

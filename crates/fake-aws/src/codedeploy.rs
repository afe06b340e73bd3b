//! `CodeDeploy`, stateful, behind its real protocol.
//!
//! Functions and pipelines deploy here; the harness declares applications and
//! groups, says how long deployments take and how they end, and plays people
//! who deploy. What happens when is this table; whatever it does not list is
//! refused and changes nothing.
//!
//! | State | Event | Next | Refused |
//! |---|---|---|---|
//! | group free | create | created | unknown application, group, configuration; a revision the platform cannot run |
//! | group has an active deployment | create | | `DeploymentLimitExceeded` |
//! | created | its lead is over | queued | |
//! | queued | its lead is over | in progress | |
//! | queued | its lead is over, the bundle is not in S3 or has another tag | failed, `REVISION_MISSING` | |
//! | created, queued | finish by hand | | `NotBegun` |
//! | in progress, not held | its duration is over | succeeded or failed, as the group says | |
//! | in progress | finish by hand | succeeded or failed | |
//! | created, queued, in progress | stop | active until the stop takes effect, then stopped | |
//! | stop pending | stop again | the same; the first request decides about the rollback | |
//! | stop pending | its end comes first | succeeded or failed | |
//! | ended | stop, finish | | `DeploymentAlreadyCompleted` |
//! | failed, rolls back on failure | | a rollback is created at the same instant | |
//! | stopped, rollback asked for or configured | | a rollback is created at the same instant | |
//! | failed or stopped, nothing ever succeeded | rollback | none; the deployment says so | |
//! | rollback failed or stopped | | stays so; a rollback is never rolled back | |
//!
//! A rollback is an ordinary deployment of the revision that succeeded last,
//! made by `codeDeployRollback`. The previous revision of any deployment is the
//! one that had succeeded last when it was created: after a heal, the bad one.
//! A request has no token, so the same request twice is two deployments.
//!
//! A deployment reaches the instances of its group one after the other. Whoever
//! asks about its targets sees the lifecycle events of each: those that have not
//! begun are pending, and skipped once the deployment has ended. What joins a
//! group gets a deployment of its own, of what succeeded last, and keeps nobody
//! out.
//!
//! Restarts, alarms, baking and lifecycle hooks are not played.

mod deployment;
mod group;
mod life;
mod machine;
mod progress;
mod revision;
mod rollout;
mod service_error;
mod wire;
mod words;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::clock::Clock;
use crate::protocol::JsonError;
use crate::s3::S3;

pub(crate) use deployment::fresh_id;
pub use deployment::{AlarmOverride, Deployment, DeploymentError, Rollback, Settings};
pub use group::{AutoRollback, DeploymentEnd, GroupOptions};
pub use revision::{Bundle, Revision};
pub use service_error::ServiceError;
pub use words::{Creator, DeploymentStatus, ErrorCode, FileExists, Platform, RollbackEvent};

use deployment::Request;
use machine::Machine;

/// The deployments of one endpoint; clones share them.
#[derive(Clone, Debug)]
pub struct CodeDeploy {
    clock: Clock,
    s3: S3,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    machine: Machine,
    page_size: usize,
    /// Groups to which access is denied.
    closed: BTreeSet<(String, String)>,
}

impl CodeDeploy {
    pub(crate) fn new(clock: Clock, s3: S3) -> Self {
        let state = State {
            machine: Machine::default(),
            page_size: wire::PAGE_SIZE,
            closed: BTreeSet::new(),
        };
        Self {
            clock,
            s3,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Adds an application, unless it is there.
    pub fn application(&self, name: &str) {
        self.current().machine.add_application(name);
    }

    /// Adds a group to an application, or gives it other options for its later
    /// deployments; those are not held any more.
    pub fn group(
        &self,
        application: &str,
        name: &str,
        options: GroupOptions,
    ) -> Result<(), ServiceError> {
        let mut state = self.current();
        state.machine.add_group(application, name, options)
    }

    /// Deletes a group; its deployments can no longer be listed.
    pub fn delete_group(&self, application: &str, name: &str) -> Result<(), ServiceError> {
        self.current().machine.delete_group(application, name)
    }

    /// From now on the role may not ask for a group, whether there is one or
    /// not.
    pub fn close(&self, application: &str, group: &str) {
        let named = (application.to_owned(), group.to_owned());
        self.current().closed.insert(named);
    }

    /// Makes later deployments of a group stay in progress until they are
    /// finished by hand or stopped.
    pub fn hold(&self, application: &str, group: &str) -> Result<(), ServiceError> {
        self.current().machine.hold(application, group)
    }

    /// Deploys as a person or a pipeline would; the answer is the id of the
    /// deployment.
    pub fn deploy_by_person(
        &self,
        application: &str,
        group: &str,
        revision: Revision,
    ) -> Result<String, ServiceError> {
        let now = self.clock.now();
        let mut state = self.current();
        let request = Request::from(revision);
        state.machine.create(application, group, request, now)
    }

    /// An instance joins a group, or leaves it, and the service deploys to it;
    /// the answer is the id of the deployment.
    pub fn join(
        &self,
        application: &str,
        group: &str,
        instance: &str,
        creator: Creator,
    ) -> Result<String, ServiceError> {
        let now = self.clock.now();
        let mut state = self.current();
        let who = (instance, creator);
        state.machine.join(application, group, who, now)
    }

    pub(crate) fn has_group(&self, application: &str, group: &str) -> bool {
        self.current().machine.group(application, group).is_ok()
    }

    /// Ends a deployment that is in progress, held or not.
    pub fn finish(&self, id: &str, outcome: DeploymentEnd) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.current().machine.finish(id, outcome, now)
    }

    /// A deployment as it is now.
    pub fn deployment(&self, id: &str) -> Result<Deployment, ServiceError> {
        self.current().machine.deployment(id).cloned()
    }

    /// How many targets a deployment has changed by now.
    pub fn reached(&self, id: &str) -> Result<usize, ServiceError> {
        let now = self.clock.now();
        let state = self.current();
        let deployment = state.machine.deployment(id)?;
        let places = 0..deployment.targets().len();
        Ok(places
            .filter(|place| deployment.changes(*place, now))
            .count())
    }

    /// The deployments of a group as they are now, newest first.
    pub fn history(&self, application: &str, group: &str) -> Result<Vec<Deployment>, ServiceError> {
        let state = self.current();
        state.machine.group(application, group)?;
        let history = state.machine.history(application, group);
        Ok(history.cloned().collect())
    }

    /// The deployment that keeps a group busy now.
    pub fn active(
        &self,
        application: &str,
        group: &str,
    ) -> Result<Option<Deployment>, ServiceError> {
        let state = self.current();
        state.machine.group(application, group)?;
        Ok(state.machine.active(application, group).cloned())
    }

    /// Keeps a deployment out of lists, which may be behind what happened.
    pub fn unlist(&self, id: &str) {
        self.current().machine.unlisted.insert(id.to_owned());
    }

    /// Sets how many deployments one page of a list holds.
    pub fn page_size(&self, size: usize) {
        self.current().page_size = size;
    }

    pub(crate) fn serve(&self, operation: &str, input: Value) -> Result<Value, JsonError> {
        let now = self.clock.now();
        let mut state = self.current();
        let page_size = state.page_size;
        let named = |name: &str| input[name].as_str().map(str::to_owned);
        if let (Some(application), Some(group)) =
            (named("applicationName"), named("deploymentGroupName"))
            && state.closed.contains(&(application, group))
        {
            return Err(JsonError::denied(operation));
        }
        let request = wire::Request {
            operation,
            input,
            page_size,
        };
        wire::answer(&mut state.machine, request, now)
    }

    /// The state after everything that time alone brought about.
    fn current(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let fetchable = |bundle: &Bundle| self.is_fetchable(bundle);
        state.machine.tick(self.clock.now(), &fetchable);
        state
    }

    /// Whether the object of a bundle is there, with the content that was named.
    fn is_fetchable(&self, bundle: &Bundle) -> bool {
        let object = self.s3.get(&bundle.bucket, &bundle.key);
        let wanted = bundle.etag.as_deref();
        object.is_some_and(|object| {
            wanted.is_none_or(|tag| object.etag().trim_matches('"') == tag.trim_matches('"'))
        })
    }
}

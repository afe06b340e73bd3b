//! What may be asked of deployments: pure, synchronous, `now` is an argument.
//!
//! What follows from the passing of time is in [`super::progress`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::deployment::{AfterStop, Deployment, End, Request, Stop};
use super::group::{AutoRollback, GroupOptions};
use super::revision::Revision;
use super::service_error::ServiceError;
use super::words::{Creator, DeploymentStatus, Platform, RollbackEvent};

/// Configurations every account has.
const CONFIGS: [&str; 5] = [
    "CodeDeployDefault.OneAtATime",
    "CodeDeployDefault.HalfAtATime",
    "CodeDeployDefault.AllAtOnce",
    "CodeDeployDefault.LambdaAllAtOnce",
    "CodeDeployDefault.ECSAllAtOnce",
];

/// Everything in one account.
#[derive(Debug, Default)]
pub(super) struct Machine {
    applications: BTreeMap<String, BTreeMap<String, Group>>,
    /// Of all groups, in the order of their creation.
    pub(super) deployments: Vec<Deployment>,
    /// The deployments that lists lack.
    pub(super) unlisted: BTreeSet<String>,
}

/// A declared group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) options: GroupOptions,
    pub(super) held: bool,
}

/// What a request says about a rollback after the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopRequest {
    RollBack,
    Stay,
    AsConfigured,
}

impl Machine {
    pub(super) fn add_application(&mut self, name: &str) {
        self.applications.entry(name.to_owned()).or_default();
    }

    /// Adds a group, or gives it other options for its later deployments.
    pub(super) fn add_group(
        &mut self,
        application: &str,
        name: &str,
        options: GroupOptions,
    ) -> Result<(), ServiceError> {
        let groups = self.applications.get_mut(application);
        let groups =
            groups.ok_or_else(|| ServiceError::ApplicationDoesNotExist(application.to_owned()))?;
        let group = Group {
            options,
            held: false,
        };
        groups.insert(name.to_owned(), group);
        Ok(())
    }

    pub(super) fn delete_group(
        &mut self,
        application: &str,
        name: &str,
    ) -> Result<(), ServiceError> {
        self.group(application, name)?;
        let groups = self.applications.get_mut(application);
        groups.and_then(|groups| groups.remove(name));
        Ok(())
    }

    pub(super) fn check_application(&self, name: &str) -> Result<(), ServiceError> {
        if !self.applications.contains_key(name) {
            return Err(ServiceError::ApplicationDoesNotExist(name.to_owned()));
        }
        Ok(())
    }

    pub(super) fn group(&self, application: &str, name: &str) -> Result<&Group, ServiceError> {
        self.check_application(application)?;
        let group = self.applications[application].get(name);
        group.ok_or_else(|| ServiceError::DeploymentGroupDoesNotExist(name.to_owned()))
    }

    /// Makes later deployments of a group stay in progress.
    pub(super) fn hold(&mut self, application: &str, name: &str) -> Result<(), ServiceError> {
        self.check_application(application)?;
        let groups = self.applications.get_mut(application);
        let group = groups.and_then(|groups| groups.get_mut(name));
        let group =
            group.ok_or_else(|| ServiceError::DeploymentGroupDoesNotExist(name.to_owned()))?;
        group.held = true;
        Ok(())
    }

    pub(super) fn deployment(&self, id: &str) -> Result<&Deployment, ServiceError> {
        Ok(&self.deployments[self.index(id)?])
    }

    pub(super) fn index(&self, id: &str) -> Result<usize, ServiceError> {
        let found = self.deployments.iter().position(|known| known.id == id);
        found.ok_or_else(|| ServiceError::DeploymentDoesNotExist(id.to_owned()))
    }

    /// The deployments of a group, newest first.
    pub(super) fn history(
        &self,
        application: &str,
        group: &str,
    ) -> impl Iterator<Item = &Deployment> {
        let newest_first = self.deployments.iter().rev();
        newest_first.filter(move |deployment| deployment.is_in(application, group))
    }

    pub(super) fn last_successful(&self, application: &str, group: &str) -> Option<&Deployment> {
        self.history(application, group)
            .find(|deployment| deployment.status == DeploymentStatus::Succeeded)
    }

    pub(super) fn active(&self, application: &str, group: &str) -> Option<&Deployment> {
        self.history(application, group)
            .filter(|deployment| !deployment.creator.is_joining())
            .find(|deployment| deployment.status.is_active())
    }

    /// Deploys what succeeded last to one instance more, whatever else is under
    /// way.
    pub(super) fn join(
        &mut self,
        application: &str,
        group: &str,
        (instance, creator): (&str, Creator),
        now: Timestamp,
    ) -> Result<String, ServiceError> {
        let options = GroupOptions {
            instances: vec![instance.to_owned()],
            ..self.group(application, group)?.options.clone()
        };
        let last = self.last_successful(application, group);
        let revision = last.ok_or(ServiceError::RevisionRequired)?.revision.clone();
        let request = Request::from(revision);
        let mut deployment = Deployment::new((application, group), &options, request, now);
        deployment.creator = creator;
        Ok(self.add(deployment))
    }

    pub(super) fn create(
        &mut self,
        application: &str,
        group: &str,
        request: Request,
        now: Timestamp,
    ) -> Result<String, ServiceError> {
        let options = &self.group(application, group)?.options;
        check_platform(options.platform, &request)?;
        let config = request.config.as_ref().unwrap_or(&options.config);
        if *config != options.config && !CONFIGS.contains(&config.as_str()) {
            return Err(ServiceError::DeploymentConfigDoesNotExist(config.clone()));
        }
        if let Some(active) = self.active(application, group) {
            return Err(ServiceError::DeploymentLimitExceeded {
                group: group.to_owned(),
                active: active.id.clone(),
            });
        }
        let place = (application, group);
        let deployment = Deployment::new(place, options, request, now);
        Ok(self.add(deployment))
    }

    /// Adds a deployment to its group, which must be free.
    pub(super) fn add(&mut self, mut deployment: Deployment) -> String {
        let (application, group) = (&deployment.application, &deployment.group);
        let before = self.last_successful(application, group);
        deployment.previous_revision = before.map(|last| last.revision.clone());
        if self.group(application, group).is_ok_and(|group| group.held) {
            deployment.course.end = End::ByHand;
        }
        let id = deployment.id.clone();
        self.deployments.push(deployment);
        id
    }

    /// Requests a stop; returns when it takes effect.
    pub(super) fn stop(
        &mut self,
        id: &str,
        request: StopRequest,
        now: Timestamp,
    ) -> Result<Timestamp, ServiceError> {
        let index = self.index(id)?;
        let then = match request {
            StopRequest::RollBack => AfterStop::RollBack,
            StopRequest::Stay => AfterStop::Stay,
            StopRequest::AsConfigured => {
                let rules = self.rollback_rules(&self.deployments[index]);
                if rules.follows(RollbackEvent::StopOnRequest) {
                    AfterStop::RollBack
                } else {
                    AfterStop::Stay
                }
            }
        };
        let deployment = &mut self.deployments[index];
        if !deployment.status.is_active() {
            return Err(ServiceError::DeploymentAlreadyCompleted(id.to_owned()));
        }
        let at = now + deployment.course.stopping;
        // A repeated request gets the same answer; the first one counts.
        Ok(deployment.course.stop.get_or_insert(Stop { at, then }).at)
    }

    /// What the deployment says about rollbacks, else what its group says.
    pub(super) fn rollback_rules(&self, deployment: &Deployment) -> AutoRollback {
        if let Some(own) = &deployment.settings.auto_rollback {
            return own.clone();
        }
        let group = self.group(&deployment.application, &deployment.group);
        group.map_or(AutoRollback::Disabled, |group| {
            group.options.auto_rollback.clone()
        })
    }
}

fn check_platform(platform: Platform, request: &Request) -> Result<(), ServiceError> {
    let on_instances = platform == Platform::Server;
    let settings = &request.settings;
    if !on_instances && settings.ignore_application_stop_failures {
        return Err(ServiceError::InvalidIgnoreApplicationStopFailuresValue);
    }
    if !on_instances && settings.update_outdated_instances_only {
        return Err(ServiceError::InvalidUpdateOutdatedInstancesOnlyValue);
    }
    match &request.revision {
        Revision::AppSpec { .. } if on_instances => Err(ServiceError::InvalidRevision(
            "an AppSpec alone cannot be deployed to instances",
        )),
        Revision::GitHub { .. } if !on_instances => Err(ServiceError::InvalidRevision(
            "a commit can be deployed to instances only",
        )),
        _ => Ok(()),
    }
}

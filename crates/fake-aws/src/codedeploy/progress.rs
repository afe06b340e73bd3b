//! How deployments move on by themselves, and how they end.

use jiff::Timestamp;

use super::deployment::{AfterStop, Deployment, DeploymentError, End, Request, Rollback, Settings};
use super::group::{AutoRollback, DeploymentEnd};
use super::machine::Machine;
use super::revision::{Bundle, Revision};
use super::service_error::ServiceError;
use super::words::{Creator, DeploymentStatus, ErrorCode, RollbackEvent};

/// Whether a bundle is where a revision says.
pub(super) type Fetchable<'a> = &'a dyn Fn(&Bundle) -> bool;

impl Machine {
    /// Does everything that time alone brought about until `now`.
    pub(super) fn tick(&mut self, now: Timestamp, fetchable: Fetchable<'_>) {
        let mut index = 0;
        // Rollbacks join the end of the list and are moved on in the same pass.
        while index < self.deployments.len() {
            while let Some((event, at)) = due(&self.deployments[index], now) {
                self.apply(index, event, at, fetchable);
            }
            index += 1;
        }
    }

    /// Ends a deployment that is in progress.
    pub(super) fn finish(
        &mut self,
        id: &str,
        outcome: DeploymentEnd,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let index = self.index(id)?;
        match self.deployments[index].status {
            DeploymentStatus::Created | DeploymentStatus::Queued => {
                Err(ServiceError::NotBegun(id.to_owned()))
            }
            status if status.is_active() => {
                self.end(index, outcome, now);
                Ok(())
            }
            _ => Err(ServiceError::DeploymentAlreadyCompleted(id.to_owned())),
        }
    }

    fn apply(&mut self, index: usize, event: Event, at: Timestamp, fetchable: Fetchable<'_>) {
        let deployment = &mut self.deployments[index];
        match event {
            Event::Queue => deployment.status = DeploymentStatus::Queued,
            Event::Begin => {
                deployment.status = DeploymentStatus::InProgress;
                deployment.started = Some(at);
                if let Revision::S3(bundle) = &deployment.revision
                    && !fetchable(bundle)
                {
                    let message = format!("The bundle {} could not be found", bundle.key);
                    self.fail(index, ErrorCode::RevisionMissing, message, at);
                }
            }
            Event::End(outcome) => self.end(index, outcome, at),
            Event::Stop(then) => self.stopped(index, then, at),
        }
    }

    fn end(&mut self, index: usize, outcome: DeploymentEnd, at: Timestamp) {
        match outcome {
            DeploymentEnd::Succeeded => {
                let deployment = &mut self.deployments[index];
                deployment.status = DeploymentStatus::Succeeded;
                deployment.completed = Some(at);
            }
            DeploymentEnd::Failed => {
                let message = "Too many individual instances failed deployment".to_owned();
                self.fail(index, ErrorCode::HealthConstraints, message, at);
            }
        }
    }

    fn fail(&mut self, index: usize, code: ErrorCode, message: String, at: Timestamp) {
        let deployment = &mut self.deployments[index];
        deployment.status = DeploymentStatus::Failed;
        deployment.completed = Some(at);
        deployment.error = Some(DeploymentError { code, message });
        let rules = self.rollback_rules(&self.deployments[index]);
        if rules.follows(RollbackEvent::Failure) {
            self.roll_back(index, at);
        }
    }

    fn stopped(&mut self, index: usize, then: AfterStop, at: Timestamp) {
        let deployment = &mut self.deployments[index];
        deployment.status = DeploymentStatus::Stopped;
        deployment.completed = Some(at);
        deployment.error = Some(DeploymentError {
            code: ErrorCode::ManualStop,
            message: "The deployment was stopped on request".to_owned(),
        });
        if then == AfterStop::RollBack {
            self.roll_back(index, at);
        }
    }

    /// Deploys what succeeded last once more. A rollback is never taken back
    /// itself, or a bundle that is gone would be deployed forever.
    fn roll_back(&mut self, index: usize, at: Timestamp) {
        let bad = &self.deployments[index];
        if bad.creator == Creator::Rollback {
            return;
        }
        let (application, group) = (&bad.application, &bad.group);
        let last = self.last_successful(application, group);
        let known = self.group(application, group);
        let (Some(last), Ok(known)) = (last, known) else {
            self.deployments[index].rollback = Some(Rollback::Impossible);
            return;
        };
        let mut request = Request::from(last.revision.clone());
        request.settings = Settings {
            auto_rollback: Some(AutoRollback::Disabled),
            ..Settings::default()
        };
        let mut rollback = Deployment::new((application, group), &known.options, request, at);
        rollback.creator = Creator::Rollback;
        rollback.rollback = Some(Rollback::Of(bad.id.clone()));
        let id = self.add(rollback);
        self.deployments[index].rollback = Some(Rollback::TakenBackBy(id));
    }
}

/// What happens to a deployment without anybody's doing.
#[derive(Clone, Copy)]
enum Event {
    Queue,
    Begin,
    End(DeploymentEnd),
    Stop(AfterStop),
}

/// The next thing that happens to a deployment until `now`. Of two at the same
/// instant the stop comes first: it was asked for before anybody saw the other.
fn due(deployment: &Deployment, now: Timestamp) -> Option<(Event, Timestamp)> {
    let course = &deployment.course;
    let planned = match deployment.status {
        DeploymentStatus::Created => Some((Event::Queue, course.queued)),
        DeploymentStatus::Queued => Some((Event::Begin, course.begins)),
        DeploymentStatus::InProgress => match course.end {
            End::At(at) => Some((Event::End(course.outcome), at)),
            End::ByHand => None,
        },
        // The rest has ended, or is never entered here.
        _ => return None,
    };
    let stop = course.stop.map(|stop| (Event::Stop(stop.then), stop.at));
    let next = stop.into_iter().chain(planned).min_by_key(|(_, at)| *at);
    next.filter(|(_, at)| *at <= now)
}

//! What happens to the targets of a deployment.

use jiff::Timestamp;

use super::deployment::{Deployment, DeploymentError};
use super::words::{DeploymentStatus, ErrorCode, Platform};

const ON_INSTANCES: &[&str] = &[
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
];

const OF_FUNCTIONS: &[&str] = &["BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"];

const OF_CONTAINERS: &[&str] = &[
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
];

/// How far an event is, or a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventStatus {
    Pending,
    InProgress,
    Succeeded,
    Failed,
    Skipped,
}

impl EventStatus {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Skipped => "Skipped",
        }
    }
}

/// One event in the life of a target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) status: EventStatus,
    pub(super) began: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
}

impl Deployment {
    /// The ids of its targets; none before it has begun.
    pub(super) fn targets(&self) -> &[String] {
        match self.started {
            Some(_) => &self.course.rollout.targets,
            None => &[],
        }
    }

    /// What happened to the target at this place until `now`.
    pub(super) fn events(&self, place: usize, now: Timestamp) -> Vec<Event> {
        let rollout = &self.course.rollout;
        let names = match rollout.platform {
            Platform::Server => ON_INSTANCES,
            Platform::Lambda => OF_FUNCTIONS,
            Platform::Ecs => OF_CONTAINERS,
        };
        let until = self.completed.unwrap_or(now);
        let planned = |place| Some(self.started? + rollout.offset(place)?);
        // The end of a deployment may be the moment at which it began.
        let changed = planned(place).filter(|at| *at < until || self.started == Some(*at));
        let next = planned(place + 1).filter(|next| *next <= until);
        names
            .iter()
            .map(|name| {
                let last = names.last() == Some(name);
                let prepares = rollout.platform != Platform::Server
                    && !matches!(*name, "AllowTraffic" | "AfterAllowTraffic");
                let began = if prepares { self.started } else { changed };
                self.event(name, began, next, last)
            })
            .collect()
    }

    /// Whether the target at this place runs anything else because of it.
    pub(super) fn changes(&self, place: usize, now: Timestamp) -> bool {
        let traffic = self.course.rollout.platform != Platform::Server;
        let counts = |event: &Event| {
            if traffic {
                event.name == "AllowTraffic"
            } else {
                event.name != "DownloadBundle"
            }
        };
        let events = self.events(place, now);
        events
            .iter()
            .any(|event| event.began.is_some() && counts(event))
    }

    fn event(
        &self,
        name: &'static str,
        began: Option<Timestamp>,
        next: Option<Timestamp>,
        last: bool,
    ) -> Event {
        if began.is_some() && self.is_left_out(name) {
            return Event {
                name,
                status: EventStatus::Skipped,
                began: None,
                ended: None,
            };
        }
        let failed_here = self.is_missing() && name == "DownloadBundle";
        let status = match (began, self.status) {
            (None, status) if status.is_active() => EventStatus::Pending,
            (None, _) => EventStatus::Skipped,
            (Some(_), _) if failed_here => EventStatus::Failed,
            (Some(_), _) if !last || next.is_some() => EventStatus::Succeeded,
            (Some(_), DeploymentStatus::Succeeded) => EventStatus::Succeeded,
            (Some(_), status) if status.is_active() => EventStatus::InProgress,
            (Some(_), _) => EventStatus::Failed,
        };
        let over = !matches!(status, EventStatus::InProgress | EventStatus::Pending);
        let ended = if last { next.or(self.completed) } else { began };
        Event {
            name,
            status,
            began,
            ended: ended.filter(|_| over && began.is_some()),
        }
    }

    /// Without a previous revision there is nothing to stop, and nothing follows
    /// a bundle that is not there.
    fn is_left_out(&self, name: &str) -> bool {
        let stops = name == "ApplicationStop";
        (stops && self.previous_revision.is_none())
            || (self.is_missing() && !stops && name != "DownloadBundle")
    }

    fn is_missing(&self) -> bool {
        let missing = |error: &DeploymentError| error.code == ErrorCode::RevisionMissing;
        self.error.as_ref().is_some_and(missing)
    }
}

//! The state of one deployment; only [`super::machine`] changes it
//! and [`super::progress`].

use jiff::Timestamp;
use uuid::Uuid;

use super::group::{AutoRollback, DeploymentEnd, GroupOptions};
use super::revision::Revision;
use super::rollout::Rollout;
use super::words::{Creator, DeploymentStatus, ErrorCode, FileExists};

/// One deployment of a revision to a group.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// The application it belongs to.
    pub application: String,
    /// The group it deploys to.
    pub group: String,
    /// The name of its configuration.
    pub config: String,
    /// What it deploys.
    pub revision: Revision,
    /// What had been deployed successfully before it was created.
    pub previous_revision: Option<Revision>,
    /// How far it is.
    pub status: DeploymentStatus,
    /// Who asked for it.
    pub creator: Creator,
    /// What was said with the request.
    pub description: Option<String>,
    /// What else was asked for.
    pub settings: Settings,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it began to change instances.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub completed: Option<Timestamp>,
    /// Why it did not succeed.
    pub error: Option<DeploymentError>,
    /// Its relation to a rollback.
    pub rollback: Option<Rollback>,
    pub(super) course: Course,
}

impl Deployment {
    pub(super) fn new(
        (application, group): (&str, &str),
        options: &GroupOptions,
        request: Request,
        now: Timestamp,
    ) -> Self {
        Self {
            id: fresh_id(),
            application: application.to_owned(),
            group: group.to_owned(),
            config: request.config.unwrap_or_else(|| options.config.clone()),
            revision: request.revision,
            previous_revision: None,
            status: DeploymentStatus::Created,
            creator: Creator::User,
            description: request.description,
            settings: request.settings,
            created: now,
            started: None,
            completed: None,
            error: None,
            rollback: None,
            course: Course::planned(options, now),
        }
    }

    pub(super) fn is_in(&self, application: &str, group: &str) -> bool {
        self.application == application && self.group == group
    }
}

/// The request for a deployment.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) revision: Revision,
    pub(super) config: Option<String>,
    pub(super) description: Option<String>,
    pub(super) settings: Settings,
}

impl From<Revision> for Request {
    fn from(revision: Revision) -> Self {
        Self {
            revision,
            config: None,
            description: None,
            settings: Settings::default(),
        }
    }
}

/// The switches of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether scripts of the previous revision may fail.
    pub ignore_application_stop_failures: bool,
    /// Whether instances that run the latest revision are left alone.
    pub update_outdated_instances_only: bool,
    /// When it is rolled back, if it is not as the group says.
    pub auto_rollback: Option<AutoRollback>,
    /// What happens to existing files.
    pub file_exists: Option<FileExists>,
    /// The alarms it watches, if they are not those of the group.
    pub override_alarms: Option<AlarmOverride>,
}

/// Alarms that count for one deployment only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmOverride {
    /// Whether any alarm stops the deployment.
    pub enabled: bool,
    /// Whether it goes on while the state of an alarm cannot be read.
    pub ignore_poll_alarm_failure: bool,
    /// The names of the alarms.
    pub alarms: Vec<String>,
}

/// Why a deployment did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentError {
    /// The kind of error.
    pub code: ErrorCode,
    /// The error in words.
    pub message: String,
}

/// The relation of a deployment to a rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollback {
    /// It ended badly, and this deployment takes it back.
    TakenBackBy(String),
    /// It takes this deployment back.
    Of(String),
    /// It ended badly, and there was nothing to go back to.
    Impossible,
}

/// The planned events of a deployment, unless something interferes.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) queued: Timestamp,
    pub(super) begins: Timestamp,
    pub(super) rollout: Rollout,
    pub(super) end: End,
    pub(super) outcome: DeploymentEnd,
    /// How long after the request it still runs when it is stopped.
    pub(super) stopping: jiff::SignedDuration,
    pub(super) stop: Option<Stop>,
}

impl Course {
    fn planned(options: &GroupOptions, now: Timestamp) -> Self {
        let queued = now + options.lead;
        let begins = queued + options.lead;
        Self {
            queued,
            begins,
            rollout: Rollout::planned(options),
            end: End::At(begins + options.duration),
            outcome: options.outcome,
            stopping: options.stopping,
            stop: None,
        }
    }
}

/// When a deployment ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    At(Timestamp),
    ByHand,
}

/// A stop that was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub(super) at: Timestamp,
    pub(super) then: AfterStop,
}

/// What follows when a deployment was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterStop {
    Stay,
    RollBack,
}

/// An id in the form the service gives it.
pub(crate) fn fresh_id() -> String {
    const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let random = Uuid::new_v4().into_bytes();
    let letters = random.iter().take(6).chain(random.iter().skip(9).take(3));
    let letters = letters.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    format!("d-{}", letters.collect::<String>())
}

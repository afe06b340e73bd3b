//! What a group is like, as the harness declares it.

use jiff::SignedDuration;

use super::words::{Platform, RollbackEvent};

/// How deployments to a group go.
#[derive(Clone, Debug)]
pub struct GroupOptions {
    /// What the group runs on.
    pub platform: Platform,
    /// The configuration of deployments that name none.
    pub config: String,
    /// How long a deployment stays created, and then queued.
    pub lead: SignedDuration,
    /// How long a deployment is in progress. It reaches its instances one after
    /// the other, evenly; functions and containers get their traffic half-way.
    pub duration: SignedDuration,
    /// The instances, where it runs on any.
    pub instances: Vec<String>,
    /// How many instances a deployment reaches that fails; of functions and
    /// containers, whether any traffic moves. All, if nothing is said.
    pub reaches: Option<usize>,
    /// How long after the request a stopped deployment still runs.
    pub stopping: SignedDuration,
    /// How deployments end that are not ended by hand.
    pub outcome: DeploymentEnd,
    /// When deployments are rolled back that do not say it themselves.
    pub auto_rollback: AutoRollback,
}

/// Everything takes no time and succeeds.
impl Default for GroupOptions {
    fn default() -> Self {
        Self {
            platform: Platform::Server,
            config: "CodeDeployDefault.OneAtATime".to_owned(),
            lead: SignedDuration::ZERO,
            duration: SignedDuration::ZERO,
            instances: vec!["i-00000000000000001".to_owned()],
            reaches: None,
            stopping: SignedDuration::ZERO,
            outcome: DeploymentEnd::Succeeded,
            auto_rollback: AutoRollback::Disabled,
        }
    }
}

/// How a deployment ends that is in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentEnd {
    /// The revision runs.
    Succeeded,
    /// Too few instances are healthy with it.
    Failed,
}

/// When the service redeploys the last successful revision by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AutoRollback {
    /// Never.
    Disabled,
    /// After these events.
    On(Vec<RollbackEvent>),
}

impl AutoRollback {
    pub(super) fn follows(&self, event: RollbackEvent) -> bool {
        match self {
            Self::Disabled => false,
            Self::On(events) => events.contains(&event),
        }
    }
}

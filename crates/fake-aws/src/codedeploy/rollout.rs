//! Which instances a deployment reaches, and when.

use jiff::SignedDuration;

use super::group::{DeploymentEnd, GroupOptions};
use super::words::Platform;

/// How a deployment is going to be rolled out.
#[derive(Clone, Debug)]
pub(super) struct Rollout {
    pub(super) platform: Platform,
    pub(super) targets: Vec<String>,
    /// How many of them are reached.
    reached: usize,
    duration: SignedDuration,
}

impl Rollout {
    pub(super) fn planned(options: &GroupOptions) -> Self {
        let targets = match options.platform {
            Platform::Server => options.instances.clone(),
            Platform::Lambda => vec!["function".to_owned()],
            Platform::Ecs => vec!["cluster:service".to_owned()],
        };
        let reached = match (options.outcome, options.reaches) {
            (DeploymentEnd::Failed, Some(reached)) => reached.min(targets.len()),
            _ => targets.len(),
        };
        Self {
            platform: options.platform,
            targets,
            reached,
            duration: options.duration,
        }
    }

    /// When the target at this place begins to be changed, after the deployment
    /// began.
    pub(super) fn offset(&self, place: usize) -> Option<SignedDuration> {
        if self.reached <= place {
            return None;
        }
        if self.platform != Platform::Server {
            return Some(self.duration / 2);
        }
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        Some(self.duration / count(self.reached) * count(place))
    }
}

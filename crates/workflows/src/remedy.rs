//! How a change of each kind is found to be a cause, looked at and taken back.

pub(crate) mod candidates;
pub(crate) mod codedeploy;

use delivery::bundle::Bundles;
use delivery::codedeploy::CodeDeploy;
use dynatrace::{Dynatrace, Window};
use jiff::{SignedDuration, Timestamp};
use release::behind::Behind;
use release::window::saturating_add;
use store::Store;
use tokio::time::Instant;

use codedeploy::GroupTag;

/// How long after the moment that is looked at an entity may be seen first.
const SEEN_LATE: SignedDuration = SignedDuration::from_hours(1);

/// What changes are looked at and taken back with, in one pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// What is known of changes.
    pub(crate) store: &'a Store,
    /// Where deployments are made.
    pub(crate) codedeploy: &'a CodeDeploy,
    /// Where their bundles lie.
    pub(crate) bundles: &'a Bundles,
    /// Where changes are announced.
    pub(crate) tenant: &'a Dynatrace,
    /// How long before a problem a change can be its cause.
    pub(crate) look_back: SignedDuration,
    /// Which groups are behind which tags, where that is listed.
    pub(crate) behind: &'a Behind,
    /// The tag whose value names the deployment group of an entity.
    pub(crate) group_tag: &'a GroupTag,
    /// Whether what is blamed will be answered, so that looking ahead pays.
    pub(crate) answers: bool,
    /// Now.
    pub(crate) now: Timestamp,
    /// When what is looked at happened: now, or a moment of the past.
    pub(crate) moment: Timestamp,
    /// When remotes are no longer waited for.
    pub(crate) remotes_until: Instant,
}

impl Context<'_> {
    /// When entities were there that something may be known of.
    pub(crate) fn around(&self) -> Window {
        let to = saturating_add(self.moment, SEEN_LATE).min(self.now);
        let to_ms = to.as_millisecond();
        Window {
            from_ms: to_ms - 24 * 3_600_000,
            to_ms,
        }
    }
}

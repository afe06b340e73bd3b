//! Which changes could be the cause of a problem.

use std::collections::BTreeSet;

use dynatrace::RecordedEvent;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use release::attribution::{Blame, Candidate};
use release::deployment::Group;

use super::Context;
use super::codedeploy::{self, Views};

/// An entity of a problem that is production.
#[derive(Clone, Debug)]
pub(crate) struct Affected {
    pub(crate) id: String,
    pub(crate) tags: Vec<monspec::Tag>,
}

/// Whose cause is looked for.
pub(crate) struct Case<'a> {
    pub(crate) blame: Blame<'a>,
    pub(crate) affected: &'a [Affected],
    /// The deployments that the tenant itself thinks are part of it.
    pub(crate) evidence: &'a [RecordedEvent],
}

/// Everything that could be the cause.
pub(crate) struct Gathered {
    pub(crate) candidates: Vec<Candidate>,
    /// What looks like a candidate and is none.
    pub(crate) dismissed: Vec<Dismissed>,
    /// The names of groups that tags say and several applications have.
    pub(crate) undecided: BTreeSet<String>,
    /// The groups that CodeDeploy does not let us look at.
    pub(crate) closed: BTreeSet<Group>,
    pub(crate) views: Views,
    /// What was not looked at, because there is too much.
    pub(crate) left_out: Vec<String>,
}

/// A deployment that is no candidate.
pub(crate) struct Dismissed {
    pub(crate) deployment: String,
    pub(crate) group: Group,
    pub(crate) entity: String,
    pub(crate) at: Timestamp,
    pub(crate) announced: bool,
    pub(crate) why: &'static str,
}

/// Gathers the candidates, for whoever blames and for whoever explains.
pub(crate) fn gather<'a>(
    context: Context<'a>,
    case: &'a Case<'_>,
) -> BoxFuture<'a, anyhow::Result<Gathered>> {
    codedeploy::gather(context, case).boxed()
}

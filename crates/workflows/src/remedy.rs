//! How a change of each kind is found to be a cause, looked at and taken back.

pub(crate) mod codedeploy;

mod adapter;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use release::attribution::Candidate;
use release::change::{Change, Place, Remedy};
use release::remediation::{Created, Guard, Heal, Made, Running, Shown};
use store::{Ledger, Reading, StoreError};

use adapter::Means;
pub(crate) use adapter::{Affected, Alternative, Case, Chosen, Context, Dismissed};

/// Looks at places that need not be repeated in the same pass.
pub(crate) type Views = BTreeMap<Place, View>;

/// One look at a place: what is known of it, what was changed there, what runs.
#[derive(Debug)]
pub(crate) enum View {
    Group(Box<codedeploy::View>),
}

/// Everything that could be the cause.
pub(crate) struct Gathered {
    pub(crate) candidates: Vec<Candidate>,
    /// What looks like a candidate and is none.
    pub(crate) dismissed: Vec<Dismissed>,
    /// The names of groups that tags say and several applications have.
    pub(crate) undecided: BTreeSet<String>,
    /// The places that we are not let look at.
    pub(crate) closed: BTreeSet<Place>,
    pub(crate) views: Views,
    /// What was not looked at, because there is too much.
    pub(crate) left_out: Vec<String>,
}

impl View {
    /// Looks at a place now.
    pub(crate) async fn read(context: Context<'_>, place: &Place) -> anyhow::Result<Self> {
        match place {
            Place::Group(group) => {
                let view = codedeploy::View::read(context, group).await?;
                Ok(Self::Group(Box::new(view)))
            }
        }
    }

    /// What keeps the place from being healed in a circle.
    pub(crate) fn guard(&self) -> &Guard {
        match self {
            Self::Group(view) => &view.guard,
        }
    }

    /// The problem that holds a change, as far as this look tells.
    pub(crate) fn holder(&self, change: &Change) -> Option<&str> {
        let (Self::Group(view), Change::Deployment(deployment)) = (self, change);
        view.known(&deployment.id)?.bound_to.as_deref()
    }

    /// What was read of a change, for a write that rests on it.
    pub(crate) fn reading(&self, change: &Change) -> Reading {
        let (Self::Group(view), Change::Deployment(deployment)) = (self, change);
        view.reading(deployment)
    }

    /// What was made in answer to a culprit, whoever made it and whichever
    /// problem it was made for. It is found by its marker.
    pub(crate) fn answer_to(&self, culprit: &Change) -> Option<Made> {
        match self {
            Self::Group(view) => view.answer_to(culprit.id()).map(codedeploy::made),
        }
    }

    /// What runs in the place, as seen from a culprit.
    pub(crate) async fn running(
        &mut self,
        context: Context<'_>,
        culprit: &Change,
    ) -> anyhow::Result<Running> {
        let (Self::Group(view), Change::Deployment(culprit)) = (self, culprit);
        view.complete(context, &culprit.id).await?;
        codedeploy::running(context, view, culprit).await
    }

    /// What `by` puts in the place of a culprit.
    pub(crate) async fn brought(
        &self,
        context: Context<'_>,
        culprit: &Change,
        by: &Made,
    ) -> anyhow::Result<Remedy> {
        let (Self::Group(view), Change::Deployment(culprit)) = (self, culprit);
        let by = view.made(&by.id);
        let by = by.context("CodeDeploy does not show the answer any more")?;
        let brought = codedeploy::brought(context, view, culprit, by).await?;
        Ok(Remedy::Redeploy(brought.deployment))
    }

    /// The best that can still be put in the place of a culprit, if there is
    /// anything.
    pub(crate) async fn choose(
        &self,
        context: Context<'_>,
        culprit: &Change,
    ) -> anyhow::Result<Option<Chosen>> {
        let (Self::Group(view), Change::Deployment(culprit)) = (self, culprit);
        codedeploy::choose(context, view, culprit).await
    }

    /// Remembers what was chosen for a culprit ahead.
    pub(crate) fn foresee(&mut self, culprit: &Change, chosen: Option<Chosen>) {
        match self {
            Self::Group(view) => view.foreseen = Some((culprit.id().to_owned(), chosen)),
        }
    }

    /// What somebody else took a culprit back by, before we act: its id, and
    /// whether it succeeded.
    pub(crate) fn taken_back_in_vain(&self, culprit: &Change) -> Option<(&str, bool)> {
        match self {
            Self::Group(view) => view.rolled_back_in_vain(culprit.id()),
        }
    }

    /// Everything that could be put in the place of a culprit, the newest first.
    pub(crate) async fn weighed(
        &self,
        context: Context<'_>,
        culprit: &Change,
    ) -> anyhow::Result<Vec<Alternative>> {
        let (Self::Group(view), Change::Deployment(culprit)) = (self, culprit);
        codedeploy::weighed(context, view, culprit).await
    }
}

/// Gathers the candidates of every kind, to blame one of them and to explain.
pub(crate) fn gather<'a>(
    context: Context<'a>,
    case: &'a Case<'_>,
) -> BoxFuture<'a, anyhow::Result<Gathered>> {
    async move {
        let codedeploy::Gathered {
            candidates,
            dismissed,
            undecided,
            closed,
            views,
            left_out,
        } = codedeploy::gather(context, case).await?;
        let views = views.into_iter().map(|(group, view)| {
            let view = View::Group(Box::new(view));
            (Place::Group(group), view)
        });
        Ok(Gathered {
            candidates,
            dismissed,
            undecided,
            closed: closed.into_iter().map(Place::Group).collect(),
            views: views.collect(),
            left_out,
        })
    }
    .boxed()
}

/// The problem that holds a change now.
pub(crate) async fn holder(ledger: &Ledger, change: &Change) -> Result<Option<String>, StoreError> {
    match change {
        Change::Deployment(deployment) => {
            let entry = ledger.entry(&deployment.group, &deployment.id);
            Ok(entry.await?.and_then(|entry| entry.bound_to))
        }
    }
}

/// Puts what is chosen in the place of a culprit. The intent is stored, by this
/// very pass.
pub(crate) async fn apply(
    context: Context<'_>,
    view: Option<&View>,
    (culprit, heal): (&Change, &Heal),
    chosen: &Chosen,
) -> anyhow::Result<Created> {
    let view = view.map(|View::Group(view)| view.as_ref());
    let (Change::Deployment(culprit), Means::Revision(revision)) = (culprit, &chosen.means);
    codedeploy::apply(context, view, (culprit, heal), revision).await
}

/// How what puts a remedy in place stands, if it is shown.
pub(crate) async fn watch(
    context: Context<'_>,
    remedy: &Remedy,
    id: &str,
) -> anyhow::Result<Option<Shown>> {
    match remedy {
        Remedy::Redeploy(_) => codedeploy::watch(context, id).await,
    }
}

/// Stops a culprit that is under way, without taking it back.
pub(crate) async fn stop(context: Context<'_>, culprit: &Change) -> anyhow::Result<()> {
    match culprit {
        Change::Deployment(deployment) => codedeploy::stop(context, deployment).await,
    }
}

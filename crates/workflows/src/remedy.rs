//! How a change of each kind is found to be a cause, looked at and taken back.
//!
//! Each kind has an adapter, a module below; here is only who asks which.

pub(crate) mod codedeploy;
pub(crate) mod runbook;

mod adapter;
mod flag;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join3};
use release::change::Change;
use release::problem::{Problem, Remediation};
use release::remediation::{Created, Heal, Observed, Question};

pub(crate) use adapter::{
    Affected, Alternative, BeforeBlame, Case, Context, Dismissed, Gathered, Notes,
};
pub use adapter::{Clients, Connected};

/// Looks at places that need not be repeated in the same pass.
#[derive(Default)]
pub(crate) struct Views {
    groups: codedeploy::Views,
    flags: flag::Views,
    configurations: runbook::Views,
}

/// One culprit and its place, as one pass knows them.
pub(crate) enum Site {
    /// A remediation answers it.
    Heal(HealSite),
    /// A run answers it.
    Run(Box<runbook::Site>),
}

/// One culprit that a remediation answers.
pub(crate) enum HealSite {
    Deployment(Box<codedeploy::Site>),
    Flag(Box<flag::Site>),
}

/// Asks the adapter of the kind.
macro_rules! asked {
    ($site:expr, $one:ident => $answer:expr) => {
        match $site {
            HealSite::Deployment($one) => $answer,
            HealSite::Flag($one) => $answer,
        }
    };
}

impl Site {
    /// The site of a culprit, with the look at its place in this pass.
    pub(crate) fn of(culprit: &Change, views: &mut Views) -> anyhow::Result<Self> {
        Ok(match culprit {
            Change::Configuration(configuration) => {
                let site = runbook::Site::new(configuration, &mut views.configurations)?;
                Self::Run(Box::new(site))
            }
            Change::Deployment(_) | Change::Flag(_) => Self::Heal(HealSite::of(culprit, views)?),
        })
    }

    /// Everything that could be done about the culprit, the newest first.
    pub(crate) async fn weighed(
        &mut self,
        context: Context<'_>,
    ) -> anyhow::Result<Vec<Alternative>> {
        match self {
            Self::Heal(HealSite::Deployment(one)) => one.weighed(context).await,
            Self::Heal(HealSite::Flag(one)) => one.weighed(context).await,
            Self::Run(one) => Ok(one.weighed()),
        }
    }
}

impl HealSite {
    /// The site of a culprit, with a look at its place if there was one.
    pub(crate) fn of(culprit: &Change, views: &mut Views) -> anyhow::Result<Self> {
        Ok(match culprit {
            Change::Deployment(deployment) => {
                let site = codedeploy::Site::new(deployment, &mut views.groups);
                Self::Deployment(Box::new(site))
            }
            Change::Flag(change) => {
                let site = flag::Site::new(change, &mut views.flags);
                Self::Flag(Box::new(site))
            }
            Change::Configuration(configuration) => {
                let id = &configuration.event.id;
                anyhow::bail!("change `{id}` is answered by a runbook, and by no heal")
            }
        })
    }

    /// What a look at the place says of the culprit, if there was one.
    pub(crate) fn sighted(&self) -> Option<BeforeBlame> {
        asked!(self, one => one.sighted())
    }

    /// Finds out what a step asks for.
    pub(crate) async fn find_out(
        &mut self,
        context: Context<'_>,
        remediation: &Remediation,
        question: Question,
        observed: &mut Observed,
    ) -> anyhow::Result<()> {
        asked!(self, one => one.find_out(context, remediation, question, observed).await)
    }

    /// Looks for the remedy ahead. What cannot be had now is asked for later.
    pub(crate) async fn foresee(&mut self, context: Context<'_>) {
        asked!(self, one => one.foresee(context).await);
    }

    /// What a person should know about the remedy.
    pub(crate) fn notes(&self) -> Notes<'_> {
        asked!(self, one => one.notes())
    }

    /// Takes the culprit back. The intent is stored, by this very pass.
    pub(crate) async fn create(
        &self,
        context: Context<'_>,
        problem: &Problem,
        heal: &Heal,
    ) -> anyhow::Result<Created> {
        match self {
            Self::Deployment(one) => one.create(context, heal).await,
            Self::Flag(one) => one.create(context, problem).await,
        }
    }

    /// Stops the culprit, which is under way, without taking it back.
    pub(crate) async fn stop(&self, context: Context<'_>) -> anyhow::Result<()> {
        match self {
            Self::Deployment(one) => one.stop(context).await,
            Self::Flag(_) => anyhow::bail!("a flag that changes is not stopped, but taken back"),
        }
    }
}

/// Gathers the candidates of every kind, to blame one of them and to explain.
pub(crate) fn gather<'a>(
    context: Context<'a>,
    case: &'a Case<'_>,
) -> BoxFuture<'a, anyhow::Result<(Gathered, Views)>> {
    async move {
        let deployments = codedeploy::gather(context, case);
        let changes = flag::gather(context, case);
        let announced = runbook::gather(context, case);
        let (deployments, changes, announced) = try_join3(
            Box::pin(deployments),
            Box::pin(changes),
            Box::pin(announced),
        )
        .await?;
        let (mut gathered, groups) = deployments;
        let (more, flags) = changes;
        gathered.extend(more);
        let (more, configurations) = announced;
        gathered.extend(more);
        let views = Views {
            groups,
            flags,
            configurations,
        };
        Ok((gathered, views))
    }
    .boxed()
}

//! One deployment that is to blame, with what one pass knows of its group.

use anyhow::Context as _;
use release::change::Remedy;
use release::deployment::Deployment;
use release::problem::Remediation;
use release::remediation::{Created, Heal, Observed, Question, State};

use super::apply::{apply, stop, watch};
use super::candidates::Views;
use super::choice::{Choice, brought, choose, weighed};
use super::runs::{made, running};
use super::view::View;
use crate::remedy::adapter::{Alternative, BeforeBlame, Context, Notes};

/// One deployment that is to blame, with what is known of its group.
pub(crate) struct Site {
    culprit: Deployment,
    view: Option<View>,
    /// What would be deployed again, once it was found.
    choice: Option<Choice>,
}

impl Site {
    /// With the look at its group, if there was one in this pass.
    pub(crate) fn new(culprit: &Deployment, views: &mut Views) -> Self {
        Self {
            culprit: culprit.clone(),
            view: views.remove(&culprit.group),
            choice: None,
        }
    }

    /// What the look at the group says of it, if there was one.
    pub(crate) fn sighted(&self) -> Option<BeforeBlame> {
        let view = self.view.as_ref()?;
        let known = view.known(&self.culprit.id);
        Some(BeforeBlame {
            holder: known.and_then(|entry| entry.bound_to.clone()),
            reading: Some(view.reading(&self.culprit)),
        })
    }

    /// Finds out what a step asks for.
    pub(crate) async fn find_out(
        &mut self,
        context: Context<'_>,
        remediation: &Remediation,
        question: Question,
        observed: &mut Observed,
    ) -> anyhow::Result<()> {
        match question {
            Question::Holder => {
                observed.holder = Some(context.ledger.holder(&remediation.culprit).await?);
            }
            Question::Guard => {
                let place = remediation.culprit.place();
                observed.guard = Some(context.ledger.guard(&place).await?);
            }
            Question::Answer => {
                let (culprit, view) = self.look(context).await?;
                observed.answer = Some(view.answer_to(&culprit.id).map(made));
                observed.guard = Some(view.guard.clone());
            }
            Question::Runs => {
                let (culprit, view) = self.look(context).await?;
                view.complete(context, &culprit.id).await?;
                observed.runs = Some(running(context, view, culprit).await?);
            }
            Question::Brought => {
                let answer = observed.answer.clone().flatten();
                let rollback = observed.runs.as_ref();
                let rollback = rollback.and_then(|running| running.rollback.clone());
                let by = answer.or(rollback);
                let by = by.context("nobody has answered the culprit")?;
                let (culprit, view) = self.look(context).await?;
                let by = view.made(&by.id);
                let by = by.context("CodeDeploy does not show the answer any more")?;
                let brought = brought(context, view, culprit, by).await?;
                observed.brought = Some(Remedy::Redeploy(brought.deployment));
            }
            Question::Remedy => {
                let choice = self.choose(context).await?;
                observed.remedy = Some(choice.map(|one| Remedy::Redeploy(one.target.clone())));
            }
            Question::Heal => {
                let State::UnderWay { deployment, .. } = &remediation.state else {
                    anyhow::bail!("no heal is being deployed");
                };
                observed.heal = Some(watch(context, deployment).await?);
            }
        }
        Ok(())
    }

    /// Looks for what would be deployed again. What cannot be had now is asked for
    /// later.
    pub(crate) async fn foresee(&mut self, context: Context<'_>) {
        drop(self.choose(context).await);
    }

    /// Chooses what would be deployed again.
    async fn choose(&mut self, context: Context<'_>) -> anyhow::Result<Option<&Choice>> {
        if self.choice.is_none() {
            let (culprit, view) = self.look(context).await?;
            let mut choice = choose(context, view, culprit).await?;
            if let Some(choice) = &mut choice {
                choice.notes.extend(view.rolled_back_in_vain(&culprit.id));
            }
            self.choice = choice;
        }
        Ok(self.choice.as_ref())
    }

    /// What a person should know about the choice.
    pub(crate) fn notes(&self) -> Notes<'_> {
        let choice = self.choice.as_ref();
        choice.map_or_else(Notes::default, |choice| Notes {
            sentences: &choice.notes,
            evidence: choice.evidence,
        })
    }

    /// Deploys what is chosen. The intent is stored, by this very pass.
    pub(crate) async fn create(
        &self,
        context: Context<'_>,
        heal: &Heal,
    ) -> anyhow::Result<Created> {
        let choice = self.choice.as_ref().context("nothing is chosen")?;
        let view = self.view.as_ref();
        apply(context, view, (&self.culprit, heal), &choice.revision).await
    }

    /// Stops the culprit, which is under way, without taking it back.
    pub(crate) async fn stop(&self, context: Context<'_>) -> anyhow::Result<()> {
        stop(context, &self.culprit).await
    }

    /// Everything that could be deployed again, the newest first.
    pub(crate) async fn weighed(
        &mut self,
        context: Context<'_>,
    ) -> anyhow::Result<Vec<Alternative>> {
        let (culprit, view) = self.look(context).await?;
        weighed(context, view, culprit).await
    }

    /// Looks at the group, unless that was done in this pass.
    async fn look(&mut self, context: Context<'_>) -> anyhow::Result<(&Deployment, &mut View)> {
        let view = match self.view.take() {
            Some(view) => view,
            None => View::read(context, &self.culprit.group).await?,
        };
        Ok((&self.culprit, self.view.insert(view)))
    }
}

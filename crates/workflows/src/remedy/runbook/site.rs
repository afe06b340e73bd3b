//! One announced configuration that is to blame, with what one pass knows of it.

use anyhow::Context as _;
use release::configuration::Configuration;
use release::deployment::Standing;
use release::problem::Problem;
use release::runbook::{About, Begun, Draft, Means};
use uuid::Uuid;

use super::{View, Views};
use crate::remedy::adapter::{Alternative, Context};

/// One announced configuration that is to blame, with the run that takes it back.
pub(crate) struct Site {
    view: View,
    /// Whether what is known of it was read in this pass, and nothing was written
    /// since.
    is_fresh: bool,
}

impl Site {
    /// With the look at it in this pass: nothing else says which runbook it means.
    pub(in crate::remedy) fn new(
        culprit: &Configuration,
        views: &mut Views,
    ) -> anyhow::Result<Self> {
        let id = &culprit.event.id;
        let view = views.remove(id);
        let view = view.with_context(|| format!("nothing is known of change `{id}`"))?;
        Ok(Self {
            view,
            is_fresh: true,
        })
    }

    /// What would be run.
    pub(crate) fn draft(&self) -> &Draft {
        &self.view.draft
    }

    /// The answer to a problem, by what is known of the change.
    pub(crate) async fn begin(
        &mut self,
        context: Context<'_>,
        problem: &Problem,
        about: About,
    ) -> anyhow::Result<Begun> {
        let View { draft, known } = &mut self.view;
        if !std::mem::take(&mut self.is_fresh) {
            *known = context.ledger.known_of(&draft.cause).await?;
        }
        let id = Uuid::new_v4().to_string();
        Ok(draft.clone().begin(id, problem, about, known))
    }

    /// The runbook that would be run.
    pub(crate) fn weighed(&self) -> Vec<Alternative> {
        let View { draft, known } = &self.view;
        let kept = draft.kept(known, &[]);
        let hosts = match &draft.input.limit {
            Some(limit) => format!(", on {limit}"),
            None => String::new(),
        };
        vec![Alternative {
            id: format!("runbook {}", draft.runbook.alias),
            version: match &draft.runbook.means {
                Means::Template(template) => {
                    format!("{} on {}{hosts}", template.name, draft.runbook.on)
                }
                Means::Request { .. } => format!("a request to {}", draft.runbook.on),
            },
            standing: Standing::Unknown,
            is_chosen: kept.is_none(),
            why: kept.unwrap_or_else(|| "the action of the change means it".to_owned()),
        }]
    }
}

//! Announced configurations among the causes of a problem, and how their answers
//! begin.

use std::collections::BTreeMap;

use release::attribution::Candidate;
use release::change::Change;
use release::ledger::Effect;
use release::problem::Problem;
use release::runbook::{About, Begun, Draft, Entity, Run};
use store::ClaimedProblem;
use uuid::Uuid;

use super::tools::Pass;
use super::words;
use crate::remedy::{Case, runbook};

/// What was found.
pub(super) struct Announced {
    pub(super) candidates: Vec<Candidate>,
    drafts: BTreeMap<String, Draft>,
}

/// Looks for the configurations that could be the cause. Of one whose action must
/// not be run it is said why; it keeps no other change from being blamed.
pub(super) async fn look(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    case: &Case<'_>,
    seen: &dynatrace::Problem,
) -> anyhow::Result<Announced> {
    let listed = &pass.connected.automation.listed;
    let names = seen.impacted.iter().chain(&seen.root_cause);
    let names = names.map(|entity| (entity.id.clone(), entity.name.clone()));
    let found = runbook::found(pass.context(), listed, case, &names.collect()).await?;
    let newest = found.refused.iter().max_by_key(|(event, _)| event.at);
    if let Some((event, refusal)) = newest {
        let text = words::action_refused(event, refusal);
        let is_said = claimed
            .problem
            .comments
            .iter()
            .any(|said| said.text == text);
        if !is_said {
            let now = pass.tick.now;
            let change = |problem: &mut Problem| problem.say(text, now);
            // Nothing is done to the ledger, so nothing can have changed there.
            let _ = pass.commit(claimed, change, &[]).await?;
        }
    }
    Ok(Announced {
        candidates: found.candidates,
        drafts: found.drafts,
    })
}

impl Announced {
    /// The runs that the culprits lead to, and the culprits that lead to none.
    pub(super) fn drafts_of(
        mut self,
        culprits: impl Iterator<Item = Change>,
    ) -> (Vec<Draft>, Vec<Change>) {
        let mut drafts = Vec::new();
        let mut others = Vec::new();
        for culprit in culprits {
            match self.drafts.remove(culprit.id()) {
                Some(draft) => drafts.push(draft),
                None => others.push(culprit),
            }
        }
        (drafts, others)
    }
}

/// How the answers begin.
#[derive(Default)]
pub(super) struct Beginning {
    pub(super) runs: Vec<Run>,
    pub(super) effects: Vec<Effect>,
    pub(super) comments: Vec<String>,
}

/// Begins one run per draft, unless the change has its answer already.
pub(super) async fn begin(
    pass: &Pass<'_>,
    problem: &str,
    drafts: &[Draft],
    seen: &dynatrace::Problem,
) -> anyhow::Result<Beginning> {
    let mut beginning = Beginning::default();
    for draft in drafts {
        let known = pass.services.ledger.known_of(&draft.cause).await?;
        let id = Uuid::new_v4().to_string();
        let about = about(pass, seen);
        match draft.clone().begin(id, problem, about, &known) {
            Begun::Run(run) => {
                beginning.comments.extend(words::run_joined(&run));
                beginning.effects.extend(run.blame());
                beginning.runs.push(*run);
            }
            Begun::Answered { by } => {
                let text = words::answered_before(&draft.cause, &by);
                beginning.comments.push(text);
            }
        }
    }
    Ok(beginning)
}

/// What a runbook is told of the problem.
fn about(pass: &Pass<'_>, seen: &dynatrace::Problem) -> About {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let mut entities: Vec<Entity> = Vec::new();
    for entity in seen.impacted.iter().chain(&seen.root_cause) {
        if entities.iter().all(|known| known.entity != entity.id) {
            entities.push(Entity {
                kind: entity.type_.clone(),
                name: entity.name.clone(),
                entity: entity.id.clone(),
            });
        }
    }
    About {
        display: some(&seen.display_id),
        title: some(&seen.title),
        severity: some(&seen.severity),
        url: pass.connected.tenant.page_of_problem(&seen.id),
        entities,
    }
}

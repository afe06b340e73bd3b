//! Announced configurations among the causes of a problem, and how their answers
//! begin.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use release::attribution::{Attribution, Blame, Candidate, attribute};
use release::change::Change;
use release::ledger::Effect;
use release::problem::Problem;
use release::runbook::{About, Begun, Draft, Entity, Mode, Run, answered_by};
use store::ClaimedProblem;
use uuid::Uuid;

use super::tools::Pass;
use super::words;
use crate::remedy::{Case, runbook};

/// What was found.
pub(super) struct Announced {
    candidates: Vec<Candidate>,
    drafts: BTreeMap<String, Draft>,
    /// What is said of those that will not be taken back, by the id of the event.
    kept: BTreeMap<String, String>,
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
        say(pass, claimed, words::action_refused(event, refusal)).await?;
    }
    let mut kept = BTreeMap::new();
    let drafts = found.drafts.values();
    let known = drafts.map(|draft| pass.services.ledger.known_of(&draft.cause));
    let known = try_join_all(known).await?;
    for ((id, draft), known) in found.drafts.iter().zip(&known) {
        // HEAL_MODE holds for deployments as well: only the runbook's own mode
        // makes a difference between the two.
        let text = match answered_by(known) {
            Some(by) => words::kept_as_answered(&draft.cause, by),
            None if draft.runbook.mode <= Mode::Shadow => words::kept_by_mode(draft),
            None => continue,
        };
        kept.insert(id.clone(), text);
    }
    Ok(Announced {
        candidates: found.candidates,
        drafts: found.drafts,
        kept,
    })
}

/// Has something said that was not said yet.
async fn say(pass: &Pass<'_>, claimed: &mut ClaimedProblem, text: String) -> anyhow::Result<()> {
    if !claimed.problem.has_said(&text) {
        let now = pass.tick.now;
        let change = |problem: &mut Problem| problem.say(text, now);
        // Nothing is done to the ledger, so nothing can have changed there.
        let _ = pass.commit(claimed, change, &[]).await?;
    }
    Ok(())
}

impl Announced {
    /// What these candidates and the configurations say about the problem. A
    /// configuration that will not be taken back hides no other change: it is told,
    /// and is to blame only if nothing else is.
    pub(super) async fn attributed(
        &self,
        pass: &Pass<'_>,
        claimed: &mut ClaimedProblem,
        mut candidates: Vec<Candidate>,
        blame: Blame<'_>,
    ) -> anyhow::Result<Attribution> {
        candidates.extend(self.candidates.iter().cloned());
        let first = attribute(&candidates, blame);
        let mut attribution = first.clone();
        let mut texts = Vec::new();
        loop {
            let ids = newest(&attribution).map(Change::id);
            let hiding: Vec<String> = ids
                .filter(|id| self.kept.contains_key(*id))
                .map(str::to_owned)
                .collect();
            if hiding.is_empty() {
                break;
            }
            candidates.retain(|one| !hiding.iter().any(|id| id == one.change.id()));
            texts.extend(hiding.iter().map(|id| self.kept[id].clone()));
            attribution = attribute(&candidates, blame);
        }
        if attribution == Attribution::Nothing {
            return Ok(first);
        }
        for text in texts {
            say(pass, claimed, text).await?;
        }
        Ok(attribution)
    }

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

/// The changes that keep older ones from being blamed.
fn newest(attribution: &Attribution) -> impl Iterator<Item = &Change> {
    let culprits = match attribution {
        Attribution::Nothing => &[],
        Attribution::Culprits(culprits) | Attribution::TooManyPlaces(culprits) => {
            culprits.as_slice()
        }
        Attribution::Ambiguous { newest, .. } => std::slice::from_ref(&**newest),
    };
    culprits.iter().map(|culprit| &culprit.change)
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

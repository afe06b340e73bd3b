//! One remediation, taken as far as it goes. [`release::remediation::step`]
//! decides; what it asks for is found out here, what it says is written, and
//! what it calls is called.

use anyhow::Context as _;
use release::change::Change;
use release::ledger::Effect;
use release::problem::{Problem, Remediation, Reported};
use release::remediation::{Call, Move, Observed, Question, Said, Situation, State, Step, step};
use store::{Advanced, ClaimedProblem};

use super::tools::Pass;
use super::words;
use crate::remedy::{self, Chosen, View, apply, stop, watch};
use release::work::Wait;

/// How many steps one pass may take with one remediation, questions included.
/// Far more than a heal has; a row that led to itself would end here.
const MOST_STEPS: usize = 50;

/// Whether the tenant said in this very pass how the problem stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tenant {
    Answered,
    /// Nothing is begun.
    Silent,
}

/// Takes the remediation at `index` as far as it goes now. `view` is a look at
/// its place from this very pass, if there was one.
pub(super) async fn pursue(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    index: usize,
    tenant: Tenant,
    view: Option<View>,
) -> anyhow::Result<Option<Wait>> {
    let mut walk = Walk {
        index,
        tenant,
        known: Known::new(pass, view),
    };
    let mut next = None;
    for _ in 0..MOST_STEPS {
        match next.take().unwrap_or_else(|| walk.decide(claimed)) {
            Step::Ask(question) => {
                let remediation = &claimed.problem.remediations[index];
                Box::pin(walk.known.find_out(remediation, question)).await?;
            }
            Step::Write(what) => {
                let then = what.then.clone();
                match Box::pin(walk.write(claimed, *what)).await? {
                    Advanced::Written if then.is_some() => next = then,
                    // What was known is of before; or it has changed since.
                    Advanced::Written | Advanced::Stale => {
                        walk.known = Known::new(pass, None);
                    }
                }
            }
            Step::Call(call) => {
                if let Some(wait) = Box::pin(walk.call(claimed, call)).await? {
                    return Ok(Some(wait));
                }
            }
            Step::Wait(what) => return Ok(Some(Wait::for_(what))),
            Step::Rest => return Ok(None),
        }
    }
    Ok(Some(Wait::for_(
        "a record that keeps changing; retrying later",
    )))
}

/// One remediation in one pass.
struct Walk<'a> {
    index: usize,
    tenant: Tenant,
    known: Known<'a>,
}

impl Walk<'_> {
    fn remediation<'c>(&self, claimed: &'c ClaimedProblem) -> &'c Remediation {
        &claimed.problem.remediations[self.index]
    }

    fn decide(&self, claimed: &ClaimedProblem) -> Step {
        let problem = &claimed.problem;
        let remediation = self.remediation(claimed);
        let pass = self.known.pass;
        let situation = Situation {
            problem,
            heard: self.tenant == Tenant::Answered,
            lost: claimed.reported == Reported::Merged && problem.merged_into.is_none(),
            policy: pass.services.healing.policy(),
            paused: pass.paused(remediation.culprit.place()),
            now: pass.tick.now,
        };
        step(remediation, &situation, &self.known.observed)
    }

    /// Stores what a step says, with its comment and what it does to the ledger.
    /// If something changed meanwhile, nothing is stored.
    async fn write(
        &mut self,
        claimed: &mut ClaimedProblem,
        what: Move,
    ) -> anyhow::Result<Advanced> {
        let pass = self.known.pass;
        let now = pass.tick.now;
        let remediation = self.remediation(claimed);
        let notes = self.known.notes();
        let comment = words::of(&claimed.problem, remediation, &what, &notes);
        let comment = match what.said {
            Some(Said::Paused(_)) => comment,
            _ => comment.map(|text| pass.noted(remediation.culprit.place(), text)),
        };
        for effect in &what.effects {
            if let Effect::Guard { to, .. } = effect {
                self.known.observed.guard = Some(to.clone());
            }
        }
        let effects = what.effects.clone();
        let change = |problem: &mut Problem| {
            if what.state.is_some() || what.stops {
                problem.waits = 0;
            }
            what.apply(&mut problem.remediations[self.index]);
            if let Some(text) = comment {
                problem.say(text, now);
            }
        };
        pass.commit(claimed, change, &effects).await
    }

    /// Makes a call that is written down, and says what is waited for.
    async fn call(&mut self, claimed: &ClaimedProblem, call: Call) -> anyhow::Result<Option<Wait>> {
        let context = self.known.pass.context();
        let remediation = self.remediation(claimed);
        let culprit = &remediation.culprit;
        match (call, &remediation.state) {
            (Call::Create, State::Intended(heal)) => {
                let Known { view, chosen, .. } = &self.known;
                let chosen = chosen.as_ref().context("nothing is chosen")?;
                let created = apply(context, view.as_ref(), (culprit, heal), chosen).await?;
                self.known.observed.created = Some(created);
                Ok(None)
            }
            (Call::Create, _) => anyhow::bail!("no heal is intended"),
            (Call::Stop, _) => {
                stop(context, culprit).await?;
                Ok(Some(Wait::for_("the culprit's deployment to stop")))
            }
        }
    }
}

/// What is known of a remediation since its last step.
pub(super) struct Known<'a> {
    pass: &'a Pass<'a>,
    /// The place, as it was looked at.
    view: Option<View>,
    /// What would be put in place.
    chosen: Option<Chosen>,
    pub(super) observed: Observed,
}

impl<'a> Known<'a> {
    pub(super) fn new(pass: &'a Pass<'a>, view: Option<View>) -> Self {
        Self {
            pass,
            view,
            chosen: None,
            observed: Observed::default(),
        }
    }

    /// Finds out what a step asks for.
    pub(super) async fn find_out(
        &mut self,
        remediation: &Remediation,
        question: Question,
    ) -> anyhow::Result<()> {
        let context = self.pass.context();
        let culprit = &remediation.culprit;
        match question {
            Question::Holder => {
                self.observed.holder = Some(remedy::holder(context.ledger, culprit).await?);
            }
            Question::Guard => {
                self.observed.guard = Some(context.ledger.guard(&culprit.place()).await?);
            }
            Question::Answer => {
                let view = self.view(culprit).await?;
                let answer = view.answer_to(culprit);
                let guard = view.guard().clone();
                self.observed.answer = Some(answer);
                self.observed.guard = Some(guard);
            }
            Question::Runs => {
                let view = self.view(culprit).await?;
                self.observed.runs = Some(view.running(context, culprit).await?);
            }
            Question::Brought => {
                let answer = self.observed.answer.clone().flatten();
                let rollback = self.observed.runs.as_ref();
                let rollback = rollback.and_then(|running| running.rollback.clone());
                let view = self.view(culprit).await?;
                let by = answer.or(rollback);
                let by = by.context("nobody has answered the culprit")?;
                self.observed.brought = Some(view.brought(context, culprit, &by).await?);
            }
            Question::Remedy => {
                let view = self.view(culprit).await?;
                let chosen = view.choose(context, culprit).await?;
                let rollback = view.taken_back_in_vain(culprit);
                let rollback = rollback.map(|(id, well)| words::rolled_back_in_vain(id, well));
                self.observed.remedy = Some(chosen.as_ref().map(|one| one.remedy.clone()));
                self.chosen = chosen.map(|mut chosen| {
                    chosen.notes.extend(rollback);
                    chosen
                });
            }
            Question::Heal => {
                let State::Deploying { heal, deployment } = &remediation.state else {
                    anyhow::bail!("no heal is being deployed");
                };
                self.observed.heal = Some(watch(context, &heal.remedy, deployment).await?);
            }
        }
        Ok(())
    }

    /// The place, as it is now.
    async fn view(&mut self, culprit: &Change) -> anyhow::Result<&mut View> {
        let view = match self.view.take() {
            Some(view) => view,
            None => View::read(self.pass.context(), &culprit.place()).await?,
        };
        Ok(self.view.insert(view))
    }

    /// What a person should know about the choice, and where to read why it is
    /// known to be good.
    fn notes(&self) -> Vec<String> {
        let Pass {
            connected, tick, ..
        } = self.pass;
        let Some(chosen) = &self.chosen else {
            return Vec::new();
        };
        let link = chosen.evidence.zip(connected.links.as_ref());
        let evidence = link.map(|(id, links)| words::evidence(&links.to(id, tick.now)));
        chosen.notes.iter().cloned().chain(evidence).collect()
    }
}

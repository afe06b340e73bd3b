//! One remediation, taken as far as it goes. [`release::remediation::step`]
//! decides; what it asks for is found out here, what it says is written, and
//! what it calls is called.

use jiff::Timestamp;
use release::ledger::Effect;
use release::problem::{Problem, Remediation, Reported};
use release::remediation::{Call, Move, Observed, Question, Said, Situation, State, Step, step};
use store::{Advanced, ClaimedProblem};

use super::tools::Pass;
use super::words;
use crate::remedy::{Context, Notes, Site, Views};
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

/// Takes the remediation at `index` as far as it goes now. `site` is its culprit
/// as this very pass knows it already, if it does.
pub(super) async fn pursue(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    index: usize,
    tenant: Tenant,
    site: Option<Site>,
) -> anyhow::Result<Option<Wait>> {
    let culprit = &claimed.problem.remediations[index].culprit;
    let site = site.map_or_else(|| Site::of(culprit, &mut Views::default()), Ok)?;
    let mut walk = Walk {
        index,
        tenant,
        known: Known::new(pass, site, claimed.problem.began),
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
                        let culprit = &claimed.problem.remediations[index].culprit;
                        let site = Site::of(culprit, &mut Views::default())?;
                        walk.known = Known::new(pass, site, claimed.problem.began);
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
        if what.only_says()
            && comment
                .as_ref()
                .is_none_or(|text| claimed.problem.has_said(text))
        {
            return Ok(Advanced::Written);
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
        Ok(pass.commit(claimed, change, &effects).await?)
    }

    /// Makes a call that is written down, and says what is waited for.
    async fn call(&mut self, claimed: &ClaimedProblem, call: Call) -> anyhow::Result<Option<Wait>> {
        let context = self.known.context();
        let site = &self.known.site;
        match (call, &self.remediation(claimed).state) {
            (Call::Create, State::Intended(heal)) => {
                let created = site.create(context, &claimed.problem, heal).await?;
                self.known.observed.created = Some(created);
                Ok(None)
            }
            (Call::Create, _) => anyhow::bail!("no heal is intended"),
            (Call::Stop, _) => {
                site.stop(context).await?;
                Ok(Some(Wait::for_("the culprit's deployment to stop")))
            }
        }
    }
}

/// What is known of a remediation since its last step.
pub(super) struct Known<'a> {
    pass: &'a Pass<'a>,
    site: Site,
    /// When the problem began, if that is known.
    began: Option<Timestamp>,
    pub(super) observed: Observed,
}

impl<'a> Known<'a> {
    pub(super) fn new(pass: &'a Pass<'a>, site: Site, began: Option<Timestamp>) -> Self {
        Self {
            pass,
            site,
            began,
            observed: Observed::default(),
        }
    }

    /// Finds out what a step asks for.
    pub(super) async fn find_out(
        &mut self,
        remediation: &Remediation,
        question: Question,
    ) -> anyhow::Result<()> {
        let context = self.context();
        let Self { site, observed, .. } = self;
        site.find_out(context, remediation, question, observed)
            .await
    }

    fn context(&self) -> Context<'a> {
        Context {
            began: self.began,
            ..self.pass.context()
        }
    }

    /// What a person should know about the choice, and where to read why it is
    /// known to be good.
    fn notes(&self) -> Vec<String> {
        let Pass {
            connected, tick, ..
        } = self.pass;
        let Notes {
            sentences,
            evidence,
        } = self.site.notes();
        let link = evidence.zip(connected.links.as_ref());
        let evidence = link.map(|(id, links)| words::evidence(&links.to(id, tick.now)));
        sentences.iter().cloned().chain(evidence).collect()
    }
}

//! One remediation, taken as far as it goes. [`release::remediation::step`]
//! decides; what it asks for is found out here, what it says is written, and
//! what it calls is called.

use jiff::Timestamp;
use release::problem::{Problem, Remediation};
use release::remediation::{Call, Move, Observed, Question, Situation, State, Step, step};
use release::work::Wait;
use store::{Advanced, ClaimedProblem};

use super::tools::{Pass, Tenant, is_lost_in_merge};
use super::words;
use crate::remedy::{Context, HealSite, Notes, Views};
use crate::walk::{Walk, walk};

/// Takes the remediation at `index` as far as it goes now. `site` is its culprit
/// as this very pass knows it already, if it does.
pub(super) async fn pursue(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    index: usize,
    tenant: Tenant,
    site: Option<HealSite>,
) -> anyhow::Result<Option<Wait>> {
    let culprit = &claimed.problem.remediations[index].culprit;
    let site = site.map_or_else(|| HealSite::of(culprit, &mut Views::default()), Ok)?;
    let known = Known::new(pass, site, claimed.problem.began);
    let mut healing = Healing {
        claimed,
        index,
        tenant,
        known,
    };
    walk(&mut healing).await
}

/// One remediation in one pass.
struct Healing<'a> {
    claimed: &'a mut ClaimedProblem,
    index: usize,
    tenant: Tenant,
    known: Known<'a>,
}

impl Healing<'_> {
    fn remediation(&self) -> &Remediation {
        &self.claimed.problem.remediations[self.index]
    }
}

impl Walk for Healing<'_> {
    type Question = Question;
    type Move = Move;
    type Call = Call;

    fn decide(&self) -> Step {
        let remediation = self.remediation();
        let pass = self.known.pass;
        let situation = Situation {
            problem: &self.claimed.problem,
            heard: self.tenant == Tenant::Answered,
            lost: is_lost_in_merge(self.claimed),
            policy: pass.services.healing.policy(),
            paused: pass.paused(remediation.culprit.place()),
            now: pass.tick.now,
        };
        step(remediation, &situation, &self.known.observed)
    }

    async fn find_out(&mut self, question: Question) -> anyhow::Result<()> {
        let remediation = &self.claimed.problem.remediations[self.index];
        self.known.find_out(remediation, question).await
    }

    async fn write(&mut self, what: Move) -> anyhow::Result<Option<Step>> {
        let pass = self.known.pass;
        let remediation = self.remediation();
        let culprit = remediation.culprit.clone();
        let notes = self.known.notes();
        let comment = words::of(&self.claimed.problem, remediation, &what, &notes);
        let index = self.index;
        let take = |problem: &mut Problem| problem.remediations[index].take(&what);
        let place = culprit.place();
        let advanced = pass.write(self.claimed, &what, (place, comment), take);
        if advanced.await? == Advanced::Written && what.then.is_some() {
            self.known.observed.guard = what.guard().cloned().or(self.known.observed.guard.take());
            return Ok(what.then);
        }
        // What was known is of before; or it has changed since.
        let site = HealSite::of(&culprit, &mut Views::default())?;
        self.known = Known::new(pass, site, self.claimed.problem.began);
        Ok(None)
    }

    async fn call(&mut self, call: Call) -> anyhow::Result<Option<Step>> {
        let context = self.known.pass.context();
        let site = &self.known.site;
        match (call, &self.remediation().state) {
            (Call::Create, State::Intended(heal)) => {
                let created = site.create(context, &self.claimed.problem, heal).await?;
                self.known.observed.created = Some(created);
                Ok(None)
            }
            (Call::Create, _) => anyhow::bail!("no heal is intended"),
            (Call::Stop, _) => {
                site.stop(context).await?;
                let wait = Wait::for_("the culprit's deployment to stop");
                Ok(Some(Step::Wait(wait)))
            }
        }
    }
}

/// What is known of a remediation since its last step.
pub(super) struct Known<'a> {
    pass: &'a Pass<'a>,
    site: HealSite,
    /// When the problem began, if that is known.
    began: Option<Timestamp>,
    pub(super) observed: Observed,
}

impl<'a> Known<'a> {
    pub(super) fn new(pass: &'a Pass<'a>, site: HealSite, began: Option<Timestamp>) -> Self {
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

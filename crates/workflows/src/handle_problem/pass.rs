//! One look at one problem, from the claim until it is given back.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use dynatrace::ProblemStatus;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join};
use jiff::Timestamp;
use release::problem::following::{self, Link, Told, follow};
use release::problem::{Cause, Problem, Reported};
use release::work::{Outcome, Time, Wait};
use store::{ClaimedProblem, Followed, StoreError};

use super::cause::Found;
use super::tools::{Pass, Seen, Tenant};
use super::{Connected, Services, Worked, cause, comments, healing, rules, running};
use crate::remedy::HealSite;
use crate::work::{Look, Tick, is_lost};

/// How often one pass looks for the cause, because an answer has come to nothing.
const MOST_LOOKS: usize = 4;

/// A pass with what the tenant says of its problem.
pub(super) struct ProblemLook<'a> {
    pub(super) pass: Pass<'a>,
    /// Taken by the pursuit.
    pub(super) seen: Option<Seen>,
}

impl Look for ProblemLook<'_> {
    type Record = Followed;
    type Told = Worked;

    fn pursue<'a>(
        &'a mut self,
        claimed: &'a mut ClaimedProblem,
    ) -> BoxFuture<'a, anyhow::Result<Outcome>> {
        let seen = self.seen.take().unwrap_or(Ok(None));
        self.pass.work_on(claimed, seen).boxed()
    }

    fn time(&self, Followed { problem, .. }: &Followed, _: &Outcome) -> Time {
        problem.time(self.pass.tick.now)
    }

    fn give_up<'a>(
        &'a mut self,
        claimed: &'a mut ClaimedProblem,
        _: String,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.pass.give_up(claimed).boxed()
    }

    fn token_refused(&self) -> bool {
        self.pass.token_refused.load(Ordering::Relaxed)
    }

    fn told(before: Followed, Followed { problem, .. }: Followed) -> Worked {
        let moved = |&index: &usize| {
            let was = before.problem.remediations.get(index);
            was.map(|remediation| &remediation.state) != Some(&problem.remediations[index].state)
        };
        let given_up = |problem: &Problem| {
            let given_up = problem.comments.iter().filter(|one| one.given_up.is_some());
            given_up.count()
        };
        let given_up_before = given_up(&before.problem);
        let run_moved = |&index: &usize| {
            let was = before.problem.runs.get(index);
            was.map(|run| &run.state) != Some(&problem.runs[index].state)
        };
        Worked {
            comments_given_up: given_up(&problem).saturating_sub(given_up_before),
            moved: (0..problem.remediations.len()).filter(moved).collect(),
            runs_moved: (0..problem.runs.len()).filter(run_moved).collect(),
            problem,
        }
    }
}

impl<'a> Pass<'a> {
    /// Looks at the problem of this id.
    pub(super) async fn begin(
        services: &'a Services,
        connected: &'a Connected,
        tick: Tick,
        id: &str,
    ) -> ProblemLook<'a> {
        let pass = Self::new(services, connected, tick);
        let (seen, paused) = join(pass.look(id), services.ledger.pauses(tick.now)).await;
        pass.note_pauses(id, paused);
        ProblemLook {
            pass,
            seen: Some(seen),
        }
    }

    /// Takes what is claimed as far as it goes, and says what is to be said.
    async fn work_on(&self, claimed: &mut ClaimedProblem, seen: Seen) -> anyhow::Result<Outcome> {
        let older = claimed.problem.comments.len();
        let pursued = Box::pin(self.pursue(claimed, seen)).await;
        if let Err(error) = &pursued
            && is_lost(error)
        {
            return pursued.map(Outcome::Waits);
        }
        // What was decided is said on the problem even where the rest met a fault.
        let comment = comments::post(self, claimed, older).await;
        let waits: Vec<Wait> = pursued?.into_iter().chain(comment?).collect();
        Ok(if claimed.problem.is_over() && waits.is_empty() {
            Outcome::Done
        } else {
            Outcome::Waits(waits)
        })
    }

    /// Takes a claimed problem through the steps that can be taken now, and
    /// says what it waits for.
    async fn pursue(&self, claimed: &mut ClaimedProblem, seen: Seen) -> anyhow::Result<Vec<Wait>> {
        if claimed.problem.is_decided() && !rules::may_begin(self, &claimed.problem) {
            return Ok(Vec::new());
        }
        let heard = match seen {
            Ok(Some(seen)) => self.learn(claimed, seen).await?,
            silent => silent,
        };
        let seen = match heard {
            Ok(Some(seen)) => seen,
            silent => {
                let pursued = self.pursue_all(claimed, Tenant::Silent, BTreeMap::new());
                let pursued = Box::pin(pursued).await;
                let mut waits = Box::pin(rules::pursue(self, claimed, None)).await?;
                waits.extend(pursued?);
                silent.context("cannot ask the tenant for the problem")?;
                waits.push(Wait::for_("the tenant to know the problem"));
                return Ok(waits);
            }
        };
        let healed = Box::pin(self.heal(claimed, &seen)).await;
        if let Err(error) = &healed
            && is_lost(error)
        {
            return healed;
        }
        // What keeps the cause from being found does not keep a rule from being
        // followed.
        let mut waits = Box::pin(rules::pursue(self, claimed, Some(&seen))).await?;
        waits.extend(healed?);
        Ok(waits)
    }

    /// Finds out who is to blame, and takes each answer as far as it goes. Where an
    /// answer comes to nothing and its change hides others, these are looked at.
    async fn heal(
        &self,
        claimed: &mut ClaimedProblem,
        seen: &dynatrace::Problem,
    ) -> anyhow::Result<Vec<Wait>> {
        let mut waits = Vec::new();
        for _ in 0..MOST_LOOKS {
            let mut sites = BTreeMap::new();
            let mut unfound = None;
            if claimed.problem.cause == Cause::Pending {
                match cause::find(self, claimed, seen).await {
                    Ok(Found::Known(known)) => sites = known,
                    Ok(Found::NotYet(wait)) => unfound = Some(Ok(wait)),
                    Err(error) if is_lost(&error) => return Err(error),
                    // What was begun before goes on all the same.
                    Err(error) => unfound = Some(Err(error)),
                }
            }
            waits = self.pursue_all(claimed, Tenant::Answered, sites).await?;
            if let Some(unfound) = unfound {
                waits.push(unfound?);
                break;
            }
            if claimed.problem.cause != Cause::Pending {
                break;
            }
        }
        Ok(waits)
    }

    /// Takes each remediation and run as far as it goes now. `sites` are the culprits
    /// of remediations by their ids, as far as this very pass knows them.
    async fn pursue_all(
        &self,
        claimed: &mut ClaimedProblem,
        tenant: Tenant,
        mut sites: BTreeMap<String, HealSite>,
    ) -> anyhow::Result<Vec<Wait>> {
        let mut waits = Vec::new();
        let mut fault = None;
        for index in 0..claimed.problem.remediations.len() {
            let site = sites.remove(claimed.problem.remediations[index].culprit.id());
            match Box::pin(healing::pursue(self, claimed, index, tenant, site)).await {
                Ok(wait) => waits.extend(wait),
                Err(error) if is_lost(&error) => return Err(error),
                // One place's trouble is not another's.
                Err(error) => fault = Some(error),
            }
        }
        for index in 0..claimed.problem.runs.len() {
            match Box::pin(running::pursue(self, claimed, index, tenant)).await {
                Ok(wait) => waits.extend(wait),
                Err(error) if is_lost(&error) => return Err(error),
                Err(error) => fault = Some(error),
            }
        }
        fault.map_or(Ok(waits), Err)
    }

    /// Notes what the tenant says of the problem, and follows it into the one that it
    /// became a part of, as [`release::problem::following`] says.
    async fn learn(
        &self,
        claimed: &mut ClaimedProblem,
        seen: dynatrace::Problem,
    ) -> anyhow::Result<Seen> {
        let now = self.tick.now;
        claimed.problem.learn(Told {
            display_id: seen.display_id.clone(),
            title: seen.title.clone(),
            began: Timestamp::from_millisecond(seen.start_ms).ok(),
            root_cause: seen.root_cause.as_ref().map(|entity| entity.id.clone()),
            impacted: seen.impacted.iter().map(|one| one.id.clone()).collect(),
        });
        let mut chain = vec![link(&seen)];
        claimed.problem.closed = loop {
            let survivor = match follow(&chain, now) {
                following::Followed::Open => break None,
                following::Followed::Closed(at) => break Some(at),
                following::Followed::Ask(survivor) => survivor,
            };
            if chain.len() == 1 && claimed.problem.merged_into.as_ref() != Some(&survivor) {
                self.enter_survivor(claimed, &survivor).await?;
            }
            match self.look(&survivor).await {
                Ok(Some(next)) => chain.push(link(&next)),
                silent => return Ok(silent),
            }
        };
        Ok(Ok(Some(seen)))
    }

    /// Notes that the problem became a part of another one, which is then looked
    /// at like any other.
    async fn enter_survivor(
        &self,
        claimed: &mut ClaimedProblem,
        survivor: &str,
    ) -> anyhow::Result<()> {
        let now = self.tick.now;
        let patience = self.services.healing.patience;
        let other = claimed.problem.survivor(survivor, now, patience);
        let remediations = &self.services.remediations;
        remediations.notice(&other, Reported::Open, now).await?;
        let change = |problem: &mut Problem| problem.merged_into = Some(survivor.to_owned());
        // Nothing is done to the ledger, so nothing can have changed there.
        let _ = self.commit(claimed, change, &[]).await?;
        Ok(())
    }
}

/// A problem, as far as its end goes.
fn link(seen: &dynatrace::Problem) -> Link {
    Link {
        id: seen.id.clone(),
        merged_into: seen.merged_into.clone(),
        is_open: seen.status == ProblemStatus::Open,
        ended: seen
            .end_ms
            .and_then(|end| Timestamp::from_millisecond(end).ok()),
    }
}

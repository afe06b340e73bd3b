//! One look at one problem, from the claim until it is given back.

use std::sync::atomic::Ordering;

use anyhow::Context as _;
use dynatrace::ProblemStatus;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join};
use jiff::Timestamp;
use release::problem::{Arrival, Cause, Problem, Reported};
use release::work::{Outcome, Time, Wait};
use store::{ClaimedProblem, Followed, StoreError};

use super::cause::Found;
use super::tools::{Pass, Seen, Tenant};
use super::{Connected, Services, Worked, cause, comments, healing, rules, running};
use crate::remedy::Site;
use crate::work::{Look, Tick, is_lost};

/// How many problems are followed when one became a part of the next.
const MOST_MERGES: usize = 4;

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
                let pursued = self.pursue_all(claimed, Tenant::Silent, Vec::new());
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

    /// Finds out who is to blame, and takes each remediation as far as it goes.
    async fn heal(
        &self,
        claimed: &mut ClaimedProblem,
        seen: &dynatrace::Problem,
    ) -> anyhow::Result<Vec<Wait>> {
        let mut sites = Vec::new();
        if claimed.problem.cause == Cause::Pending {
            match cause::find(self, claimed, seen).await? {
                Found::Known(known) => sites = known,
                Found::NotYet(wait) => return Ok(vec![wait]),
            }
        }
        self.pursue_all(claimed, Tenant::Answered, sites).await
    }

    /// Takes each remediation as far as it goes now. `sites` are their culprits,
    /// as far as this very pass knows them.
    async fn pursue_all(
        &self,
        claimed: &mut ClaimedProblem,
        tenant: Tenant,
        sites: Vec<Site>,
    ) -> anyhow::Result<Vec<Wait>> {
        let mut waits = Vec::new();
        let mut fault = None;
        let mut sites = sites.into_iter();
        for index in 0..claimed.problem.remediations.len() {
            match Box::pin(healing::pursue(self, claimed, index, tenant, sites.next())).await {
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

    /// Notes what the tenant says of the problem, and follows it into the one
    /// that it became a part of: that one says whether it is over. As long as
    /// nothing is known of that one, nothing is known of the problem.
    async fn learn(
        &self,
        claimed: &mut ClaimedProblem,
        seen: dynatrace::Problem,
    ) -> anyhow::Result<Seen> {
        let problem = &mut claimed.problem;
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        problem.display_id = some(&seen.display_id).or(problem.display_id.take());
        problem.title = some(&seen.title).or(problem.title.take());
        problem.began = Timestamp::from_millisecond(seen.start_ms).ok();
        problem.root_cause = seen.root_cause.as_ref().map(|entity| entity.id.clone());
        if !seen.impacted.is_empty() {
            let impacted = seen.impacted.iter().take(100);
            problem.impacted = impacted.map(|entity| entity.id.clone()).collect();
        }
        let mut last = seen.clone();
        let mut followed = None;
        for _ in 0..MOST_MERGES {
            let Some(survivor) = last.merged_into.clone().filter(|next| *next != last.id) else {
                break;
            };
            if followed.is_none() && claimed.problem.merged_into.as_ref() != Some(&survivor) {
                self.follow(claimed, &survivor).await?;
            }
            followed = Some(survivor.clone());
            match self.look(&survivor).await {
                Ok(Some(next)) => last = next,
                silent => return Ok(silent),
            }
        }
        claimed.problem.closed = match last.status {
            ProblemStatus::Open => None,
            ProblemStatus::Closed => Some(
                last.end_ms
                    .and_then(|end| Timestamp::from_millisecond(end).ok())
                    .unwrap_or(self.tick.now),
            ),
        };
        Ok(Ok(Some(seen)))
    }

    /// Notes that the problem became a part of another one, which is then looked
    /// at like any other.
    async fn follow(&self, claimed: &mut ClaimedProblem, survivor: &str) -> anyhow::Result<()> {
        let now = self.tick.now;
        let patience = self.services.healing.patience;
        let mut other = Problem::heard_of(survivor, Arrival::Adopted, now, patience);
        other.noticed = claimed.problem.noticed;
        let remediations = &self.services.remediations;
        remediations.notice(&other, Reported::Open, now).await?;
        let change = |problem: &mut Problem| problem.merged_into = Some(survivor.to_owned());
        // Nothing is done to the ledger, so nothing can have changed there.
        let _ = self.commit(claimed, change, &[]).await?;
        Ok(())
    }
}

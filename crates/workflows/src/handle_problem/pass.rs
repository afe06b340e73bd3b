//! One look at one problem, from the claim to putting it down.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use dynatrace::ProblemStatus;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use release::deployment::Group;
use release::ledger::Effect;
use release::pause::{Pause, Stopped, Stops, Target};
use release::problem::{Arrival, Finding, Phase, Problem, Reported};
use release::remediation::State;
use release::validation::backoff;
use release::window::saturating_add;
use store::{Advanced, ClaimError, ClaimedProblem, Reading, Store, StoreError};
use tokio::time::Instant;

use super::cause::Found;
use super::healing::Tenant;
use super::{
    Connected, Mode, Observe, Observed, Progress, Report, Services, cause, comments, healing, words,
};
use crate::due::{Tick, Wait, unless_it_panics};
use crate::remedy::Context;
use crate::remedy::codedeploy::Views;

/// How many problems are followed when one became a part of the next.
const MOST_MERGES: usize = 4;

/// What the tenant says of a problem: nothing, if it knows none.
pub(super) type Seen = Result<Option<dynatrace::Problem>, dynatrace::Error>;

/// Nobody could ask what is paused.
pub(super) struct PausesUnknown;

/// One look at one problem.
pub(super) struct Pass<'a> {
    pub(super) services: &'a Services,
    pub(super) connected: &'a Connected,
    pub(super) tick: Tick,
    /// When what is looked at happened: now, or a moment of the past.
    pub(super) moment: Timestamp,
    /// When remotes are no longer waited for.
    pub(super) remotes_until: Instant,
    pub(super) token_refused: AtomicBool,
    /// What people paused; not there, where nobody could ask.
    stops: OnceLock<Stops>,
    observe: Observe<'a>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        services: &'a Services,
        connected: &'a Connected,
        tick: Tick,
        observe: Observe<'a>,
    ) -> Self {
        Self {
            services,
            connected,
            tick,
            moment: tick.now,
            remotes_until: tick.remotes_until(),
            token_refused: AtomicBool::new(false),
            stops: OnceLock::new(),
            observe,
        }
    }

    /// Claims one problem and takes it as far as it goes; nothing if somebody
    /// else has it.
    pub(super) fn work<'p>(
        &'p self,
        id: &'p str,
    ) -> BoxFuture<'p, Result<Option<Report>, StoreError>> {
        self.work_now(id).boxed()
    }

    async fn work_now(&self, id: &str) -> Result<Option<Report>, StoreError> {
        let claim = uuid::Uuid::new_v4().to_string();
        let Tick {
            now, lease_until, ..
        } = self.tick;
        // Looking needs no claim, and a claim needs no look.
        let store = &self.services.store;
        let claiming = store.claim_problem(id, &claim, now, lease_until);
        let (claimed, seen, paused) = tokio::join!(claiming, self.look(id), store.pauses(now));
        self.note_pauses(paused);
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(ClaimError::Taken) => return Ok(None),
            Err(ClaimError::Stuck(stuck)) => {
                (self.observe)(Observed::Stuck(&stuck));
                return Ok(None);
            }
            Err(ClaimError::Store(error)) => return Err(error),
        };
        self.work_held(claimed, seen).await
    }

    /// Takes a problem that is held already, and was looked at, as far as it
    /// goes.
    pub(super) async fn work_held(
        &self,
        claimed: ClaimedProblem,
        seen: Seen,
    ) -> Result<Option<Report>, StoreError> {
        let store = &self.services.store;
        let held = store.held_problem(&claimed);
        let now = self.tick.now;
        match unless_it_panics(store, held, now, self.work_on(claimed, seen)).await? {
            Ok(report) => Ok(Some(report)),
            Err(stuck) => {
                (self.observe)(Observed::Stuck(&stuck));
                Ok(None)
            }
        }
    }

    /// Takes what is claimed as far as it goes, and puts it down.
    fn work_on(&self, claimed: ClaimedProblem, seen: Seen) -> BoxFuture<'_, Report> {
        self.work_on_now(claimed, seen).boxed()
    }

    async fn work_on_now(&self, mut claimed: ClaimedProblem, seen: Seen) -> Report {
        let before = claimed.problem.remediations.clone();
        let older = claimed.problem.comments.len();
        let pursued = Box::pin(self.pursue(&mut claimed, seen)).await;
        let outcome = match pursued {
            Err(error) if is_lost(&error) => Err(error),
            // What was decided is told even where the rest met a fault.
            pursued => match (pursued, comments::post(self, &mut claimed, older).await) {
                (Ok(waits), Ok(comment)) => Ok(waits.into_iter().chain(comment).collect()),
                (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            },
        };
        let problem = claimed.problem.clone();
        let (problem, progress) = match self.put_down(claimed, outcome).await {
            Ok(left) => left,
            Err(StoreError::Lost) => (problem, Progress::Lost),
            // What could not be written down is due again at the lease.
            Err(error) => {
                let progress = Progress::Faulted {
                    error: error.into(),
                    until: self.tick.lease_until,
                };
                (problem, progress)
            }
        };
        let moved = |&index: &usize| {
            let was = before.get(index).map(|remediation| &remediation.state);
            was != Some(&problem.remediations[index].state)
        };
        Report {
            moved: (0..problem.remediations.len()).filter(moved).collect(),
            problem,
            progress,
            token_refused: self.token_refused.load(Ordering::Relaxed),
        }
    }

    /// What changes are looked at and taken back with.
    pub(super) fn context(&self) -> Context<'_> {
        let Services {
            store,
            codedeploy,
            bundles,
            healing,
        } = self.services;
        Context {
            store,
            codedeploy,
            bundles,
            tenant: &self.connected.tenant,
            look_back: healing.look_back,
            behind: &healing.behind,
            group_tag: &healing.group_tag,
            answers: healing.mode != Mode::Off,
            now: self.tick.now,
            moment: self.moment,
            remotes_until: self.remotes_until,
        }
    }

    /// What the tenant says of a problem.
    pub(super) async fn look(&self, id: &str) -> Seen {
        let tenant = &self.connected.tenant;
        let seen = tenant.problem(id, self.remotes_until).await;
        seen.inspect_err(|error| self.note(error))
    }

    /// Remembers what people paused. Where it cannot be read, nothing is begun,
    /// and what is begun goes on.
    pub(super) fn note_pauses(&self, paused: Result<Vec<Pause>, StoreError>) {
        let freeze = self.services.healing.freeze.clone();
        match paused {
            Ok(pauses) => {
                let _ = self.stops.set(Stops { pauses, freeze });
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!("Nothing is begun, as nobody knows what is paused: {error:#}");
            }
        }
    }

    /// What keeps a group from being changed.
    pub(super) fn stopped(&self, group: &Group) -> Result<Option<Stopped>, PausesUnknown> {
        let stops = self.stops.get().ok_or(PausesUnknown)?;
        Ok(stops.on(&Target::Group(group.clone()), self.tick.now))
    }

    /// A comment, with what is paused while it is made.
    pub(super) fn noted(&self, group: &Group, text: String) -> String {
        match self.stopped(group) {
            Ok(Some(stopped)) => words::while_stopped(&text, &stopped),
            Ok(None) | Err(PausesUnknown) => text,
        }
    }

    /// Remembers whether the token has to be read again.
    pub(super) fn note(&self, error: &dynatrace::Error) {
        if matches!(error, dynatrace::Error::Unauthorised(_)) {
            self.token_refused.store(true, Ordering::Relaxed);
        }
    }

    /// Takes a claimed problem through the steps that can be taken now, and
    /// says what it waits for.
    async fn pursue(&self, claimed: &mut ClaimedProblem, seen: Seen) -> anyhow::Result<Vec<Wait>> {
        if is_decided(&claimed.problem) {
            return Ok(Vec::new());
        }
        let heard = match seen {
            Ok(Some(seen)) => self.learn(claimed, seen).await?,
            silent => silent,
        };
        let seen = match heard {
            Ok(Some(seen)) => seen,
            silent => {
                // What is begun goes on: a group must not stay half done.
                let mut waits = self.carry_on(claimed).await?;
                silent.context("cannot ask the tenant for the problem")?;
                waits.push(Wait::for_("the tenant to know the problem"));
                return Ok(waits);
            }
        };
        let mut views = Views::new();
        if claimed.problem.finding == Finding::Pending {
            match cause::find(self, claimed, &seen).await? {
                Found::Known(known) => views = known,
                Found::NotYet(wait) => return Ok(vec![wait]),
            }
        }
        let mut waits = Vec::new();
        let mut fault = None;
        for index in 0..claimed.problem.remediations.len() {
            let view = views.remove(&claimed.problem.remediations[index].culprit.group);
            match Box::pin(healing::pursue(
                self,
                claimed,
                index,
                Tenant::Answered,
                view,
            ))
            .await
            {
                Ok(wait) => waits.extend(wait),
                Err(error) if is_lost(&error) => return Err(error),
                // One group's trouble is not another's.
                Err(error) => fault = Some(error),
            }
        }
        fault.map_or(Ok(waits), Err)
    }

    /// Goes on with what changes a group already, whatever became of the problem.
    async fn carry_on(&self, claimed: &mut ClaimedProblem) -> anyhow::Result<Vec<Wait>> {
        let mut waits = Vec::new();
        for index in 0..claimed.problem.remediations.len() {
            let remediation = &claimed.problem.remediations[index];
            let is_begun = match &remediation.state {
                State::Intended(_) | State::Deploying { .. } => true,
                State::Attributed => remediation.stopped,
                _ => false,
            };
            if is_begun {
                waits.extend(
                    Box::pin(healing::pursue(self, claimed, index, Tenant::Silent, None)).await?,
                );
            }
        }
        Ok(waits)
    }

    /// Notes what the tenant says of the problem, and follows it into the one
    /// that it became a part of: that one says whether it is over. As long as
    /// nothing is heard of that one, nothing is heard of the problem.
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
        let store = &self.services.store;
        store.notice(&other, Reported::Open, now).await?;
        let change = |problem: &mut Problem| problem.merged_into = Some(survivor.to_owned());
        // Nothing is done to the ledger, so nothing can have changed there.
        let _ = self.commit(claimed, change, &[]).await?;
        Ok(())
    }

    /// Stores a change of the document with what it does to the ledger.
    pub(super) async fn commit(
        &self,
        claimed: &mut ClaimedProblem,
        change: impl FnOnce(&mut Problem),
        effects: &[Effect],
    ) -> anyhow::Result<Advanced> {
        self.commit_on(claimed, change, effects, &[]).await
    }

    /// The same, resting on what was read of deployments in this pass.
    pub(super) async fn commit_on(
        &self,
        claimed: &mut ClaimedProblem,
        change: impl FnOnce(&mut Problem),
        effects: &[Effect],
        readings: &[Reading],
    ) -> anyhow::Result<Advanced> {
        change(&mut claimed.problem);
        let store = &self.services.store;
        Ok(store.advance_on(claimed, effects, readings).await?)
    }

    /// Gives the claim back, or settles the problem.
    async fn put_down(
        &self,
        mut claimed: ClaimedProblem,
        outcome: anyhow::Result<Vec<Wait>>,
    ) -> Result<(Problem, Progress), StoreError> {
        let now = self.tick.now;
        let store = &self.services.store;
        let expired = claimed.problem.give_up_at <= now;
        match outcome {
            Err(error) if is_lost(&error) => Ok((claimed.problem, Progress::Lost)),
            Ok(_) if claimed.problem.is_over() => settle(store, claimed).await,
            // Even what cannot be found out or told ends where it can be seen.
            _ if expired => {
                self.give_up(&mut claimed).await?;
                settle(store, claimed).await
            }
            Ok(waits) => {
                let backing_off = saturating_add(now, backoff(claimed.problem.waits));
                let until = waits
                    .iter()
                    .map(|wait| wait.until.unwrap_or(backing_off))
                    .min()
                    .unwrap_or(backing_off);
                let waiting_for: Vec<_> = waits.into_iter().map(|wait| wait.waiting_for).collect();
                claimed.problem.waits = claimed.problem.waits.saturating_add(1);
                claimed.problem.faults = 0;
                let problem = claimed.problem.clone();
                store.defer_problem(claimed, until).await?;
                let waiting_for = waiting_for.join(", and for ");
                Ok((problem, Progress::Deferred { waiting_for, until }))
            }
            Err(error) => {
                let until = saturating_add(now, backoff(claimed.problem.faults));
                claimed.problem.faults = claimed.problem.faults.saturating_add(1);
                let problem = claimed.problem.clone();
                store.defer_problem(claimed, until).await?;
                Ok((problem, Progress::Faulted { error, until }))
            }
        }
    }
}

async fn settle(store: &Store, claimed: ClaimedProblem) -> Result<(Problem, Progress), StoreError> {
    let mut problem = claimed.problem.clone();
    problem.phase = Phase::Settled;
    store.settle_problem(claimed).await?;
    Ok((problem, Progress::Settled))
}

/// Whether the tenant need not be asked about the problem any more.
fn is_decided(problem: &Problem) -> bool {
    problem.finding != Finding::Pending
        && problem
            .remediations
            .iter()
            .all(|remediation| remediation.state.is_final() && !remediation.holds)
}

fn is_lost(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<StoreError>()
        .is_some_and(|error| matches!(error, StoreError::Lost))
}

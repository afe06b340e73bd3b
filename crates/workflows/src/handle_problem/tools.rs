//! What one look at one problem works with, whichever part of it works.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use release::change::Place;
use release::ledger::Effect;
use release::pause::{Pause, Stops, Target};
use release::problem::{Problem, Reported};
use release::remediation::Paused;
use release::step::{Move, Said};
use store::{Advanced, ClaimedProblem, Reading, StoreError};
use tokio::time::Instant;

use super::{Connected, Mode, Services, words};
use crate::remedy::Context;
use crate::work::Tick;

/// What the tenant says of a problem: nothing, if it knows none.
pub(super) type Seen = Result<Option<dynatrace::Problem>, dynatrace::Error>;

/// Whether the tenant said in this very pass how the problem stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tenant {
    Answered,
    /// Nothing is begun.
    Silent,
}

/// Whether it is said to be part of another problem, and nobody can say of which.
pub(super) fn is_lost_in_merge(claimed: &ClaimedProblem) -> bool {
    claimed.reported == Reported::Merged && claimed.problem.merged_into.is_none()
}

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
}

impl<'a> Pass<'a> {
    pub(super) fn new(services: &'a Services, connected: &'a Connected, tick: Tick) -> Self {
        Self {
            services,
            connected,
            tick,
            moment: tick.now,
            remotes_until: tick.remotes_until(),
            token_refused: AtomicBool::new(false),
            stops: OnceLock::new(),
        }
    }

    /// What changes are looked at and taken back with.
    pub(super) fn context(&self) -> Context<'_> {
        let Services {
            ledger,
            clients,
            healing,
            ..
        } = self.services;
        Context {
            ledger,
            clients,
            connected: self.connected,
            look_back: healing.look_back,
            behind: &healing.behind,
            group_tag: &healing.group_tag,
            answers: healing.mode != Mode::Off,
            began: None,
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
    pub(super) fn note_pauses(&self, id: &str, paused: Result<Vec<Pause>, StoreError>) {
        let freeze = self.services.healing.freeze.clone();
        match paused {
            Ok(pauses) => {
                let _ = self.stops.set(Stops { pauses, freeze });
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(
                    problem.id = id,
                    "No change begins for problem `{id}`, because the pauses cannot be read: {error:#}"
                );
            }
        }
    }

    /// Whether a target may be changed.
    pub(super) fn paused(&self, target: impl Into<Target>) -> Paused {
        let Some(stops) = self.stops.get() else {
            return Paused::Unknown;
        };
        match stops.on(&target.into(), self.tick.now) {
            Some(stopped) => Paused::Yes(stopped),
            None => Paused::No,
        }
    }

    /// Whether flags of the set are paused, or nobody can say.
    pub(super) fn pauses_flags(&self, set: &str) -> bool {
        let of_set = |pause: &Pause| matches!(&pause.target, Target::Flag(flag) if flag.set == set);
        let stops = self.stops.get();
        stops.is_none_or(|stops| stops.pauses.iter().any(of_set))
    }

    /// A comment, with what is paused while it is made.
    pub(super) fn noted(&self, place: Place, text: String) -> String {
        match self.paused(place) {
            Paused::Yes(stopped) => words::while_stopped(&text, &stopped),
            Paused::No | Paused::Unknown => text,
        }
    }

    /// Remembers whether the token has to be read again.
    pub(super) fn note(&self, error: &dynatrace::Error) {
        if matches!(error, dynatrace::Error::Unauthorised(_)) {
            self.token_refused.store(true, Ordering::Relaxed);
        }
    }

    /// Stores what a step says of an answer in this place, with its comment and what
    /// it does to the ledger. What only repeats a comment is stored already; if
    /// something changed meanwhile, nothing is.
    pub(super) async fn write<State, Own, Question, Call, More: Default + PartialEq>(
        &self,
        claimed: &mut ClaimedProblem,
        what: &Move<State, Own, Question, Call, More>,
        (place, comment): (Place, Option<String>),
        take: impl FnOnce(&mut Problem),
    ) -> anyhow::Result<Advanced> {
        let comment = match what.said {
            Some(Said::Paused(_)) => comment,
            _ => comment.map(|text| self.noted(place, text)),
        };
        let is_new = |text: &String| !claimed.problem.has_said(text);
        if what.only_says() && !comment.as_ref().is_some_and(is_new) {
            return Ok(Advanced::Written);
        }
        let change = |problem: &mut Problem| {
            take(problem);
            problem.stepped(what.is_progress(), comment, self.tick.now);
        };
        Ok(self.commit(claimed, change, &what.effects).await?)
    }

    /// Stores a change of the document with what it does to the ledger.
    pub(super) async fn commit(
        &self,
        claimed: &mut ClaimedProblem,
        change: impl FnOnce(&mut Problem),
        effects: &[Effect],
    ) -> Result<Advanced, StoreError> {
        self.commit_on(claimed, change, effects, &[]).await
    }

    /// The same, resting on what was read of deployments in this pass.
    pub(super) async fn commit_on(
        &self,
        claimed: &mut ClaimedProblem,
        change: impl FnOnce(&mut Problem),
        effects: &[Effect],
        readings: &[Reading],
    ) -> Result<Advanced, StoreError> {
        change(&mut claimed.problem);
        let ledger = &self.services.ledger;
        let remediations = &self.services.remediations;
        remediations
            .advance_on(ledger, claimed, effects, readings)
            .await
    }
}

//! One remediation, taken as far as it goes: the rows of the transition table
//! of [`release::remediation`] up to the deployment of the target.

use delivery::codedeploy::{self, Status};
use release::deployment::Deployment;
use release::problem::Problem;
use release::remediation::{Facts, Guard, Hand, Heal, Look, Needless, Refusal, State, look};
use store::{Advanced, ClaimedProblem, Effect};

use super::acting::heal_record;
use super::pass::Pass;
use super::target;
use super::view::{self, View};
use super::{Mode, watch, words};
use crate::due::Wait;

/// How many steps one pass may take with one remediation. Far more than a heal
/// has; a row that led to itself would end here.
const MOST_STEPS: usize = 12;

/// Whether the tenant said in this very pass how the problem stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It did.
    Heard,
    /// It did not, so that nothing is begun.
    Missing,
}

/// What follows from one step.
pub(super) enum Next {
    /// The next step can be taken at once.
    Step,
    /// Something has to happen first.
    Wait(Wait),
    /// Nothing is to be done until the problem changes.
    Rest,
}

/// Takes the remediation at `index` as far as it goes now. `view` is a look at
/// its group from this very pass, if there was one.
pub(super) async fn pursue(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    index: usize,
    word: Word,
    mut view: Option<View>,
) -> anyhow::Result<Option<Wait>> {
    for _ in 0..MOST_STEPS {
        let step = Step {
            pass,
            index,
            remediation: claimed.problem.remediations[index].clone(),
        };
        let next = match &step.remediation.state {
            State::Attributed if word == Word::Missing && !step.remediation.stopped => {
                let wait = "the tenant to say whether the problem goes on";
                return Ok(Some(Wait::for_(wait)));
            }
            State::Attributed => step.decide(claimed, view.take()).await?,
            State::Intended(heal) => step.recover(claimed, heal).await?,
            State::Joined { .. } => watch::joined(&step, claimed).await?,
            State::Deploying { heal, deployment } => {
                watch::deploying(&step, claimed, heal, deployment).await?
            }
            State::Healed {
                heal,
                deployment,
                at,
            } => watch::healed(&step, claimed, heal, deployment, *at).await?,
            _ => watch::ended(&step, claimed).await?,
        };
        match next {
            Next::Step => {}
            Next::Wait(wait) => return Ok(Some(wait)),
            Next::Rest => return Ok(None),
        }
    }
    Ok(Some(Wait::for_("what keeps changing to hold still")))
}

/// One remediation as it stands.
pub(super) struct Step<'a> {
    pub(super) pass: &'a Pass<'a>,
    pub(super) index: usize,
    pub(super) remediation: release::problem::Remediation,
}

impl Step<'_> {
    pub(super) fn culprit(&self) -> &Deployment {
        &self.remediation.culprit
    }

    /// Stores a new state with its comment and what it does to the ledger. If
    /// something changed meanwhile, nothing is stored and the old state is
    /// looked at again.
    pub(super) async fn to(
        &self,
        claimed: &mut ClaimedProblem,
        state: State,
        comment: Option<String>,
        effects: &[Effect],
    ) -> anyhow::Result<Next> {
        match self.write(claimed, state, comment, effects).await? {
            Advanced::Written | Advanced::Stale => Ok(Next::Step),
        }
    }

    pub(super) async fn write(
        &self,
        claimed: &mut ClaimedProblem,
        state: State,
        comment: Option<String>,
        effects: &[Effect],
    ) -> anyhow::Result<Advanced> {
        let now = self.pass.tick.now;
        let change = |problem: &mut Problem| {
            problem.waits = 0;
            let remediation = &mut problem.remediations[self.index];
            for effect in effects {
                match effect {
                    Effect::Blame { .. } => remediation.holds = true,
                    Effect::Release { .. } | Effect::Condemn { .. } => remediation.holds = false,
                    Effect::Guard { .. } | Effect::Trust { .. } | Effect::Enter { .. } => {}
                }
            }
            if matches!(state, State::Unconfirmed { .. }) {
                remediation.holds = false;
            }
            remediation.state = state;
            if let Some(text) = comment {
                problem.say(text, now);
            }
        };
        self.pass.commit(claimed, change, effects).await
    }

    /// Nothing was done, and an attempt is looked at: act, wait, or end.
    async fn decide(
        &self,
        claimed: &mut ClaimedProblem,
        view: Option<View>,
    ) -> anyhow::Result<Next> {
        let Pass { services, tick, .. } = self.pass;
        let culprit = self.culprit();
        if claimed.problem.closed.is_some() && !self.remediation.stopped {
            let needless = Needless::Closed;
            let comment = words::not_needed(culprit, &needless);
            let effects = self.let_go();
            let state = State::NotNeeded(needless);
            return self.to(claimed, state, Some(comment), &effects).await;
        }
        if services.healing.mode == Mode::Off {
            return self.refuse(claimed, Refusal::SwitchedOff).await;
        }
        let view = match view {
            Some(view) => view,
            None => View::read(services, &culprit.group, tick.now).await?,
        };
        if let Some(answer) = view.answer_to(&culprit.id) {
            return self.take_for_ours(claimed, &view, answer, Hand::Ours).await;
        }
        let began = claimed.problem.began.unwrap_or(claimed.problem.noticed);
        let facts = Facts {
            open: claimed.problem.closed.is_none(),
            began,
            noticed: claimed.problem.noticed,
            culprit: self.culprit(),
            latest: view.running(&culprit.id),
            halved: self.remediation.stopped
                && view
                    .made(&culprit.id)
                    // What ended by itself before the stop reached it is not our doing.
                    .is_some_and(|made| matches!(made.status, Status::Running | Status::Stopped)),
            max_age: services.healing.max_age,
            now: tick.now,
        };
        let looked = look(&facts);
        let own_rollback = view
            .made(&culprit.id)
            .and_then(|made| made.rolled_back_by.clone())
            // What came after the rollback has replaced that, too.
            .filter(|rollback| facts.latest.is_some_and(|(latest, _)| latest == rollback));
        match (looked, own_rollback) {
            (Look::Refused(refusal), _) => self.refuse(claimed, refusal).await,
            (Look::Wait | Look::NotNeeded(Needless::Replaced { .. }), Some(rollback)) => {
                self.meet_rollback(claimed, &view, &rollback).await
            }
            (Look::NotNeeded(needless), _) => self.not_needed(claimed, needless).await,
            (Look::Wait, None) => Ok(Next::Wait(Wait::for_("another deployment to end"))),
            (Look::StopFirst, _) if services.healing.mode == Mode::Auto => {
                self.stop(claimed, &view).await
            }
            (Look::StopFirst, _) => {
                self.act(claimed, &view, "It would have been stopped. ")
                    .await
            }
            (Look::Act, _) => self.act(claimed, &view, "").await,
        }
    }

    /// CodeDeploy takes the culprit back by itself: good if it deploys what we
    /// would, else its end decides what runs.
    async fn meet_rollback(
        &self,
        claimed: &mut ClaimedProblem,
        view: &View,
        rollback: &str,
    ) -> anyhow::Result<Next> {
        let culprit = self.culprit();
        let Some(made) = view.made(rollback) else {
            return Ok(Next::Wait(Wait::for_("CodeDeploy to show its rollback")));
        };
        let services = self.pass.services;
        let chosen = target::choose(services, view, culprit).await?;
        let wanted = chosen.and_then(|chosen| view.location(&chosen.deployment.id));
        let does = view.location(rollback);
        if does.is_some() && wanted == does {
            return self
                .take_for_ours(claimed, view, made, Hand::CodeDeploy)
                .await;
        }
        if made.status == Status::Running {
            return Ok(Next::Wait(Wait::for_("CodeDeploy's own rollback to end")));
        }
        // What was rolled back to may be no better.
        if target::is_tainted(services, view, culprit, rollback).await? {
            return self.act(claimed, view, "").await;
        }
        let needless = Needless::Replaced {
            running: rollback.to_owned(),
            culprit: culprit.id.clone(),
        };
        self.not_needed(claimed, needless).await
    }

    /// The deployment that answers the culprit exists already: an earlier
    /// worker made it and died, or CodeDeploy did.
    pub(super) async fn take_for_ours(
        &self,
        claimed: &mut ClaimedProblem,
        view: &View,
        made: &codedeploy::Deployment,
        by: Hand,
    ) -> anyhow::Result<Next> {
        let Pass { services, tick, .. } = self.pass;
        let culprit = self.culprit();
        if services.healing.mode != Mode::Auto && by == Hand::CodeDeploy {
            let running = made.id.clone();
            let culprit = culprit.id.clone();
            let needless = Needless::Replaced { running, culprit };
            return self.not_needed(claimed, needless).await;
        }
        let heal = Heal {
            target: what_it_deploys(view, made),
            by,
            marker: view::marker(&claimed.problem.id, &culprit.id),
            at: made.created,
        };
        let mut effects = vec![Effect::Enter {
            deployment: heal_record(&heal, &made.id, made.created, culprit),
        }];
        // Whatever the guard would say, it has happened: it counts.
        let from = view.guard.clone();
        if from.active.is_none() {
            let to = Guard {
                active: Some(claimed.problem.id.clone()),
                cooldown_until: None,
                heals: from.heals.iter().copied().chain([tick.now]).collect(),
            };
            let group = culprit.group.clone();
            effects.push(Effect::Guard { group, from, to });
        }
        let comment = words::deploying(culprit, &heal, &made.id, &[]);
        let state = State::Deploying {
            heal,
            deployment: made.id.clone(),
        };
        self.to(claimed, state, Some(comment), &effects).await
    }

    pub(super) async fn refuse(
        &self,
        claimed: &mut ClaimedProblem,
        refusal: Refusal,
    ) -> anyhow::Result<Next> {
        let comment = words::refused(self.culprit(), &refusal);
        let state = State::Refused(refusal);
        self.to(claimed, state, Some(comment), &[]).await
    }

    async fn not_needed(
        &self,
        claimed: &mut ClaimedProblem,
        needless: Needless,
    ) -> anyhow::Result<Next> {
        let comment = words::not_needed(self.culprit(), &needless);
        let state = State::NotNeeded(needless);
        self.to(claimed, state, Some(comment), &[]).await
    }

    /// The guard turns, unless it need not.
    pub(super) fn guard(&self, from: &Guard, to: Guard) -> Vec<Effect> {
        if *from == to {
            return Vec::new();
        }
        vec![Effect::Guard {
            group: self.culprit().group.clone(),
            from: from.clone(),
            to,
        }]
    }

    /// The culprit is unknown again, if it is this problem that says otherwise.
    pub(super) fn let_go(&self) -> Vec<Effect> {
        if !self.remediation.holds {
            return Vec::new();
        }
        vec![Effect::Release {
            deployment: self.culprit().clone(),
            lift: true,
        }]
    }
}

/// The deployment whose revision `made` deploys again: the oldest one of the
/// same content.
fn what_it_deploys(view: &View, made: &codedeploy::Deployment) -> Deployment {
    let location = view.location(&made.id);
    let same = view.history.iter().rev().find(|other| {
        other.id != made.id && location.is_some() && view.location(&other.id) == location
    });
    same.and_then(|same| view.deployment(&same.id))
        .unwrap_or_else(|| view::recorded(made))
}

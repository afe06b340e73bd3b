//! One remediation, taken as far as it goes: the rows of the transition table
//! of [`release::remediation`] up to the deployment of the target.

use delivery::codedeploy::{self, Status};
use release::deployment::Deployment;
use release::ledger::Effect;
use release::problem::Problem;
use release::remediation::{Facts, Guard, Hand, Heal, Look, Needless, Refusal, Runs, State, look};
use store::{Advanced, ClaimedProblem};

use super::acting::heal_record;
use super::pass::Pass;
use super::target;
use super::view::{self, View};
use super::{Mode, Services, watch, words};
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
            State::Attributed => Box::pin(step.decide(claimed, view.take())).await?,
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
        let comment = comment.map(|text| self.pass.noted(&self.culprit().group, text));
        let change = |problem: &mut Problem| {
            problem.waits = 0;
            let remediation = &mut problem.remediations[self.index];
            for holds in effects.iter().filter_map(Effect::holds) {
                remediation.holds = holds;
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
        if services.healing.mode == Mode::Off {
            if claimed.problem.closed.is_some() && !self.remediation.stopped {
                return self.not_needed(claimed, Needless::Closed).await;
            }
            return self.refuse(claimed, Refusal::SwitchedOff).await;
        }
        let mut view = match view {
            Some(view) => view,
            None => View::read(self.pass, &culprit.group).await?,
        };
        view.complete(services, &culprit.id).await?;
        if let Some(answer) = view.answer_to(&culprit.id) {
            return self.take_for_ours(claimed, &view, answer, Hand::Ours).await;
        }
        let began = claimed.problem.began.unwrap_or(claimed.problem.noticed);
        let facts = Facts {
            open: claimed.problem.closed.is_none(),
            began,
            noticed: claimed.problem.noticed,
            culprit: self.culprit(),
            runs: runs(services, &view, culprit).await?,
            halved: self.remediation.stopped
                && view
                    .made(&culprit.id)
                    // What ended by itself before the stop reached it is not our doing.
                    .is_some_and(|made| matches!(made.status, Status::Running | Status::Stopped)),
            max_age: services.healing.max_age,
            now: tick.now,
        };
        match look(&facts) {
            Look::Refused(refusal) => self.refuse(claimed, refusal).await,
            Look::NotNeeded(needless) => self.not_needed(claimed, needless).await,
            Look::Wait => Ok(Next::Wait(Wait::for_("another deployment to end"))),
            Look::TakenBack { by } => match view.made(&by) {
                Some(rollback) => {
                    let by = Hand::CodeDeploy;
                    self.take_for_ours(claimed, &view, rollback, by).await
                }
                None => Ok(Next::Wait(Wait::for_("CodeDeploy to show its rollback"))),
            },
            Look::StopFirst if services.healing.mode == Mode::Auto => {
                self.stop(claimed, &view).await
            }
            Look::StopFirst => {
                self.act(claimed, &view, "It would have been stopped. ")
                    .await
            }
            Look::Act => self.act(claimed, &view, "").await,
        }
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
        let brought = target::brought(services, view, culprit, made).await?;
        let heal = Heal {
            target: brought.deployment,
            by,
            marker: view::marker(&claimed.problem.id, &culprit.id),
            at: made.created,
        };
        let mut effects = vec![Effect::Enter {
            deployment: heal_record(&heal, &made.id, made.created, culprit),
        }];
        if view.guard.active.is_none() {
            let taken = view.guard.taken(&claimed.problem.id, tick.now);
            effects.extend(self.guard(&view.guard, taken));
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
        let effects = match needless {
            Needless::Closed => self.let_go(),
            _ => Vec::new(),
        };
        let state = State::NotNeeded(needless);
        self.to(claimed, state, Some(comment), &effects).await
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

/// What runs in the group, with what only targets and the ledger can say:
/// whether the culprit changed anything, and whether what CodeDeploy brings back
/// is any better.
pub(super) async fn runs<'v>(
    services: &Services,
    view: &'v View,
    culprit: &Deployment,
) -> anyhow::Result<Runs<'v>> {
    let runs = view.runs(&culprit.id);
    if matches!(runs, Runs::Another(..)) {
        return Ok(runs);
    }
    if let Some(made) = view.made(&culprit.id)
        && made.status != Status::Succeeded
        && services.codedeploy.life(made).await?.is_none()
    {
        return Ok(Runs::Untouched);
    }
    if let Runs::Rollback { id, .. } = runs
        && let Some(made) = view.made(id)
        && target::brought(services, view, culprit, made)
            .await?
            .is_tainted
    {
        return Ok(runs.distrusted());
    }
    Ok(runs)
}

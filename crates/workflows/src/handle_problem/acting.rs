//! Acting on a culprit: the rows of the transition table from a decision to the
//! deployment of the target.

use anyhow::Context as _;
use delivery::codedeploy::{Created, Redeployment, Status};
use release::deployment::{Deployment, Origin};
use release::ledger::Effect;
use release::pause::Stopped;
use release::problem::Problem;
use release::remediation::{Admission, Guard, Hand, Heal, Refusal, State};
use store::{Advanced, ClaimedProblem};

use super::healing::{Next, Step};
use super::pass::{Pass, PausesUnknown};
use super::target::{self, Chosen};
use super::view::{self, View};
use super::{Mode, words};
use crate::due::Wait;

/// Whether a heal could be made now.
enum Ready {
    /// It could: the guard while it is made, and what is deployed.
    Yes(Box<(Guard, Chosen)>),
    /// It could not, and this follows.
    No(Next),
}

impl Step<'_> {
    /// Stops the culprit, unless it could not be answered afterwards: half a
    /// deployment is worse than a whole one.
    pub(super) async fn stop(
        &self,
        claimed: &mut ClaimedProblem,
        view: &View,
    ) -> anyhow::Result<Next> {
        let culprit = self.culprit();
        if let Ready::No(next) = Box::pin(self.prepare(claimed, view)).await? {
            return Ok(next);
        }
        if !self.remediation.stopped {
            let (text, now) = (words::stopping(culprit), self.pass.tick.now);
            let change = |problem: &mut Problem| {
                problem.waits = 0;
                problem.remediations[self.index].stopped = true;
                problem.say(text, now);
            };
            // From here on a heal is owed, whatever becomes of the problem.
            if self.pass.commit(claimed, change, &[]).await? == Advanced::Stale {
                return Ok(Next::Step);
            }
        }
        let codedeploy = &self.pass.services.codedeploy;
        let stopping = codedeploy.stop(&culprit.id).await;
        stopping.context("cannot stop the culprit's deployment")?;
        Ok(Next::Wait(Wait::for_("the culprit's deployment to stop")))
    }

    /// Says once that nothing is begun, and waits.
    async fn paused(
        &self,
        claimed: &mut ClaimedProblem,
        stopped: &Stopped,
    ) -> anyhow::Result<Next> {
        let (text, now) = (words::paused(self.culprit(), stopped), self.pass.tick.now);
        // Nothing is done to the ledger, so nothing can have changed there.
        let _ = self
            .pass
            .commit(claimed, |problem| problem.say(text, now), &[])
            .await?;
        Ok(Next::Wait(Wait::for_(stopped.to_string())))
    }

    /// Whether the guard lets this problem through and a target is left; where
    /// not, that is written down.
    async fn prepare(&self, claimed: &mut ClaimedProblem, view: &View) -> anyhow::Result<Ready> {
        let Pass { services, tick, .. } = self.pass;
        let culprit = self.culprit();
        // What was stopped half way is taken back, whatever is paused.
        if !self.remediation.stopped {
            match self.pass.stopped(&culprit.group) {
                Ok(None) => {}
                Ok(Some(stopped)) => return Ok(Ready::No(self.paused(claimed, &stopped).await?)),
                Err(PausesUnknown) => {
                    let wait = "the ledger to say what is paused";
                    return Ok(Ready::No(Next::Wait(Wait::for_(wait))));
                }
            }
        }
        let group = culprit.group.to_string();
        let limits = services.healing.limits;
        let admitted = view
            .guard
            .admit(&claimed.problem.id, &group, limits, tick.now);
        let guard = match admitted {
            Admission::Admitted(guard) => guard,
            Admission::Refused(refusal) => {
                return Ok(Ready::No(self.refuse(claimed, refusal).await?));
            }
            Admission::Busy => {
                let wait = "the answer to another problem in the same group";
                return Ok(Ready::No(Next::Wait(Wait::for_(wait))));
            }
        };
        Ok(match target::choose(services, view, culprit).await? {
            Some(chosen) => Ready::Yes(Box::new((guard, chosen))),
            None => Ready::No(self.refuse(claimed, Refusal::NoTarget { group }).await?),
        })
    }

    /// Everything speaks for it: guard, target, intent, deployment.
    pub(super) async fn act(
        &self,
        claimed: &mut ClaimedProblem,
        view: &View,
        first: &str,
    ) -> anyhow::Result<Next> {
        let Pass { services, tick, .. } = self.pass;
        let culprit = self.culprit();
        let limits = services.healing.limits;
        let (guard, mut chosen) = match Box::pin(self.prepare(claimed, view)).await? {
            Ready::Yes(ready) => *ready,
            Ready::No(next) => return Ok(next),
        };
        let rollback = view.rollbacks(&culprit.id).next();
        chosen.notes.extend(rollback.map(|rollback| {
            words::rolled_back_in_vain(&rollback.id, rollback.status == Status::Succeeded)
        }));
        let heal = Heal {
            target: chosen.deployment.clone(),
            by: Hand::Ours,
            marker: view::marker(&claimed.problem.id, &culprit.id),
            at: tick.now,
        };
        if services.healing.mode == Mode::Shadow {
            let comment = words::shadowed(culprit, &heal, first, &self.notes(&chosen));
            let effects = self.guard(&view.guard, guard.released(limits, tick.now));
            let state = State::Shadowed(heal);
            return self.to(claimed, state, Some(comment), &effects).await;
        }
        let mut effects = self.guard(&view.guard, guard.clone());
        // Somebody may have learned of it since it was chosen.
        effects.push(Effect::Trust {
            target: heal.target.clone(),
        });
        let state = State::Intended(heal.clone());
        match self.write(claimed, state, None, &effects).await? {
            Advanced::Written => self.create(claimed, &heal, &chosen, (view, &guard)).await,
            Advanced::Stale => Ok(Next::Step),
        }
    }

    /// What a person should know about the choice, and where to read why the
    /// revision is known to be good.
    fn notes(&self, chosen: &Chosen) -> Vec<String> {
        let Pass {
            connected, tick, ..
        } = self.pass;
        let link = chosen.evidence.zip(connected.links.as_ref());
        let evidence = link.map(|(id, links)| words::evidence(&links.to(id, tick.now)));
        chosen.notes.iter().cloned().chain(evidence).collect()
    }

    /// The intent is stored, by this very pass: the call may be made.
    async fn create(
        &self,
        claimed: &mut ClaimedProblem,
        heal: &Heal,
        chosen: &Chosen,
        (view, guard): (&View, &Guard),
    ) -> anyhow::Result<Next> {
        let Pass { services, tick, .. } = self.pass;
        let culprit = self.culprit();
        let description = format!("{} replaces {}", heal.marker, culprit.id);
        let config = view
            .made(&culprit.id)
            .and_then(|made| made.config.as_deref());
        let wish = Redeployment {
            target: &view::target(&culprit.group),
            config,
            revision: &chosen.revision,
            description: &description,
        };
        let limits = services.healing.limits;
        match services.codedeploy.redeploy(&wish).await? {
            Created::Deployment(id) => {
                let effects = [Effect::Enter {
                    deployment: heal_record(heal, &id, tick.now, culprit),
                }];
                let comment = words::deploying(culprit, heal, &id, &self.notes(chosen));
                let heal = heal.clone();
                let state = State::Deploying {
                    heal,
                    deployment: id,
                };
                self.to(claimed, state, Some(comment), &effects).await
            }
            Created::Busy => {
                let effects = self.guard(guard, guard.returned());
                self.to(claimed, State::Attributed, None, &effects).await?;
                Ok(Next::Wait(Wait::for_("another deployment to end")))
            }
            Created::Refused(reason) => {
                let effects = self.guard(guard, guard.released(limits, tick.now));
                let comment = words::failed(heal, None, tick.now, &reason);
                let state = State::HealFailed {
                    heal: heal.clone(),
                    deployment: None,
                    reason,
                };
                self.to(claimed, state, Some(comment), &effects).await
            }
        }
    }

    /// Somebody intended a heal and did not get to say what became of it.
    pub(super) async fn recover(
        &self,
        claimed: &mut ClaimedProblem,
        heal: &Heal,
    ) -> anyhow::Result<Next> {
        let culprit = self.culprit();
        let view = View::read(self.pass, &culprit.group).await?;
        if let Some(made) = view.answer_to(&culprit.id) {
            let effects = [Effect::Enter {
                deployment: heal_record(heal, &made.id, made.created, culprit),
            }];
            let comment = words::deploying(culprit, heal, &made.id, &[]);
            let state = State::Deploying {
                heal: heal.clone(),
                deployment: made.id.clone(),
            };
            return self.to(claimed, state, Some(comment), &effects).await;
        }
        let effects = match &view.guard.active {
            Some(active) if *active == claimed.problem.id => {
                self.guard(&view.guard, view.guard.returned())
            }
            _ => Vec::new(),
        };
        self.to(claimed, State::Attributed, None, &effects).await
    }
}

/// How a heal enters the ledger: the content of its target under its own id.
pub(super) fn heal_record(
    heal: &Heal,
    id: &str,
    at: jiff::Timestamp,
    culprit: &Deployment,
) -> Deployment {
    Deployment {
        id: id.to_owned(),
        group: culprit.group.clone(),
        at,
        execution: None,
        identity: heal.target.identity.clone(),
        location: heal.target.location.clone(),
        digest: heal.target.digest.clone(),
        version: heal.target.version.clone(),
        origin: Origin::Heal,
    }
}

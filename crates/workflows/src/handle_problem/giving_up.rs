//! Ending what can be brought to no better end.

use release::ledger::Effect;
use release::problem::Finding;
use release::remediation::State;
use store::{Advanced, ClaimedProblem, StoreError};

use super::pass::Pass;
use super::{comments, words};

impl Pass<'_> {
    /// Ends what is still owed in states that can be seen, and says so once.
    pub(super) async fn give_up(&self, claimed: &mut ClaimedProblem) -> Result<(), StoreError> {
        let now = self.tick.now;
        let store = &self.services.store;
        for _ in 0..4 {
            let mut effects = Vec::new();
            let mut problem = claimed.problem.clone();
            let mut said = Vec::new();
            if problem.finding == Finding::Pending {
                problem.finding = Finding::GaveUp;
                said.push(words::cause_unknown());
            }
            for remediation in &mut problem.remediations {
                let culprit = &remediation.culprit;
                let held = std::mem::take(&mut remediation.holds);
                let (heal, deployment) = match &remediation.state {
                    State::Healed {
                        heal,
                        deployment,
                        at,
                    } => {
                        said.push(words::unconfirmed(culprit, heal));
                        remediation.state = State::Unconfirmed {
                            heal: heal.clone(),
                            deployment: deployment.clone(),
                            at: *at,
                        };
                        continue;
                    }
                    State::Attributed | State::Joined { .. } => {
                        if held && !remediation.stopped {
                            effects.push(Effect::Release {
                                deployment: culprit.clone(),
                                lift: true,
                            });
                            said.push(words::released(culprit));
                            remediation.state = State::GaveUp {
                                heal: None,
                                deployment: None,
                            };
                            continue;
                        }
                        (None, None)
                    }
                    State::Intended(heal) => (Some(heal.clone()), None),
                    State::Deploying { heal, deployment } => {
                        (Some(heal.clone()), Some(deployment.clone()))
                    }
                    state => {
                        if held && !state.began_heal() {
                            said.push(words::released(culprit));
                            effects.push(Effect::Release {
                                deployment: culprit.clone(),
                                lift: true,
                            });
                        }
                        continue;
                    }
                };
                let guard = store.guard(&culprit.group).await?;
                if guard.active.as_ref() == Some(&problem.id) {
                    effects.push(Effect::Guard {
                        group: culprit.group.clone(),
                        to: guard.released(self.services.healing.limits, now),
                        from: guard,
                    });
                }
                said.push(words::gave_up(culprit));
                remediation.state = State::GaveUp { heal, deployment };
            }
            for text in said {
                problem.say(text, now);
            }
            claimed.problem = problem;
            if store.advance(claimed, &effects).await? == Advanced::Written {
                let older = claimed.problem.comments.len();
                // What cannot be said now is in the record.
                let _ = comments::post(self, claimed, older).await;
                return Ok(());
            }
        }
        Err(StoreError::Lost)
    }
}

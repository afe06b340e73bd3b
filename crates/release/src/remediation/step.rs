//! One step of a remediation, as a function of what is known.
//!
//! [`step()`] decides and [`give_up`] ends; their caller finds out what they
//! ask for, writes what they say and makes the calls. Each row of the table in
//! [`crate::remediation`] that is about a remediation is a case of the tests
//! below.

use jiff::{SignedDuration, Timestamp};

use super::{
    Actor, Admission, Created, Guard, Heal, HealRefusal, Limits, Look, Made, Mode, Needless,
    Observed, Paused, Scene, Shown, Situation, State, look, marker,
};
use crate::ledger::Effect;
use crate::problem::Remediation;
use crate::step;
use crate::verify::{Seen, Verified, verify};

/// How long CodeDeploy may take to show a deployment that it has made.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// How much of a reason of CodeDeploy is kept, in characters.
const LONGEST_REASON: usize = 500;

/// What comes next for a remediation.
pub type Step = step::Step<Question, Move, Call>;

/// What is written of a remediation.
pub type Move = step::Move<State, Told, Question, Call, Stopping>;

/// What is said of a remediation.
pub type Said = step::Said<Told>;

/// A fact that is found out, and where it is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// [`Observed::holder`].
    Holder,
    /// [`Observed::guard`].
    Guard,
    /// [`Observed::answer`], with the guard.
    Answer,
    /// [`Observed::runs`].
    Runs,
    /// [`Observed::brought`], of the answer or else the rollback.
    Brought,
    /// [`Observed::remedy`].
    Remedy,
    /// [`Observed::heal`].
    Heal,
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Stop the culprit's own deployment.
    Stop,
    /// Put in place what is intended.
    Create,
}

/// Whether the culprit's own deployment is being stopped from here on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopping(pub bool);

/// What is said of a remediation alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The culprit is being stopped.
    Stopping,
    /// What would have been done, after the culprit had been stopped.
    ShadowedAfterStop,
    /// The heal could not be made, as was found out at this time.
    Failed(Timestamp),
    /// A rollback of CodeDeploy did not succeed.
    RollbackFailed {
        /// The deployment.
        id: String,
        /// Why.
        reason: String,
    },
    /// The time is over, and the culprit stays suspect.
    GaveUp,
    /// The time is over, and the culprit is suspect no longer.
    Released,
}

impl Remediation {
    /// Makes it what it is once this is written.
    pub fn take(&mut self, what: &Move) {
        what.apply(&mut self.state, &mut self.holds);
        self.stopped |= what.more.0;
    }
}

/// The next step of a remediation.
pub fn step(remediation: &Remediation, situation: &Situation<'_>, observed: &Observed) -> Step {
    let at = At {
        remediation,
        situation,
        observed,
    };
    // What has changed nothing yet waits for the tenant's word; what is begun goes
    // on, as a place must not stay half done.
    if !situation.heard && !remediation.is_begun() && !remediation.is_over() {
        return Step::wait("the tenant to say whether the problem is still open");
    }
    match &remediation.state {
        State::Attributed => at.attributed(),
        State::Joined { .. } => at.joined(),
        State::Intended(heal) => at.intended(heal),
        State::UnderWay { heal, deployment } => at.deploying(heal, deployment),
        State::Healed {
            heal,
            deployment,
            at: ended,
        } => at.healed(heal, deployment, *ended),
        State::Confirmed { .. }
        | State::Unconfirmed { .. }
        | State::HealFailed { .. }
        | State::Shadowed(_)
        | State::Refused(_)
        | State::NotNeeded(_)
        | State::GaveUp { .. } => at.ended(),
    }
}

/// What is written where the time for a remediation is over; nothing, if nothing
/// is owed. `guard` is that of its group.
pub fn give_up(
    remediation: &Remediation,
    problem: &str,
    guard: &Guard,
    limits: Limits,
    now: Timestamp,
) -> Option<Move> {
    let released = || Move {
        effects: release(remediation),
        said: Some(Said::Own(Told::Released)),
        lets_go: true,
        ..Move::default()
    };
    let (heal, deployment) = match &remediation.state {
        State::Healed {
            heal,
            deployment,
            at,
        } => {
            return Some(Move {
                state: Some(State::Unconfirmed {
                    heal: heal.clone(),
                    deployment: deployment.clone(),
                    at: *at,
                }),
                said: Some(Said::State),
                lets_go: true,
                ..Move::default()
            });
        }
        State::Attributed | State::Joined { .. } if remediation.holds && !remediation.stopped => {
            return Some(Move {
                state: Some(State::GaveUp {
                    heal: None,
                    deployment: None,
                }),
                ..released()
            });
        }
        State::Attributed | State::Joined { .. } => (None, None),
        State::Intended(heal) => (Some(heal.clone()), None),
        State::UnderWay { heal, deployment } => (Some(heal.clone()), Some(deployment.clone())),
        state if remediation.holds && !state.began_heal() => return Some(released()),
        _ => {
            return remediation.holds.then(|| Move {
                lets_go: true,
                ..Move::default()
            });
        }
    };
    let effects = if guard.active.as_deref() == Some(problem) {
        turn(remediation, guard, guard.released(limits, now))
    } else {
        Vec::new()
    };
    Some(Move {
        state: Some(State::GaveUp { heal, deployment }),
        effects,
        said: Some(Said::Own(Told::GaveUp)),
        lets_go: true,
        ..Move::default()
    })
}

/// A remediation at this moment.
#[derive(Clone, Copy)]
struct At<'a> {
    remediation: &'a Remediation,
    situation: &'a Situation<'a>,
    observed: &'a Observed,
}

impl<'a> At<'a> {
    fn parts(self) -> (&'a Remediation, &'a Situation<'a>, &'a Observed) {
        (self.remediation, self.situation, self.observed)
    }

    /// Nothing was done yet: act, wait, or end.
    fn attributed(self) -> Step {
        let (remediation, situation, observed) = self.parts();
        let Situation {
            problem, policy, ..
        } = situation;
        if policy.mode == Mode::Off {
            if problem.closed.is_some() && !remediation.stopped {
                return self.not_needed(Needless::Closed);
            }
            return refuse(HealRefusal::SwitchedOff);
        }
        let Some(answer) = &observed.answer else {
            return Step::Ask(Question::Answer);
        };
        if let Some(answer) = answer {
            return self.adopt(answer, Actor::Ours);
        }
        let Some(running) = &observed.runs else {
            return Step::Ask(Question::Runs);
        };
        let scene = Scene {
            open: problem.closed.is_none(),
            began: problem.began.unwrap_or(problem.noticed),
            noticed: problem.noticed,
            culprit: &remediation.culprit,
            runs: running.runs.clone(),
            stopped_half_way: remediation.stopped && running.unfinished,
            max_age: policy.max_age,
            now: situation.now,
        };
        match look(&scene) {
            Look::Refused(refusal) => refuse(refusal),
            Look::NotNeeded(needless) => self.not_needed(needless),
            Look::Wait => Step::wait("another deployment to end"),
            Look::TakenBack { .. } => match &running.rollback {
                Some(rollback) => self.adopt(rollback, Actor::Platform),
                None => Step::wait("CodeDeploy to show its rollback"),
            },
            Look::StopFirst => self.act(true),
            Look::Act => self.act(false),
        }
    }

    /// The deployment that answers the culprit exists already: an earlier
    /// worker made it and died, or CodeDeploy did.
    fn adopt(self, made: &Made, by: Actor) -> Step {
        let (remediation, situation, observed) = self.parts();
        let Some(brought) = &observed.brought else {
            return Step::Ask(Question::Brought);
        };
        let Some(guard) = &observed.guard else {
            return Step::Ask(Question::Guard);
        };
        let heal = Heal {
            remedy: brought.clone(),
            by,
            marker: self.marker(),
            at: made.at,
        };
        let mut effects: Vec<Effect> = enter(&heal, &made.id, made.at).collect();
        if guard.active.is_none() {
            let taken = guard.taken(&situation.problem.id, situation.now);
            effects.extend(turn(remediation, guard, taken));
        }
        let deployment = made.id.clone();
        to(State::UnderWay { heal, deployment }, effects)
    }

    /// The culprit runs, on one instance at least. `under_way`: its deployment
    /// has not ended.
    fn act(self, under_way: bool) -> Step {
        let (remediation, situation, observed) = self.parts();
        let limits = situation.policy.limits;
        // What was stopped half way is taken back, whatever is paused.
        if !remediation.stopped {
            match &situation.paused {
                Paused::No => {}
                Paused::Yes(stopped) => {
                    return Step::write(Move {
                        said: Some(Said::Paused(stopped.clone())),
                        then: Some(Step::wait(stopped.to_string())),
                        ..Move::default()
                    });
                }
                Paused::Unknown => {
                    return Step::wait("the ledger to say whether changes are paused");
                }
            }
        }
        let Some(guard) = &observed.guard else {
            return Step::Ask(Question::Guard);
        };
        let place = remediation.culprit.place();
        let admitted = guard.admit(&situation.problem.id, &place, limits, situation.now);
        let admitted = match admitted {
            Admission::Admitted(admitted) => admitted,
            Admission::Refused(refusal) => return refuse(refusal),
            Admission::Busy => {
                return Step::wait("the answer to another problem in the same group");
            }
        };
        let Some(remedy) = &observed.remedy else {
            return Step::Ask(Question::Remedy);
        };
        let Some(remedy) = remedy else {
            let group = place.to_string();
            return refuse(HealRefusal::NoTarget { group });
        };
        let is_shadow = situation.policy.mode == Mode::Shadow;
        if under_way && !is_shadow {
            return self.stop();
        }
        let heal = Heal {
            remedy: remedy.clone(),
            by: Actor::Ours,
            marker: self.marker(),
            at: situation.now,
        };
        if is_shadow {
            let released = admitted.released(limits, situation.now);
            let said = if under_way {
                Said::Own(Told::ShadowedAfterStop)
            } else {
                Said::State
            };
            return Step::write(Move {
                state: Some(State::Shadowed(heal)),
                effects: turn(remediation, guard, released),
                said: Some(said),
                ..Move::default()
            });
        }
        let mut effects = turn(remediation, guard, admitted);
        // Somebody may have learned of it since it was chosen.
        effects.push(Effect::Trust {
            remedy: heal.remedy.clone(),
        });
        Step::write(Move {
            state: Some(State::Intended(heal)),
            effects,
            then: Some(Step::Call(Call::Create)),
            ..Move::default()
        })
    }

    /// From here on a heal is owed, whatever becomes of the problem.
    fn stop(self) -> Step {
        if self.remediation.stopped {
            return Step::Call(Call::Stop);
        }
        Step::write(Move {
            more: Stopping(true),
            said: Some(Said::Own(Told::Stopping)),
            then: Some(Step::Call(Call::Stop)),
            ..Move::default()
        })
    }

    /// A heal was intended: by this very pass, which knows what became of the
    /// call, or by somebody who did not get to say.
    fn intended(self, heal: &Heal) -> Step {
        let (remediation, situation, observed) = self.parts();
        let limits = situation.policy.limits;
        let Some(guard) = &observed.guard else {
            return Step::Ask(Question::Guard);
        };
        let is_ours = guard.active.as_deref() == Some(&situation.problem.id);
        let returned = || {
            let effects = turn(remediation, guard, guard.returned());
            if is_ours { effects } else { Vec::new() }
        };
        let under_way = |id: &str, at| {
            let state = State::UnderWay {
                heal: heal.clone(),
                deployment: id.to_owned(),
            };
            to(state, enter(heal, id, at).collect())
        };
        match (&observed.created, &observed.answer) {
            (Some(Created::Deployment(id)), _) => under_way(id, situation.now),
            (Some(Created::Busy), _) => Step::write(Move {
                state: Some(State::Attributed),
                effects: returned(),
                then: Some(Step::wait("another change to end")),
                ..Move::default()
            }),
            (Some(Created::Refused(reason)), _) => Step::write(Move {
                state: Some(State::HealFailed {
                    heal: heal.clone(),
                    deployment: None,
                    reason: reason.clone(),
                }),
                effects: turn(remediation, guard, guard.released(limits, situation.now)),
                said: Some(Said::Own(Told::Failed(situation.now))),
                ..Move::default()
            }),
            (None, None) => Step::Ask(Question::Answer),
            (None, Some(Some(made))) => under_way(&made.id, made.at),
            (None, Some(None)) => Step::write(Move {
                state: Some(State::Attributed),
                effects: returned(),
                ..Move::default()
            }),
        }
    }

    /// The culprit is answered under another problem, as long as that one holds
    /// it.
    fn joined(self) -> Step {
        let (remediation, situation, observed) = self.parts();
        if situation.problem.closed.is_some() {
            return Step::write(Move {
                state: Some(State::NotNeeded(Needless::Closed)),
                ..Move::default()
            });
        }
        match &observed.holder {
            None => Step::Ask(Question::Holder),
            Some(Some(holder)) if *holder != situation.problem.id => {
                Step::wait("the answer to another problem")
            }
            Some(_) => Step::write(Move {
                state: Some(State::Attributed),
                effects: vec![Effect::Blame {
                    change: remediation.culprit.clone(),
                }],
                ..Move::default()
            }),
        }
    }

    /// The target is being deployed.
    fn deploying(self, heal: &Heal, id: &str) -> Step {
        let (remediation, situation, observed) = self.parts();
        let (heal, id) = (heal.clone(), id.to_owned());
        let Some(shown) = &observed.heal else {
            return Step::Ask(Question::Heal);
        };
        let age = situation.now.duration_since(heal.at);
        let (reason, ended) = match shown {
            None if age < SHOWN_WITHIN => return Step::wait("the heal to be deployed"),
            None => (Some("CodeDeploy does not know it any more"), None),
            Some(Shown::NotYet) => return Step::wait("the heal to be deployed"),
            Some(Shown::Well(at)) => (None, *at),
            Some(Shown::Badly(reason, at)) => (Some(reason.as_str()), *at),
        };
        let Some(guard) = &observed.guard else {
            return Step::Ask(Question::Guard);
        };
        let turned = |to: Guard| {
            let is_ours = guard.active.as_deref() == Some(&situation.problem.id);
            if is_ours {
                turn(remediation, guard, to)
            } else {
                Vec::new()
            }
        };
        let released = || turned(guard.released(situation.policy.limits, situation.now));
        let at = ended.unwrap_or(situation.now);
        let Some(reason) = reason else {
            let deployment = id;
            let state = State::Healed {
                heal,
                deployment,
                at,
            };
            return to(state, released());
        };
        let reason: String = reason.chars().take(LONGEST_REASON).collect();
        if heal.by == Actor::Platform {
            return Step::write(Move {
                state: Some(State::Attributed),
                effects: turned(guard.returned()),
                said: Some(Said::Own(Told::RollbackFailed { id, reason })),
                ..Move::default()
            });
        }
        Step::write(Move {
            state: Some(State::HealFailed {
                heal,
                deployment: Some(id),
                reason,
            }),
            effects: released(),
            said: Some(Said::Own(Told::Failed(at))),
            ..Move::default()
        })
    }

    /// The target runs; whether the culprit was bad shows when the problem ends.
    fn healed(self, heal: &Heal, id: &str, at: Timestamp) -> Step {
        let (remediation, situation, _) = self.parts();
        let seen = Seen {
            problem: situation.problem,
            heard: situation.heard,
            lost: situation.lost,
            now: situation.now,
        };
        let (heal, deployment) = (heal.clone(), id.to_owned());
        match verify(seen, at) {
            Verified::NotYet => Step::wait("the problem to end"),
            Verified::StillOpen => Step::write(Move {
                said: Some(Said::StillOpen),
                then: Some(Step::wait("the problem to end")),
                ..Move::default()
            }),
            Verified::Unknown | Verified::EndedBefore(_) => Step::write(Move {
                state: Some(State::Unconfirmed {
                    heal,
                    deployment,
                    at,
                }),
                lets_go: true,
                said: Some(Said::State),
                ..Move::default()
            }),
            Verified::Ended(closed) => {
                let effects = vec![Effect::Condemn {
                    change: remediation.culprit.clone(),
                }];
                let state = State::Confirmed {
                    heal,
                    deployment,
                    at,
                    closed,
                };
                to(state, effects)
            }
        }
    }

    /// Nothing more is done. Without a heal, the end of the problem clears the
    /// culprit.
    fn ended(self) -> Step {
        let (remediation, situation, _) = self.parts();
        if !remediation.holds {
            return Step::Rest;
        }
        if situation.problem.closed.is_none() {
            return Step::wait("the problem to end");
        }
        // A heal that was begun and failed has changed the group all the same: its
        // culprit is never answered a second time, and a person has to judge it.
        let begun = remediation.state.began_heal();
        Step::write(Move {
            lets_go: true,
            effects: if begun {
                Vec::new()
            } else {
                release(remediation)
            },
            then: Some(Step::Rest),
            ..Move::default()
        })
    }

    fn not_needed(self, needless: Needless) -> Step {
        let effects = if needless == Needless::Closed {
            release(self.remediation)
        } else {
            Vec::new()
        };
        to(State::NotNeeded(needless), effects)
    }

    fn marker(self) -> String {
        marker(&self.situation.problem.id, self.remediation.culprit.id())
    }
}

/// A heal enters the ledger, where that is its history: what it brings under
/// its own id.
fn enter(heal: &Heal, id: &str, at: Timestamp) -> impl Iterator<Item = Effect> {
    let made = heal.remedy.made(id, at);
    made.map(|change| Effect::Enter { change }).into_iter()
}

fn refuse(refusal: HealRefusal) -> Step {
    to(State::Refused(refusal), Vec::new())
}

/// The state changes, and what that means is said.
fn to(state: State, effects: Vec<Effect>) -> Step {
    Step::write(Move {
        state: Some(state),
        effects,
        said: Some(Said::State),
        ..Move::default()
    })
}

/// The guard turns, unless it need not.
fn turn(remediation: &Remediation, from: &Guard, to: Guard) -> Vec<Effect> {
    if *from == to {
        return Vec::new();
    }
    vec![Effect::Guard {
        place: remediation.culprit.place(),
        from: from.clone(),
        to,
    }]
}

/// The culprit is unknown again, if it is this problem that says otherwise.
fn release(remediation: &Remediation) -> Vec<Effect> {
    if !remediation.holds {
        return Vec::new();
    }
    vec![Effect::Release {
        change: remediation.culprit.clone(),
    }]
}

#[cfg(test)]
mod tests;

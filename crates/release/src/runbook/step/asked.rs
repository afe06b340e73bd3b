//! Before a job is there: decide, ask, intend, and find out what became of it.

use super::{
    Answer, At, Attempt, Call, Effect, Found, Guarding, LOOKS, Launched, Learnt, MAY_COMMIT,
    Marking, Move, Needless, PATIENCE, Purpose, Question, Refusal, Said, State, Step, Told, lost,
};
use crate::precedence::{Precedence, may_precede};
use crate::remediation::{self, Admission, Guard, Paused};
use crate::runbook::fit::fit;
use crate::runbook::{Check, Form, Mode, Permission};

impl At<'_> {
    /// Nothing was launched yet, or the first launch has left nothing behind.
    pub(super) fn asked(self, first: Option<&Attempt>) -> Step {
        if let Some(step) = self.forbidden() {
            return step;
        }
        match &self.situation.paused {
            Paused::No => {}
            Paused::Yes(stopped) => {
                return Step::write(Move {
                    said: Some(Said::Paused(stopped.clone())),
                    then: Some(self.wait(stopped.to_string(), PATIENCE)),
                    ..Move::default()
                });
            }
            Paused::Unknown => return self.wait("the ledger to say what is paused", PATIENCE),
        }
        let Some(guard) = &self.observed.guard else {
            return Step::Ask(Question::Guard);
        };
        let target = self.run.target();
        let now = self.situation.now;
        let admitted = match guard.admit(&self.run.id, &target, self.limits(), now) {
            Admission::Admitted(admitted) => admitted,
            Admission::Busy => return self.wait("another run of the same runbook", PATIENCE),
            Admission::Refused(refusal) => return self.refuse(refused_by_guard(&refusal, target)),
        };
        let form = match &self.observed.form {
            None => return Step::Ask(Question::Form),
            Some(Answer::Unheard(why)) => {
                let remote = self.run.runbook.remote();
                return self.wait(format!("the {remote} to answer ({why})"), PATIENCE);
            }
            Some(Answer::Gone) => {
                return self.refuse(Refusal::Template {
                    alias: self.run.runbook.alias.clone(),
                    why: crate::runbook::Unfit::Gone,
                });
            }
            Some(Answer::Is(form)) => form,
        };
        self.ready(first, form, guard, &admitted)
    }

    /// The template is known, and the guard is free.
    fn ready(self, first: Option<&Attempt>, form: &Form, guard: &Guard, admitted: &Guard) -> Step {
        let runbook = &self.run.runbook;
        let owes_check = runbook.check == Check::Before && self.run.checked.is_none();
        let purpose = if owes_check {
            Purpose::Check
        } else {
            Purpose::Real
        };
        let marking = match fit(runbook, form, &self.run.input, purpose) {
            Ok(marking) => marking,
            Err(why) => {
                return self.refuse(Refusal::Template {
                    alias: runbook.alias.clone(),
                    why,
                });
            }
        };
        let now = self.situation.now;
        let attempt = Attempt {
            purpose,
            floor: first.map_or(form.newest, |first| first.floor),
            marking,
            at: now,
            deadline: now.saturating_add(runbook.timeout).unwrap_or(now),
            second: first.is_some(),
        };
        if self.run.order(&attempt).is_too_large() {
            return self.refuse(Refusal::TooLarge {
                alias: runbook.alias.clone(),
            });
        }
        if let Some(active) = form.active.first() {
            let what = format!(
                "job {} of {}, which is {}",
                active.id, active.by, active.status
            );
            let is_new = self.run.named != Some(active.id);
            if !is_new {
                return self.wait(what, PATIENCE);
            }
            return Step::write(Move {
                more: Learnt {
                    named: Some(active.id),
                    ..Learnt::default()
                },
                said: Some(Said::Own(Told::Busy {
                    job: active.id,
                    status: active.status.clone(),
                    by: active.by.clone(),
                })),
                then: Some(self.wait(what, PATIENCE)),
                ..Move::default()
            });
        }
        let mode = self.situation.mode;
        let turned = |to: Guard| {
            (*guard != to).then(|| Effect::Guard {
                place: self.run.place(),
                from: guard.clone(),
                to,
            })
        };
        if !owes_check && mode <= Mode::Shadow {
            let checked = self.run.checked.clone();
            return Step::write(Move {
                state: Some(State::Shadowed { checked }),
                effects: turned(admitted.released(self.limits(), now))
                    .into_iter()
                    .collect(),
                said: Some(Said::State),
                ..Move::default()
            });
        }
        if !owes_check && mode == Mode::Ask && self.allowed().is_none() {
            return self.to(State::Waiting { since: now }, Guarding::Returned);
        }
        Step::write(Move {
            state: Some(State::Intended { attempt }),
            more: Learnt {
                allowed: self.newly_allowed(),
                ..Learnt::default()
            },
            effects: turned(admitted.clone()).into_iter().collect(),
            then: Some(Step::Call(Call::Launch)),
            ..Move::default()
        })
    }

    /// What keeps a run from being begun whatever the controller says.
    fn forbidden(self) -> Option<Step> {
        let (run, situation) = (self.run, self.situation);
        let alias = || run.runbook.alias.clone();
        if let Some(step) = self.over() {
            return Some(step);
        }
        if situation.mode == Mode::Off {
            return Some(self.refuse(Refusal::SwitchedOff));
        }
        if !situation.listed {
            return Some(self.refuse(Refusal::Changed { alias: alias() }));
        }
        let began = situation.problem.began.unwrap_or(situation.problem.noticed);
        if may_precede(run.cause.at, began) == Precedence::No {
            return Some(self.not_needed(Needless::Older));
        }
        let age = situation.now.duration_since(situation.problem.noticed);
        if situation.max_age < age && self.allowed().is_none() {
            let minutes = age.as_mins();
            return Some(self.not_needed(Needless::Stale { minutes }));
        }
        None
    }

    /// What ends a run that is not begun, asked for or not.
    fn over(self) -> Option<Step> {
        if self.situation.problem.closed.is_some() {
            return Some(self.not_needed(Needless::Closed));
        }
        if let Some(Permission::Refused { who }) = &self.situation.permission {
            return Some(self.refuse(Refusal::Denied { who: who.clone() }));
        }
        if !self.situation.heard {
            return Some(self.wait("the tenant to say whether the problem goes on", PATIENCE));
        }
        None
    }

    fn allowed(self) -> Option<String> {
        self.newly_allowed().or_else(|| self.run.allowed.clone())
    }

    fn newly_allowed(self) -> Option<String> {
        match &self.situation.permission {
            Some(Permission::Given { who }) if self.run.allowed.is_none() => Some(who.clone()),
            Some(Permission::Given { .. } | Permission::Refused { .. }) | None => None,
        }
    }

    /// A person was asked.
    pub(super) fn waiting(self) -> Step {
        if let Some(step) = self.over() {
            return step;
        }
        match self.newly_allowed() {
            None => self.wait("a person to answer", PATIENCE),
            Some(who) => Step::write(Move {
                state: Some(State::Asked),
                more: Learnt {
                    allowed: Some(who),
                    ..Learnt::default()
                },
                ..Move::default()
            }),
        }
    }

    /// The first launch was looked for long enough; it is looked for in every pass
    /// all the same.
    pub(super) fn again(self, first: &Attempt) -> Step {
        match &self.observed.found {
            None => Step::Ask(Question::Found),
            Some(Answer::Unheard(why)) => {
                self.wait(format!("the controller to answer ({why})"), PATIENCE)
            }
            Some(Answer::Is(found)) => match found.split_first() {
                Some((job, others)) => self.found(first, job, others),
                None => self.asked(Some(first)),
            },
            Some(Answer::Gone) => self.asked(Some(first)),
        }
    }

    /// It was intended: by this very pass, which knows what became of the call, or
    /// by somebody who did not get to say.
    pub(super) fn intended(self, attempt: &Attempt) -> Step {
        let is_request = self.run.runbook.is_request();
        match &self.observed.launched {
            None if is_request => self.met(attempt),
            None => self.looked_for(attempt),
            Some(Launched::Job(found)) => self.found(attempt, found, &[]),
            Some(Launched::Done(ended)) => self.judged(attempt, ended),
            Some(Launched::Refused { status, .. }) if is_request => {
                self.refuse(Refusal::NotTaken { status: *status })
            }
            Some(Launched::Refused { status, text }) => self.refuse(Refusal::Rejected {
                status: *status,
                text: text.chars().take(500).collect(),
            }),
            Some(Launched::NotSent(why)) => {
                let before = if attempt.second {
                    State::Again {
                        first: Attempt {
                            second: false,
                            ..attempt.clone()
                        },
                    }
                } else {
                    State::Asked
                };
                let remote = self.run.runbook.remote();
                let what = format!("the {remote} to be reached ({why})");
                self.finish(
                    Move {
                        state: Some(before),
                        then: Some(self.wait(what, PATIENCE)),
                        ..Move::default()
                    },
                    Guarding::Returned,
                )
            }
            Some(Launched::Unknown(why)) if is_request => {
                self.to_repeat(attempt, why, Some(Said::State))
            }
            Some(Launched::Unknown(why)) => Step::write(Move {
                state: Some(State::Unknown {
                    again: None,
                    attempt: attempt.clone(),
                    why: why.chars().take(500).collect(),
                }),
                said: Some(Said::State),
                then: Some(self.wait("the launch to turn up", LOOKS[0])),
                ..Move::default()
            }),
        }
    }

    /// Nobody knows whether it was launched: look for it, for as long as it may
    /// take.
    pub(super) fn looked_for(self, attempt: &Attempt) -> Step {
        let found = match &self.observed.found {
            None => return Step::Ask(Question::Found),
            Some(Answer::Unheard(why)) => {
                return self.wait(format!("the controller to answer ({why})"), PATIENCE);
            }
            Some(Answer::Is(found)) => found.as_slice(),
            Some(Answer::Gone) => &[],
        };
        if let Some((job, others)) = found.split_first() {
            return self.found(attempt, job, others);
        }
        let age = self.situation.now.duration_since(attempt.at);
        if age < MAY_COMMIT {
            let next = LOOKS.into_iter().find(|look| age < *look);
            return self.wait("the launch to turn up", next.unwrap_or(MAY_COMMIT) - age);
        }
        if !attempt.second {
            return Step::write(Move {
                state: Some(State::Again {
                    first: attempt.clone(),
                }),
                ..Move::default()
            });
        }
        self.to_with_alarm(lost(attempt, "two launches have left nothing behind"))
    }

    /// There are jobs that are ours. The lowest id is the first.
    fn found(self, attempt: &Attempt, first: &Found, others: &[Found]) -> Step {
        if attempt.marking == Marking::Sole && !others.is_empty() {
            let why = "several jobs may be it, and the template takes no variable that tells";
            return self.to_with_alarm(lost(attempt, why));
        }
        Step::write(Move {
            state: Some(State::Launched {
                attempt: attempt.clone(),
                job: first.job.clone(),
                status: first.status.clone(),
                explanation: String::new(),
                differs: first.differences.clone(),
                others: others.iter().map(|other| other.job.clone()).collect(),
            }),
            said: Some(Said::State),
            ..Move::default()
        })
    }
}

/// The guard speaks of groups and of healing.
fn refused_by_guard(refusal: &remediation::HealRefusal, target: String) -> Refusal {
    match refusal {
        remediation::HealRefusal::Cooldown { until, .. } => Refusal::Cooldown {
            target,
            until: *until,
        },
        remediation::HealRefusal::TooOften { count, hours, .. } => Refusal::TooOften {
            target,
            count: *count,
            hours: *hours,
        },
        remediation::HealRefusal::NoTarget { .. }
        | remediation::HealRefusal::HealOfHeal { .. }
        | remediation::HealRefusal::ChangedSince { .. }
        | remediation::HealRefusal::NothingBefore { .. }
        | remediation::HealRefusal::Undeclared { .. }
        | remediation::HealRefusal::SwitchedOff => Refusal::SwitchedOff,
    }
}

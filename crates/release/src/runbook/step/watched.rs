//! Once a job is there: watch it, end it, judge it.

use jiff::{SignedDuration, Timestamp};

use super::{
    Abort, Answer, At, Attempt, Call, Effect, Ended, Guarding, JobAt, Learnt, Move, PATIENCE,
    Purpose, Question, Refusal, Said, State, Step, Told,
};
use crate::runbook::{Kind, Mode, Permission, Shown};
use crate::verify::{Seen, Verified, verify};

/// How long the controller may take to say where a job ran that has ended.
const DETAILS: SignedDuration = SignedDuration::from_secs(30);

/// How long it takes until a wish is repeated.
const WISH_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// How long a job may go on that has to end.
const STUCK: SignedDuration = SignedDuration::from_mins(10);

impl At<'_> {
    /// A job is there.
    pub(super) fn launched(self) -> Step {
        let State::Launched {
            attempt,
            job,
            status,
            explanation,
            differs,
            others,
        } = &self.run.state
        else {
            return Step::Rest;
        };
        if !others.is_empty() {
            if !self.observed.wished {
                return Step::Call(Call::Cancel(others.clone()));
            }
            return Step::write(Move {
                state: Some(State::Launched {
                    attempt: attempt.clone(),
                    job: job.clone(),
                    status: status.clone(),
                    explanation: explanation.clone(),
                    differs: differs.clone(),
                    others: Vec::new(),
                }),
                ..Move::default()
            });
        }
        let shown = match &self.observed.job {
            None => return Step::Ask(Question::Job),
            Some(Answer::Gone) => return self.gone(attempt, job),
            Some(Answer::Is(shown)) if shown.is_ended() => return self.over_and_done(attempt, job),
            Some(Answer::Is(shown)) => Some(shown),
            Some(Answer::Unheard(_)) => None,
        };
        if let Some(why) = self.must_end(attempt, differs, shown) {
            return Step::write(Move {
                state: Some(State::Aborting {
                    attempt: attempt.clone(),
                    job: job.clone(),
                    why,
                    since: self.situation.now,
                    wished: None,
                }),
                said: Some(Said::State),
                ..Move::default()
            });
        }
        let Some(shown) = shown else {
            return self.wait("the controller to say how far the job is", PATIENCE);
        };
        let age = self.situation.now.duration_since(attempt.at).as_secs();
        let look_in = SignedDuration::from_secs((age / 4).clamp(5, 60));
        let again = self.wait("the job to end", look_in);
        if shown.status == *status && shown.explanation == *explanation {
            return again;
        }
        let queued = shown.is_queued() && !shown.explanation.is_empty();
        let is_new = shown.explanation != *explanation;
        Step::write(Move {
            state: Some(State::Launched {
                attempt: attempt.clone(),
                job: job.clone(),
                status: shown.status.clone(),
                explanation: shown.explanation.clone(),
                differs: differs.clone(),
                others: Vec::new(),
            }),
            said: (queued && is_new).then(|| Said::Own(Told::Queued(shown.explanation.clone()))),
            then: Some(again),
            ..Move::default()
        })
    }

    /// Why a job that goes on has to end.
    fn must_end(
        self,
        attempt: &Attempt,
        differs: &[String],
        shown: Option<&Shown>,
    ) -> Option<Abort> {
        if !differs.is_empty() {
            return Some(Abort::Differs {
                differences: differs.join("; "),
            });
        }
        if let Some(Permission::Refused { who }) = &self.situation.permission {
            return Some(Abort::Person { who: who.clone() });
        }
        if attempt.deadline <= self.situation.now {
            return Some(Abort::Overdue);
        }
        let queued = shown.is_some_and(Shown::is_queued);
        (queued && self.situation.problem.closed.is_some()).then_some(Abort::Closed)
    }

    /// It has ended; what it has left behind says how well.
    fn over_and_done(self, attempt: &Attempt, job: &JobAt) -> Step {
        let ended = match &self.observed.ended {
            None => return Step::Ask(Question::Ended),
            Some(Answer::Unheard(_)) => {
                return self.wait("the controller to say how the job ended", PATIENCE);
            }
            Some(Answer::Gone) => return self.gone(attempt, job),
            Some(Answer::Is(ended)) => ended,
        };
        let since = self.situation.now.duration_since(ended.at);
        if ended.counts.is_none() && job.kind == Kind::Job && since < DETAILS {
            return self.wait(
                "the controller to say where the job ran",
                SignedDuration::from_secs(5),
            );
        }
        let differs = match &self.run.state {
            State::Launched { differs, .. } => differs.as_slice(),
            _ => &[],
        };
        if !differs.is_empty() {
            let why = Abort::Differs {
                differences: differs.join("; "),
            };
            return self.aborted(attempt, job, &why, &ended.status);
        }
        self.judged(attempt, ended)
    }

    /// It has ended, and what it has left behind says how well.
    pub(super) fn judged(self, attempt: &Attempt, ended: &Ended) -> Step {
        let judged = ended.judge(attempt.purpose, self.run.runbook.proof.as_ref());
        let ended = ended.clone();
        match (attempt.purpose, judged) {
            (Purpose::Check, Ok(())) if self.situation.mode <= Mode::Shadow => self.to(
                State::Shadowed {
                    checked: Some(ended),
                },
                Guarding::Released,
            ),
            (Purpose::Check, Ok(())) => Step::write(Move {
                state: Some(State::Asked),
                more: Learnt {
                    checked: Some(ended),
                    ..Learnt::default()
                },
                said: Some(Said::Own(Told::Checked)),
                ..Move::default()
            }),
            (Purpose::Check, Err(why)) => self.refuse(Refusal::CheckFailed {
                why: match &ended.task {
                    Some(task) => format!("{why}, at task `{}` on {}", task.name, task.host),
                    None => why.to_string(),
                },
            }),
            (Purpose::Real, Ok(())) => self.to(State::Verifying { ended }, Guarding::Released),
            (Purpose::Real, Err(why)) => self.to(State::Failed { ended, why }, Guarding::Released),
        }
    }

    /// The job has to end.
    pub(super) fn aborting(
        self,
        attempt: &Attempt,
        job: &JobAt,
        why: &Abort,
        since: Timestamp,
        wished: Option<Timestamp>,
    ) -> Step {
        let now = self.situation.now;
        if self.observed.wished {
            return Step::write(Move {
                state: Some(State::Aborting {
                    attempt: attempt.clone(),
                    job: job.clone(),
                    why: why.clone(),
                    since,
                    wished: Some(now),
                }),
                then: Some(self.wait("the job to end", SignedDuration::from_secs(5))),
                ..Move::default()
            });
        }
        match &self.observed.job {
            None => return Step::Ask(Question::Job),
            Some(Answer::Gone) => return self.gone(attempt, job),
            Some(Answer::Is(shown)) if shown.is_ended() => {
                return self.aborted(attempt, job, why, &shown.status);
            }
            Some(Answer::Is(_) | Answer::Unheard(_)) => {}
        }
        if STUCK <= now.duration_since(since) {
            return self.to_with_alarm(State::Stuck {
                purpose: attempt.purpose,
                job: job.clone(),
                why: why.clone(),
            });
        }
        if wished.is_none_or(|wished| WISH_AGAIN <= now.duration_since(wished)) {
            return Step::Call(Call::Cancel(vec![job.clone()]));
        }
        self.wait("the job to end", SignedDuration::from_secs(5))
    }

    fn aborted(self, attempt: &Attempt, job: &JobAt, why: &Abort, status: &str) -> Step {
        let state = State::Aborted {
            purpose: attempt.purpose,
            job: job.clone(),
            why: why.clone(),
            status: status.to_owned(),
        };
        self.to(state, Guarding::Released)
    }

    fn gone(self, attempt: &Attempt, job: &JobAt) -> Step {
        let state = State::Gone {
            purpose: attempt.purpose,
            job: job.clone(),
        };
        self.to(state, Guarding::Released)
    }

    /// It ended well; whether that helps shows when the problem ends.
    pub(super) fn verifying(self, ended: &Ended) -> Step {
        let situation = self.situation;
        let seen = Seen {
            problem: situation.problem,
            heard: situation.heard,
            lost: situation.lost,
            now: situation.now,
        };
        let done = ended.at;
        let ended = ended.clone();
        let (state, effects) = match verify(seen, done) {
            Verified::NotYet => return self.wait("the problem to end", PATIENCE),
            Verified::StillOpen => {
                return Step::write(Move {
                    said: Some(Said::StillOpen),
                    then: Some(self.wait("the problem to end", PATIENCE)),
                    ..Move::default()
                });
            }
            Verified::Unknown => (State::Unconfirmed { ended }, Vec::new()),
            Verified::EndedBefore(closed) => (State::Late { ended, closed }, Vec::new()),
            Verified::Ended(closed) => {
                let change = self.run.change();
                (
                    State::Healed { ended, closed },
                    vec![Effect::Condemn { change }],
                )
            }
        };
        Step::write(Move {
            state: Some(state),
            lets_go: effects.is_empty(),
            effects,
            said: Some(Said::State),
            ..Move::default()
        })
    }
}

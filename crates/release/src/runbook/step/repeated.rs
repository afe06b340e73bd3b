//! A request whose answer is not known. Whoever receives it knows it by its key, so it is
//! repeated until an answer says what became of it, or for as long as it may take.

use jiff::{SignedDuration, Timestamp};

use super::{At, Attempt, Call, Launched, Move, PATIENCE, Said, State, Step, lost};
use crate::remediation::Paused;
use crate::runbook::{Mode, Permission};
use crate::window::saturating_add;

/// How long after the intent a request is repeated first.
const SOON: SignedDuration = SignedDuration::from_secs(5);

/// How long two repetitions are apart at most.
const APART: SignedDuration = SignedDuration::from_mins(5);

impl At<'_> {
    /// Whoever wrote the intent did not get to say whether it was sent.
    pub(super) fn met(self, attempt: &Attempt) -> Step {
        Step::write(Move {
            state: Some(State::Unknown {
                attempt: attempt.clone(),
                why: "whoever was to send it did not say whether it was sent".to_owned(),
                again: Some(self.situation.now),
            }),
            ..Move::default()
        })
    }

    /// It was sent, or may have been, and is due again.
    pub(super) fn repeated(self, attempt: &Attempt, why: &str, due: Timestamp) -> Step {
        match &self.observed.launched {
            Some(Launched::Done(ended)) => return self.judged(attempt, ended),
            // The one before may have been taken, and the answer to it have been lost.
            Some(Launched::Refused { status, .. }) => {
                let why = format!("{why}, and a repetition was refused ({status})");
                return self.to_with_alarm(lost(attempt, &why));
            }
            Some(Launched::NotSent(why) | Launched::Unknown(why)) => {
                return self.to_repeat(attempt, why, None);
            }
            // A receiver launches no job.
            Some(Launched::Job(_)) | None => {}
        }
        if let Some(end) = self.is_sent_no_more(attempt) {
            return self.to_with_alarm(lost(attempt, &format!("{why}, and {end}")));
        }
        match &self.situation.paused {
            Paused::No => {}
            Paused::Yes(stopped) => return self.wait(stopped.to_string(), PATIENCE),
            Paused::Unknown => return self.wait("the ledger to say what is paused", PATIENCE),
        }
        let left = due.duration_since(self.situation.now);
        if left.is_positive() {
            return self.wait("the request to be repeated", left);
        }
        Step::Call(Call::Launch)
    }

    /// Nobody said what became of it. Each repetition is twice as far from the intent.
    pub(super) fn to_repeat(self, attempt: &Attempt, why: &str, said: Option<Said>) -> Step {
        let now = self.situation.now;
        let apart = now.duration_since(attempt.at).clamp(SOON, APART);
        let last = attempt.deadline.max(saturating_add(now, SOON));
        let due = saturating_add(now, apart).min(last);
        Step::write(Move {
            state: Some(State::Unknown {
                attempt: attempt.clone(),
                why: why.chars().take(500).collect(),
                again: Some(due),
            }),
            said,
            then: Some(self.wait("the request to be repeated", due.duration_since(now))),
            ..Move::default()
        })
    }

    /// Why it must not be sent again, whatever became of it.
    fn is_sent_no_more(self, attempt: &Attempt) -> Option<String> {
        let situation = self.situation;
        if situation.problem.closed.is_some() {
            return Some("the problem is over".to_owned());
        }
        if let Some(Permission::Refused { who }) = &situation.permission {
            return Some(format!("{who} said that it shall not be run"));
        }
        if !situation.listed {
            return Some("the runbook was changed or removed".to_owned());
        }
        if situation.mode <= Mode::Shadow {
            return Some("running is switched off".to_owned());
        }
        (attempt.deadline <= situation.now).then(|| "its time is over".to_owned())
    }
}

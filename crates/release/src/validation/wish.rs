//! What a person wants of a validation that answered nothing, and what becomes
//! of it.

use monspec::Verdict;

use super::{Ending, PersonsDecision, Progress, State, Validation};
use crate::approval::Answer;
use crate::outbox::Entry;
use crate::work::Counts;

/// How often a validation is judged again; each is kept with its reason.
pub const MOST_REJUDGED: usize = 20;

/// What a person says of a validation that answered nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Judge the same window again; what is stuck is taken up again.
    Rejudge,
    /// Approve it, whatever could not be judged.
    Release,
}

/// Why a person's wish cannot be fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfulfilled {
    /// There is no verdict to speak about.
    #[error("it is not judged yet")]
    NotJudged,
    /// It was released, and will be approved.
    #[error("it is already released")]
    Released,
    /// Its numbers were judged, and they say what they say.
    #[error("its verdict is {0}; only an inconclusive one can be judged again or released")]
    Decided(Verdict),
    /// The policy has an answer to what could not be judged.
    #[error("it is not held: `whenInconclusive` decides")]
    NotHeld,
    /// There is nothing that could be approved.
    #[error("it answers no approval")]
    NoApproval,
    /// The answer is on its way.
    #[error("its approval is being answered right now")]
    Answering,
    /// It is answered, or nobody can answer it any more.
    #[error("its approval is answered, or belongs to another validation now")]
    Over,
    /// Enough.
    #[error("it was judged again {0} times already")]
    TooOften(usize),
}

impl Validation {
    /// Whether a person's wish can be fulfilled now.
    pub fn may(&self, wish: Wish) -> Result<(), Unfulfilled> {
        if wish == Wish::Rejudge && self.stuck_since.is_some() {
            return self.may_once_more();
        }
        if !self.is_open() {
            return Err(Unfulfilled::Over);
        }
        let gave_up = matches!(self.ending(), Some(Ending::GaveUp { .. }));
        let Some(judged) = self.judged() else {
            return if wish == Wish::Rejudge && gave_up {
                self.may_once_more()
            } else {
                Err(Unfulfilled::NotJudged)
            };
        };
        let verdict = judged.judgement.verdict;
        if verdict != Verdict::Inconclusive {
            return Err(Unfulfilled::Decided(verdict));
        }
        // What was released and gave up is only pursued once more.
        let is_repeated = wish == Wish::Release && gave_up;
        if judged.intent.is_some() && !is_repeated {
            return Err(Unfulfilled::Answering);
        }
        if judged.released.is_some() && !is_repeated {
            return Err(Unfulfilled::Released);
        }
        match wish {
            Wish::Release if self.registration.approval.is_none() => Err(Unfulfilled::NoApproval),
            Wish::Release if judged.judgement.answer != Answer::Hold => Err(Unfulfilled::NotHeld),
            Wish::Release => Ok(()),
            Wish::Rejudge => self.may_once_more(),
        }
    }

    fn may_once_more(&self) -> Result<(), Unfulfilled> {
        let times = self.rejudged.len();
        if times < MOST_REJUDGED {
            Ok(())
        } else {
            Err(Unfulfilled::TooOften(times))
        }
    }

    /// Whether what it says stays said: taken up again, it goes on from where it
    /// was left.
    pub fn is_decided(&self) -> bool {
        !self.is_open()
            || self.judged().is_some_and(|judged| {
                judged.judgement.verdict != Verdict::Inconclusive
                    || judged.intent.is_some()
                    || judged.released.is_some()
            })
    }

    /// Whether its approval may still be answered by us.
    fn is_open(&self) -> bool {
        matches!(
            self.ending(),
            None | Some(Ending::GaveUp { .. } | Ending::NothingToAnswer)
        )
    }

    /// The same with a wish fulfilled, if it can be; whoever works on it begins
    /// anew.
    pub fn fulfilled(&self, wish: Wish, word: &PersonsDecision) -> Result<Self, Unfulfilled> {
        self.may(wish)?;
        let mut validation = Self {
            counts: Counts::default(),
            stuck_since: None,
            ..self.clone()
        };
        match (wish, &mut validation.state) {
            (Wish::Release, State::Judged(judged)) => {
                judged.released = Some(word.clone());
                judged.progress = Progress::Owed;
            }
            (Wish::Release, State::Waiting | State::Unjudged(_)) => {
                return Err(Unfulfilled::NotJudged);
            }
            (Wish::Rejudge, _) if self.is_decided() => {}
            (Wish::Rejudge, state) => {
                *state = State::Waiting;
                validation.rejudged.push(word.clone());
                validation.result = validation
                    .registration
                    .result_hook
                    .as_ref()
                    .map(|_| Entry::new(validation.delivery(), word.at));
            }
        }
        Ok(validation)
    }
}

#[cfg(test)]
mod tests;

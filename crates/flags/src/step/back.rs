//! What was said is given back or taken back.

use super::set::refuse;
use super::{Draft, Outcome, Refusal, Said};
use crate::audit::{Aborted, Cause};
use crate::guard::steady_again;
use crate::state::{End, Hand, Word};

impl Draft<'_> {
    pub(super) fn closed(&mut self, problem: &str) -> Result<(), Outcome> {
        let now = self.now();
        let holds = |word: &Word| {
            word.end
                .holders()
                .any(|(one, holder)| one == problem && !holder.closed)
        };
        if !self.state.words.iter().any(holds) {
            return Err(Outcome::NotHeld(self.top().map(Word::since)));
        }
        let before = self.value();
        let was_on_top = self.top().is_some_and(holds);
        let steady = steady_again(&self.state.recent, now);
        let last = self.state.words.len() - 1;
        for (index, word) in self.state.words.iter_mut().enumerate() {
            let End::Holds(holders) = &mut word.end else {
                continue;
            };
            let is_last = holders.len() == 1;
            match (steady, holders.get_mut(problem)) {
                (Some(until), Some(holder)) if index == last && is_last => {
                    holder.until = until;
                    holder.closed = true;
                }
                _ => drop(holders.remove(problem)),
            }
        }
        self.drop_what_nobody_holds();
        let cause = match self.top() {
            Some(word) if word.end.holders().any(|(one, _)| one == problem) => Cause::Postponed,
            Some(word) if !was_on_top => Cause::Superseded(word.since()),
            Some(word)
                if word.end.holders().next().is_some() && self.state.words.len() == last + 1 =>
            {
                Cause::Released
            }
            _ => Cause::GivenBack,
        };
        let ends = self.top().and_then(|word| word.end.at_the_latest());
        self.record(Said {
            cause,
            at: now,
            before,
            after: self.value(),
            ends,
        });
        Ok(())
    }

    pub(super) fn recovery(&mut self, problem: &str) -> Result<(), Outcome> {
        let holds = |word: &Word| word.end.holders().any(|(one, _)| one == problem);
        if self.state.words.iter().any(holds) {
            return Err(Outcome::Deferred);
        }
        Err(Outcome::NotHeld(self.top().map(Word::since)))
    }

    pub(super) fn take_back(&mut self, change: &str) -> Result<(), Outcome> {
        let words = &self.state.words;
        let Some(blamed) = words.iter().position(|word| word.change == change) else {
            return Err(self.not_on_top(change));
        };
        let above = words[blamed + 1..].iter().rev();
        let is_word = |word: &&Word| !matches!(word.end, End::Holds(_));
        if let Some(later) = above.into_iter().find(is_word) {
            return Err(refuse(Refusal::ChangedSince(later.since())));
        }
        let is_lowest = !words[..blamed].iter().any(|word| word.end == End::Never);
        if is_lowest && self.state.pruned {
            return Err(refuse(Refusal::NothingBefore));
        }
        let before = self.value();
        self.state.words.truncate(blamed);
        self.record(Said {
            cause: Cause::TakenBack,
            at: self.now(),
            before,
            after: self.value(),
            ends: self.top().and_then(|word| word.end.at_the_latest()),
        });
        Ok(())
    }

    pub(super) fn unlock(&mut self) -> Result<(), Outcome> {
        let now = self.now();
        if self.request.by.hand != Hand::Person {
            return Err(refuse(Refusal::NotAPerson));
        }
        let is_late = |word: &Word| word.end.holders().any(|(_, holder)| holder.closed);
        let late = self.top().is_some_and(is_late);
        if !late && steady_again(&self.state.recent, now).is_none() {
            return Err(refuse(Refusal::NotLocked));
        }
        for change in &mut self.state.recent {
            change.reversal = false;
        }
        let value = self.value();
        self.record(Said {
            cause: Cause::Unlocked,
            at: now,
            before: value.clone(),
            after: value.clone(),
            ends: None,
        });
        if late {
            for word in &mut self.state.words {
                if let End::Holds(holders) = &mut word.end {
                    holders.retain(|_, holder| !holder.closed);
                }
            }
            self.drop_what_nobody_holds();
            self.record(Said {
                cause: Cause::GivenBack,
                at: now,
                before: value,
                after: self.value(),
                ends: self.top().and_then(|word| word.end.at_the_latest()),
            });
        }
        Ok(())
    }

    /// Writes down that a change was not made.
    pub(super) fn abort(&mut self, aborted: &Aborted) {
        let value = self.value();
        self.record(Said {
            cause: Cause::Aborted(aborted.clone()),
            at: self.now(),
            before: value.clone(),
            after: value,
            ends: self.top().and_then(|word| word.end.at_the_latest()),
        });
    }

    fn drop_what_nobody_holds(&mut self) {
        let is_held = |word: &Word| match &word.end {
            End::Holds(holders) => !holders.is_empty(),
            End::Never | End::Lease(_) => true,
        };
        self.state.words.retain(is_held);
    }

    /// Why a change that is no word any more cannot be taken back.
    fn not_on_top(&self, change: &str) -> Outcome {
        let recent = self
            .state
            .recent
            .iter()
            .find(|recent| recent.change == change);
        match (recent, self.top()) {
            (None, None) => refuse(Refusal::UnknownChange(change.to_owned())),
            (None, Some(word)) => refuse(Refusal::ChangedSince(word.since())),
            (Some(recent), Some(word)) if recent.at <= word.at => {
                refuse(Refusal::ChangedSince(word.since()))
            }
            (Some(_), _) => Outcome::AlreadyBack,
        }
    }
}

//! What was said is given back or taken back.

use jiff::Timestamp;

use super::set::refuse;
use super::{Draft, Outcome, Refusal, Said};
use crate::audit::{Aborted, Cause};
use crate::guard::steady_again;
use crate::state::{Assignment, AuthorKind, End};

impl Draft<'_> {
    pub(super) fn closed(&mut self, problem: &str) -> Result<(), Outcome> {
        let now = self.now();
        let holds = |assignment: &Assignment| {
            assignment
                .end
                .holders()
                .any(|(one, holder)| one == problem && !holder.closed)
        };
        if !self.state.assignments.iter().any(holds) {
            return Err(Outcome::NotHeld(self.top().map(Assignment::since)));
        }
        let before = self.value();
        let was_on_top = self.top().is_some_and(holds);
        let steady = steady_again(&self.state.recent, now);
        let last = self.state.assignments.len() - 1;
        for (index, assignment) in self.state.assignments.iter_mut().enumerate() {
            let End::Holds(holders) = &mut assignment.end else {
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
            Some(assignment) if assignment.end.holders().any(|(one, _)| one == problem) => {
                Cause::Postponed
            }
            Some(assignment) if !was_on_top => Cause::Superseded(assignment.since()),
            Some(assignment)
                if assignment.end.holders().next().is_some()
                    && self.state.assignments.len() == last + 1 =>
            {
                Cause::Released
            }
            _ => Cause::GivenBack,
        };
        let ends = self
            .top()
            .and_then(|assignment| assignment.end.at_the_latest());
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
        let holds =
            |assignment: &Assignment| assignment.end.holders().any(|(one, _)| one == problem);
        if self.state.assignments.iter().any(holds) {
            return Err(Outcome::Deferred);
        }
        Err(Outcome::NotHeld(self.top().map(Assignment::since)))
    }

    pub(super) fn take_back(
        &mut self,
        change: &str,
        began: Option<Timestamp>,
    ) -> Result<(), Outcome> {
        let words = &self.state.assignments;
        let Some(blamed) = words
            .iter()
            .position(|assignment| assignment.change == change)
        else {
            return Err(self.not_on_top(change));
        };
        let above = words[blamed + 1..].iter().rev();
        for later in above {
            if let Some(kept) = later.kept_since(None) {
                return Err(refuse(Refusal::ChangedSince(kept.clone())));
            }
            if !later.is_mitigation() {
                return Err(refuse(Refusal::ChangedSince(later.since())));
            }
        }
        if let Some(kept) = words[blamed].kept_since(began) {
            return Err(refuse(Refusal::ChangedSince(kept.clone())));
        }
        let is_lowest = !words[..blamed]
            .iter()
            .any(|assignment| assignment.end == End::Never);
        if is_lowest && self.state.pruned {
            return Err(refuse(Refusal::NothingBefore));
        }
        let before = self.value();
        self.state.assignments.truncate(blamed);
        self.record(Said {
            cause: Cause::TakenBack,
            at: self.now(),
            before,
            after: self.value(),
            ends: self
                .top()
                .and_then(|assignment| assignment.end.at_the_latest()),
        });
        Ok(())
    }

    pub(super) fn unlock(&mut self) -> Result<(), Outcome> {
        let now = self.now();
        if self.request.by.kind != AuthorKind::Person {
            return Err(refuse(Refusal::NotAPerson));
        }
        let is_late =
            |assignment: &Assignment| assignment.end.holders().any(|(_, holder)| holder.closed);
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
            for assignment in &mut self.state.assignments {
                if let End::Holds(holders) = &mut assignment.end {
                    holders.retain(|_, holder| !holder.closed);
                }
            }
            self.drop_what_nobody_holds();
            self.record(Said {
                cause: Cause::GivenBack,
                at: now,
                before: value,
                after: self.value(),
                ends: self
                    .top()
                    .and_then(|assignment| assignment.end.at_the_latest()),
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
            ends: self
                .top()
                .and_then(|assignment| assignment.end.at_the_latest()),
        });
    }

    fn drop_what_nobody_holds(&mut self) {
        let is_held = |assignment: &Assignment| match &assignment.end {
            End::Holds(holders) => !holders.is_empty(),
            End::Never | End::Lease(_) => true,
        };
        self.state.assignments.retain(is_held);
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
            (None, Some(assignment)) => refuse(Refusal::ChangedSince(assignment.since())),
            (Some(recent), Some(assignment)) if recent.at <= assignment.at => {
                refuse(Refusal::ChangedSince(assignment.since()))
            }
            (Some(_), _) => Outcome::AlreadyBack,
        }
    }
}

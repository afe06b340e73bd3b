//! Somebody sets a flag, keeps it, or stops it.

use jiff::{SignedDuration, Timestamp};

use super::{Draft, LONGEST_HOLD, LONGEST_RAMP, MOST_TRIALS, Outcome, Refusal, Said, Target, Term};
use crate::audit::Cause;
use crate::declaration::BadValue;
use crate::guard::{free_again, steady_again};
use crate::ramp::{Ramp, Step, later};
use crate::state::{Assignment, AuthorKind, Course, End, Holder, Since};
use crate::value::{Kind, NotAValue, Value};

impl Draft<'_> {
    pub(super) fn set(&mut self, to: &Target, term: &Term) -> Result<(), Outcome> {
        let course = self.course(to)?;
        match term {
            Term::Stays => self.set_to_stay(course),
            Term::Until(until) => self.set_until(course, *until),
            Term::While { problem, longest } => self.set_while(course, problem, *longest),
        }
    }

    pub(super) fn confirm(&mut self) -> Result<(), Outcome> {
        let value = self.value();
        let last = self.state.assignments.len().checked_sub(1);
        let Some(last) =
            last.filter(|last| matches!(self.state.assignments[*last].end, End::Lease(_)))
        else {
            return Err(refuse(Refusal::NothingToKeep));
        };
        self.state.assignments[last].end = End::Never;
        let kept = self.state.assignments[last].kept.take();
        self.state.assignments[last].kept = self.word().or(kept);
        self.prune();
        self.record(Said {
            cause: Cause::Confirmed,
            at: self.now(),
            before: value.clone(),
            after: value,
            ends: None,
        });
        Ok(())
    }

    pub(super) fn stop(&mut self) -> Result<(), Outcome> {
        let value = self.value();
        let (now, word) = (self.now(), self.word());
        let Some(assignment) = self.state.assignments.last_mut() else {
            return Err(refuse(Refusal::NothingMoves));
        };
        let Course::Ramp(ramp) = &assignment.course else {
            return Err(refuse(Refusal::NothingMoves));
        };
        let said = Said {
            cause: Cause::RampStopped,
            at: now,
            before: ramp.from.clone(),
            after: value.clone(),
            ends: assignment.end.at_the_latest(),
        };
        assignment.course = Course::Steady(value);
        assignment.kept = word.or(assignment.kept.take());
        self.record(said);
        Ok(())
    }

    fn set_to_stay(&mut self, course: Course) -> Result<(), Outcome> {
        let now = self.now();
        let by = &self.request.by;
        let settled = match self.top() {
            Some(assignment) if assignment.end == End::Never && assignment.course == course => {
                Some(&assignment.by)
            }
            None if course == Course::Steady(self.flag().default.clone()) => Some(by),
            _ => None,
        };
        if settled.is_some_and(|settled| settled == by || by.kind != AuthorKind::Person) {
            return Err(Outcome::Unchanged);
        }
        self.guard()?;
        let before = self.value();
        let cause = match &course {
            _ if settled.is_some() => Cause::Confirmed,
            Course::Steady(_) => Cause::Changed,
            Course::Ramp(_) => Cause::RampStarted,
        };
        self.push_and_record(course, End::Never, cause, before, now);
        self.prune();
        Ok(())
    }

    fn set_until(&mut self, course: Course, until: Timestamp) -> Result<(), Outcome> {
        let now = self.now();
        if until <= now {
            return Err(refuse(Refusal::Over(until)));
        }
        let longest = self.flag().lease.longest;
        if later(now, longest) < until {
            return Err(refuse(Refusal::TooLong(longest)));
        }
        let is_again = |assignment: &&Assignment| {
            let is_lease = matches!(assignment.end, End::Lease(_));
            is_lease && assignment.course == course && assignment.by == self.request.by
        };
        let again = self.top().filter(is_again);
        if again.is_some_and(|assignment| assignment.end == End::Lease(until)) {
            return Err(Outcome::Unchanged);
        }
        let is_again = again.is_some();
        let leases = self
            .state
            .assignments
            .iter()
            .filter(|assignment| matches!(assignment.end, End::Lease(_)));
        if !is_again && MOST_TRIALS <= leases.count() {
            return Err(refuse(Refusal::TooManyTrials));
        }
        self.guard()?;
        let (before, word) = (self.value(), self.word());
        if let (true, Some(assignment)) = (is_again, self.state.assignments.last_mut()) {
            assignment.end = End::Lease(until);
            assignment.kept = word.or(assignment.kept.take());
            self.record(Said {
                cause: Cause::Extended,
                at: now,
                before: before.clone(),
                after: before,
                ends: Some(until),
            });
            return Ok(());
        }
        let cause = match &course {
            Course::Steady(_) => Cause::Leased,
            Course::Ramp(_) => Cause::RampStarted,
        };
        self.push_and_record(course, End::Lease(until), cause, before, now);
        Ok(())
    }

    fn set_while(
        &mut self,
        course: Course,
        problem: &str,
        longest: SignedDuration,
    ) -> Result<(), Outcome> {
        let now = self.now();
        let held = self
            .state
            .assignments
            .iter()
            .position(|assignment| assignment.holder(problem).is_some());
        if let Some(held) = held {
            let above = self.state.assignments[held + 1..].iter().rev();
            let person = above
                .into_iter()
                .find(|assignment| assignment.by.kind == AuthorKind::Person);
            if let Some(person) = person {
                return Err(refuse(Refusal::Overruled(person.since())));
            }
        }
        let before = self.value();
        let holder = Holder {
            until: self.until(longest.min(LONGEST_HOLD)),
            closed: false,
        };
        let top = self
            .top()
            .filter(|assignment| matches!(assignment.end, End::Holds(_)));
        let Some(top) = top else {
            self.limit()?;
            let end = End::Holds([(problem.to_owned(), holder)].into());
            let cause = match &course {
                Course::Steady(_) => Cause::Mitigated,
                Course::Ramp(_) => Cause::RampStarted,
            };
            self.push_and_record(course, end, cause, before, now);
            return Ok(());
        };
        let is_same = top.course == course;
        // What was closed already and opens again holds anew.
        let holds_already = top.holder(problem).is_some_and(|holder| !holder.closed);
        if is_same && holds_already {
            return Err(Outcome::Unchanged);
        }
        if !is_same {
            self.limit()?;
            self.stop_top();
        }
        let (change, by, version) = (
            self.request.change.clone(),
            self.request.by.clone(),
            self.state.version + 1,
        );
        let assignment = self
            .state
            .assignments
            .last_mut()
            .expect("there is an assignment on top");
        if let End::Holds(holders) = &mut assignment.end {
            let holder = if holds_already {
                holders[problem]
            } else {
                holder
            };
            holders.insert(problem.to_owned(), holder);
        }
        let cause = match (&course, is_same) {
            (_, true) => Cause::Joined,
            (Course::Steady(_), false) => Cause::Mitigated,
            (Course::Ramp(_), false) => Cause::RampStarted,
        };
        let ends = assignment.end.at_the_latest();
        if !is_same {
            *assignment = Assignment {
                change,
                by,
                at: now,
                version,
                course,
                end: assignment.end.clone(),
                kept: None,
            };
        }
        let after = if is_same {
            before.clone()
        } else {
            self.arrival()
        };
        self.record(Said {
            cause,
            at: now,
            before,
            after,
            ends,
        });
        Ok(())
    }

    fn push_and_record(
        &mut self,
        course: Course,
        end: End,
        cause: Cause,
        before: Value,
        now: Timestamp,
    ) {
        self.stop_top();
        let assignment = Assignment {
            change: self.request.change.clone(),
            by: self.request.by.clone(),
            at: now,
            version: self.state.version + 1,
            course,
            end,
            kept: None,
        };
        let ends = match &assignment.course {
            Course::Ramp(ramp) => Some(ramp.end),
            Course::Steady(_) => assignment.end.at_the_latest(),
        };
        self.state.assignments.push(assignment);
        let after = self.arrival();
        self.record(Said {
            cause,
            at: now,
            before,
            after,
            ends,
        });
    }

    /// What the word on top has, or moves to.
    fn arrival(&self) -> Value {
        match self.top().map(|assignment| &assignment.course) {
            Some(Course::Ramp(ramp)) => ramp.to.clone(),
            Some(Course::Steady(value)) => value.clone(),
            None => self.value(),
        }
    }

    /// Drops what lies below the word that stayed before this one: taking this
    /// one back needs that, and nothing older. What a rule set and nobody gives back
    /// covers no other word, which may be blamed yet; of these, two are kept. What a
    /// problem holds is kept until the problem closes, so that it is known to be
    /// overruled.
    fn prune(&mut self) {
        let words = &self.state.assignments;
        let second = |is_mitigation: bool| {
            let stay = words.iter().enumerate().rev();
            let mut stay = stay.filter(|(_, assignment)| {
                assignment.end == End::Never && assignment.is_mitigation() == is_mitigation
            });
            stay.nth(1).map_or(0, |(index, _)| index)
        };
        let (before, mitigated) = (second(false), second(true));
        let mut index = 0;
        self.state.assignments.retain(|assignment| {
            index += 1;
            let is_old = index <= before
                || (index <= mitigated
                    && assignment.end == End::Never
                    && assignment.is_mitigation());
            !is_old || matches!(assignment.end, End::Holds(_))
        });
        self.state.pruned |= 0 < before;
    }

    /// The person who says something now.
    fn word(&self) -> Option<Since> {
        let by = &self.request.by;
        (by.kind == AuthorKind::Person).then(|| Since {
            change: self.request.change.clone(),
            by: by.clone(),
            at: self.now(),
        })
    }

    fn course(&self, to: &Target) -> Result<Course, Outcome> {
        let now = self.now();
        match to {
            Target::Value(value) => {
                self.check(value)?;
                Ok(Course::Steady(value.clone()))
            }
            Target::Ramp { to, duration } => {
                self.check(to)?;
                let flag = self.flag();
                if !flag.kind.is_numeric() || !flag.bounds.allowed.is_empty() {
                    return Err(refuse(Refusal::NothingBetween));
                }
                if duration.is_zero() {
                    return Ok(Course::Steady(to.clone()));
                }
                if !(SignedDuration::ZERO..=LONGEST_RAMP).contains(duration) {
                    return Err(refuse(Refusal::BadRamp));
                }
                let ramp = Ramp::even(self.value(), to.clone(), now, *duration);
                Ok(Course::Ramp(ramp))
            }
            Target::Steps(steps) => {
                let times = steps.iter().map(|(after, _)| *after);
                let follow = times
                    .clone()
                    .zip(times.skip(1))
                    .all(|(one, next)| one < next);
                let fit =
                    |after: &SignedDuration| (SignedDuration::ZERO..=LONGEST_RAMP).contains(after);
                if !follow || !steps.iter().all(|(after, _)| fit(after)) {
                    return Err(refuse(Refusal::BadRamp));
                }
                for (_, value) in steps {
                    self.check(value)?;
                }
                let steps = steps.iter().map(|(after, value)| Step {
                    at: later(now, *after),
                    value: value.clone(),
                });
                let ramp = Ramp::steps(self.value(), now, steps.collect());
                ramp.map(Course::Ramp).ok_or(refuse(Refusal::BadRamp))
            }
        }
    }

    fn check(&self, value: &Value) -> Result<(), Outcome> {
        let flag = self.flag();
        let bad = if value.kind() == flag.kind {
            flag.bounds.admit(value).err().map(BadValue::Bounds)
        } else {
            Some(BadValue::Kind(NotAValue::Type {
                expected: flag.kind,
                found: found(value.kind()),
            }))
        };
        bad.map_or(Ok(()), |bad| Err(refuse(Refusal::Value(bad))))
    }

    /// Whether the requester may change the flag now, where no problem holds it.
    fn guard(&self) -> Result<(), Outcome> {
        self.limit()?;
        if self.request.by.kind == AuthorKind::Person {
            return Ok(());
        }
        match steady_again(&self.state.recent, self.now()) {
            Some(until) => Err(refuse(Refusal::Flapping { until })),
            None => Ok(()),
        }
    }

    fn limit(&self) -> Result<(), Outcome> {
        let (limit, kind) = (self.flag().rate, self.request.by.kind);
        match free_again(&self.state.recent, limit, kind, self.now()) {
            Some(until) => Err(refuse(Refusal::TooOften { until })),
            None => Ok(()),
        }
    }
}

impl Assignment {
    /// Whether it answers a problem: a problem holds it, or a rule set it.
    pub(super) fn is_mitigation(&self) -> bool {
        matches!(self.end, End::Holds(_)) || self.by.kind == AuthorKind::Rule
    }

    fn holder(&self, problem: &str) -> Option<&Holder> {
        let mut holders = self.end.holders();
        holders
            .find(|(one, _)| *one == problem)
            .map(|(_, holder)| holder)
    }
}

fn found(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "a boolean",
        Kind::String => "a text",
        Kind::Integer | Kind::Number => "a number",
        Kind::Object => "an object",
    }
}

pub(super) fn refuse(refusal: Refusal) -> Outcome {
    Outcome::Refused(refusal)
}

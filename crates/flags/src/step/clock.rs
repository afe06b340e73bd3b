//! What the clock did since somebody wrote.

use jiff::Timestamp;

use super::{Draft, Said};
use crate::audit::Cause;
use crate::state::{Assignment, Course, End};
use crate::value::Value;

impl Draft<'_> {
    /// Writes down what ended until now, each at its true time.
    pub(super) fn catch_up(&mut self) {
        while let Some(at) = self.state.timer().filter(|at| *at <= self.now()) {
            // What is below others ends unseen, and before what it is below of.
            let index = self
                .state
                .assignments
                .iter()
                .position(|assignment| assignment.is_due(at));
            let index = index.expect("the timer is that of an assignment");
            self.end_of(index, at);
        }
    }

    /// The moving word on top stops where it is.
    pub(super) fn stop_top(&mut self) {
        let now = self.now();
        let Some(assignment) = self.state.assignments.last_mut() else {
            return;
        };
        let Course::Ramp(ramp) = &assignment.course else {
            return;
        };
        let said = Said {
            cause: Cause::RampStopped,
            at: now,
            before: ramp.from.clone(),
            after: ramp.at(now),
            ends: assignment.end.at_the_latest(),
        };
        assignment.course = Course::Steady(said.after.clone());
        let assignment = assignment.clone();
        self.record_clock(said, &assignment, None);
    }

    fn end_of(&mut self, index: usize, at: Timestamp) {
        let is_top = index + 1 == self.state.assignments.len();
        let assignment = self.state.assignments[index].clone();
        if assignment.end.is_over(at) {
            let before = self.value_at_top(at);
            self.state.assignments.remove(index);
            let said = Said {
                cause: if is_top {
                    cause_of(&assignment.end)
                } else {
                    Cause::EndedBelow
                },
                at,
                before,
                after: self.value_at_top(at),
                ends: None,
            };
            let problem = assignment
                .end
                .holders()
                .next()
                .map(|(problem, _)| problem.to_owned());
            self.record_clock(said, &assignment, problem);
            return;
        }
        for (problem, _) in assignment
            .end
            .holders()
            .filter(|(_, holder)| holder.until <= at)
        {
            self.let_go(index, problem, at, &assignment);
        }
        if let Course::Ramp(ramp) = &assignment.course
            && ramp.end <= at
        {
            self.state.assignments[index].course = Course::Steady(ramp.to.clone());
            let said = Said {
                cause: Cause::RampEnded,
                at,
                before: ramp.from.clone(),
                after: ramp.to.clone(),
                ends: assignment.end.at_the_latest(),
            };
            self.record_clock(said, &assignment, None);
        }
    }
}

impl Draft<'_> {
    /// One of several problems has held the word for as long as it may.
    fn let_go(&mut self, index: usize, problem: &str, at: Timestamp, assignment: &Assignment) {
        if let End::Holds(holders) = &mut self.state.assignments[index].end {
            holders.remove(problem);
        }
        let value = self.value_at_top(at);
        let said = Said {
            cause: Cause::Released,
            at,
            before: value.clone(),
            after: value,
            ends: self.state.assignments[index].end.at_the_latest(),
        };
        self.record_clock(said, assignment, Some(problem.to_owned()));
    }

    /// What the word on top has at this moment, though it may be its last.
    fn value_at_top(&self, at: Timestamp) -> Value {
        let default = || self.flag().default.clone();
        self.top()
            .map_or_else(default, |assignment| assignment.course.at(at))
    }
}

impl Assignment {
    fn is_due(&self, at: Timestamp) -> bool {
        let ramp_is = match &self.course {
            Course::Ramp(ramp) => ramp.end <= at,
            Course::Steady(_) => false,
        };
        ramp_is || self.end.is_over(at) || self.end.holders().any(|(_, holder)| holder.until <= at)
    }
}

fn cause_of(end: &End) -> Cause {
    match end {
        End::Holds(holders) if holders.values().any(|holder| holder.closed) => Cause::GivenBack,
        End::Holds(_) => Cause::BoundReached,
        End::Never | End::Lease(_) => Cause::LeaseEnded,
    }
}

//! What the clock did since somebody wrote.

use jiff::Timestamp;

use super::{Draft, Said};
use crate::audit::Cause;
use crate::state::{Course, End, Word};
use crate::value::Value;

impl Draft<'_> {
    /// Writes down what ended until now, each at its true time.
    pub(super) fn catch_up(&mut self) {
        while let Some(at) = self.state.timer().filter(|at| *at <= self.now()) {
            // What is below others ends unseen, and before what it is below of.
            let index = self.state.words.iter().position(|word| word.is_due(at));
            let index = index.expect("the timer is that of a word");
            self.end_of(index, at);
        }
    }

    /// The moving word on top stops where it is.
    pub(super) fn stop_top(&mut self) {
        let now = self.now();
        let Some(word) = self.state.words.last_mut() else {
            return;
        };
        let Course::Ramp(ramp) = &word.course else {
            return;
        };
        let said = Said {
            cause: Cause::RampStopped,
            at: now,
            before: ramp.from.clone(),
            after: ramp.at(now),
            ends: word.end.at_the_latest(),
        };
        word.course = Course::Steady(said.after.clone());
        let word = word.clone();
        self.record_clock(said, &word, None);
    }

    fn end_of(&mut self, index: usize, at: Timestamp) {
        let is_top = index + 1 == self.state.words.len();
        let word = self.state.words[index].clone();
        if word.end.is_over(at) {
            let before = self.value_at_top(at);
            self.state.words.remove(index);
            let said = Said {
                cause: if is_top {
                    cause_of(&word.end)
                } else {
                    Cause::EndedBelow
                },
                at,
                before,
                after: self.value_at_top(at),
                ends: None,
            };
            let problem = word
                .end
                .holders()
                .next()
                .map(|(problem, _)| problem.to_owned());
            self.record_clock(said, &word, problem);
            return;
        }
        for (problem, _) in word.end.holders().filter(|(_, holder)| holder.until <= at) {
            self.let_go(index, problem, at, &word);
        }
        if let Course::Ramp(ramp) = &word.course
            && ramp.end <= at
        {
            self.state.words[index].course = Course::Steady(ramp.to.clone());
            let said = Said {
                cause: Cause::RampEnded,
                at,
                before: ramp.from.clone(),
                after: ramp.to.clone(),
                ends: word.end.at_the_latest(),
            };
            self.record_clock(said, &word, None);
        }
    }
}

impl Draft<'_> {
    /// One of several problems has held the word for as long as it may.
    fn let_go(&mut self, index: usize, problem: &str, at: Timestamp, word: &Word) {
        if let End::Holds(holders) = &mut self.state.words[index].end {
            holders.remove(problem);
        }
        let value = self.value_at_top(at);
        let said = Said {
            cause: Cause::Released,
            at,
            before: value.clone(),
            after: value,
            ends: self.state.words[index].end.at_the_latest(),
        };
        self.record_clock(said, word, Some(problem.to_owned()));
    }

    /// What the word on top has at this moment, though it may be its last.
    fn value_at_top(&self, at: Timestamp) -> Value {
        let default = || self.flag().default.clone();
        self.top().map_or_else(default, |word| word.course.at(at))
    }
}

impl Word {
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

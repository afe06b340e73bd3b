//! Values that move by the clock.

use jiff::{SignedDuration, Timestamp};

use crate::value::Value;

/// Into how many moves a ramp is divided, if it is long enough.
const MOVES: i64 = 100;

/// The shortest time between two moves.
const SHORTEST_MOVE: i64 = 1;

/// Parts of a number that are calculated with: whole ones lead to the same value
/// on every machine.
const MICRO: f64 = 1_000_000.0;

/// A value that moves from one to another while time passes.
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    /// Where it began.
    pub from: Value,
    /// Where it ends.
    pub to: Value,
    /// When it began.
    pub start: Timestamp,
    /// When it has ended.
    pub end: Timestamp,
    /// What it is on the way.
    pub way: Way,
}

/// What a ramp is between its beginning and its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// It moves by the same amount again and again, after each of these seconds.
    Evenly {
        /// The seconds between two moves.
        step_seconds: i64,
    },
    /// It becomes each of these values at its time.
    Steps(Vec<Step>),
}

/// A value and when it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub value: Value,
}

impl Ramp {
    /// An even ramp between two numbers.
    pub fn even(from: Value, to: Value, start: Timestamp, duration: SignedDuration) -> Self {
        let seconds = duration.as_secs();
        let moves = seconds.saturating_add(MOVES - 1) / MOVES;
        Self {
            from,
            to,
            start,
            end: later(start, duration),
            way: Way::Evenly {
                step_seconds: moves.max(SHORTEST_MOVE),
            },
        }
    }

    /// A ramp of steps, in the order of their times; nothing if there is none.
    pub fn steps(from: Value, start: Timestamp, steps: Vec<Step>) -> Option<Self> {
        let last = steps.last()?;
        Some(Self {
            from,
            to: last.value.clone(),
            start,
            end: last.at,
            way: Way::Steps(steps),
        })
    }

    /// The value at this moment. It never moves back, and ends exactly.
    pub fn at(&self, now: Timestamp) -> Value {
        if self.end <= now {
            return self.to.clone();
        }
        match &self.way {
            Way::Evenly { step_seconds } => self.even_at(now, *step_seconds),
            Way::Steps(steps) => {
                let begun = steps.iter().rev().find(|step| step.at <= now);
                begun.map_or_else(|| self.from.clone(), |step| step.value.clone())
            }
        }
    }

    fn even_at(&self, now: Timestamp, step_seconds: i64) -> Value {
        let step = i128::from(step_seconds.max(SHORTEST_MOVE)) * 1_000;
        let passed = i128::from(now.as_millisecond() - self.start.as_millisecond());
        let whole = i128::from(self.end.as_millisecond() - self.start.as_millisecond());
        let moved = passed.max(0) / step * step;
        if moved == 0 || whole == 0 {
            return self.from.clone();
        }
        match (&self.from, &self.to) {
            (Value::Integer(from), Value::Integer(to)) => {
                let (from, to) = (i128::from(*from), i128::from(*to));
                let value = from + (to - from) * moved / whole;
                let value = i64::try_from(value).expect("it lies between two of them");
                Value::Integer(value)
            }
            (Value::Number(from), Value::Number(to)) => {
                let (first, last) = (micro(*from), micro(*to));
                let value = (first + (last - first) * moved / whole) as f64 / MICRO;
                // What is smaller than a part must not lead out of the way.
                Value::Number(value.clamp(from.min(*to), from.max(*to)))
            }
            // Nothing lies between.
            _ => self.from.clone(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float saturates"
)]
fn micro(number: f64) -> i128 {
    // Far inside of what a product of two of them has room for.
    let most = 1e24;
    (number * MICRO).round().clamp(-most, most) as i128
}

/// A moment and some time, at most the end of time.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by)
        .expect("a signed duration never fails to saturate")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn rate_of_the_guide_moves_linearly_and_ends_exactly() {
        let duration = SignedDuration::from_secs(300);
        let ramp = Ramp::even(
            Value::Number(0.12),
            Value::Number(0.02),
            second(0),
            duration,
        );
        assert_eq!(ramp.way, Way::Evenly { step_seconds: 3 });
        for (at, value) in [
            (-5, 0.12),
            (0, 0.12),
            (2, 0.12),
            (3, 0.119),
            (5, 0.119),
            (150, 0.07),
            (299, 0.021),
            (300, 0.02),
            (3_000, 0.02),
        ] {
            assert_eq!(ramp.at(second(at)), Value::Number(value), "{at}");
        }
    }

    #[test]
    fn steps_hold_until_the_next() {
        let step = |at, value| Step {
            at: second(at),
            value: Value::Integer(value),
        };
        let steps = vec![step(0, 5), step(60, 25), step(120, 100)];
        let ramp = Ramp::steps(Value::Integer(1), second(0), steps).unwrap();
        for (at, value) in [
            (-1, 1),
            (0, 5),
            (59, 5),
            (60, 25),
            (119, 25),
            (120, 100),
            (999, 100),
        ] {
            assert_eq!(ramp.at(second(at)), Value::Integer(value), "{at}");
        }
        assert_eq!(Ramp::steps(Value::Integer(1), second(0), Vec::new()), None);
    }

    fn never_moves_back(values: &[f64], rises: bool) -> bool {
        values.windows(2).all(|pair| {
            let (one, next) = (pair[0], pair[1]);
            if rises { one <= next } else { next <= one }
        })
    }

    proptest! {
        #[test]
        fn numbers_never_move_back_and_end_exactly(
            from in -1e9_f64..1e9, to in -1e9_f64..1e9, seconds in 1_i64..90_000,
            mut times in proptest::collection::vec(-10_000_i64..100_000_000, 2..40),
        ) {
            times.sort_unstable();
            let duration = SignedDuration::from_secs(seconds);
            let ramp = Ramp::even(Value::Number(from), Value::Number(to), second(0), duration);
            let at = |millis: &i64| {
                let now = later(second(0), SignedDuration::from_millis(*millis));
                ramp.at(now).number().unwrap()
            };
            let values: Vec<f64> = times.iter().map(at).collect();
            prop_assert!(never_moves_back(&values, from <= to));
            let (least, most) = (from.min(to), from.max(to));
            prop_assert!(values.iter().all(|value| (least..=most).contains(value)));
            prop_assert_eq!(ramp.at(ramp.end), Value::Number(to));
        }

        #[test]
        fn integers_never_move_back_and_end_exactly(
            from in -1_000_i64..1_000, to in -1_000_i64..1_000, seconds in 1_i64..90_000,
        ) {
            let duration = SignedDuration::from_secs(seconds);
            let ramp = Ramp::even(Value::Integer(from), Value::Integer(to), second(0), duration);
            let values: Vec<f64> = (0..=seconds.min(2_000))
                .map(|at| ramp.at(second(at)).number().unwrap())
                .collect();
            prop_assert!(never_moves_back(&values, from <= to));
            prop_assert_eq!(ramp.at(ramp.end), Value::Integer(to));
        }
    }
}

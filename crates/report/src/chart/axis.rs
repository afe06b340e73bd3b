//! The span of an axis and its ticks.

/// About so many lines are easy on the eye.
const LINES: f64 = 4.0;

/// Beyond it the length of an axis would not be a number.
const FAR: f64 = 1e300;

/// A vertical axis in the unit that is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    step: f64,
}

impl Axis {
    /// An axis that holds all numbers and ends at ticks. It begins at zero,
    /// unless the numbers lie so close together that nothing would be seen.
    pub(super) fn over(numbers: impl Iterator<Item = f64>) -> Self {
        let bounds = numbers
            .filter(|number| number.is_finite())
            .map(|number| number.clamp(-FAR, FAR))
            .fold(None, |bounds: Option<(f64, f64)>, number| match bounds {
                Some((low, high)) => Some((low.min(number), high.max(number))),
                None => Some((number, number)),
            });
        let (low, high) = bounds.unwrap_or((0.0, 1.0));
        let close = high - low < 0.1 * high.abs().max(low.abs()) && low < high;
        let (low, high) = match () {
            () if close => (low - (high - low), high),
            () if low == 0.0 && high == 0.0 => (0.0, 1.0),
            () => (low.min(0.0), high.max(0.0)),
        };
        let step = nice((high - low) / LINES);
        Self {
            low: (low / step).floor() * step,
            // Room above, so that a mark on the highest number is whole.
            high: ((high + 0.08 * (high - low)) / step).ceil() * step,
            step,
        }
    }

    pub(super) fn ticks(self) -> impl Iterator<Item = f64> {
        // Adding up would drift.
        (0_u8..=12)
            .map(move |index| self.low + f64::from(index) * self.step)
            .take_while(move |tick| *tick <= self.high + self.step / 2.0)
            // Zero with an error of rounding is zero.
            .map(move |tick| {
                if tick.abs() < self.step / 1e6 {
                    0.0
                } else {
                    tick
                }
            })
    }

    /// From 0 at the low end to 1 at the high end; what is beyond stays at it.
    pub(super) fn place(self, number: f64) -> f64 {
        ((number - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// The next larger of 1, 2, 2.5, 5 and 10 times a power of ten.
fn nice(step: f64) -> f64 {
    if !(step.is_finite() && 0.0 < step) {
        return 1.0;
    }
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|nice| step <= *nice)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(numbers: &[f64]) -> Vec<f64> {
        Axis::over(numbers.iter().copied()).ticks().collect()
    }

    #[test]
    fn axis_begins_at_zero_and_ends_at_a_tick_above_all_numbers() {
        assert_eq!(
            ticks(&[120.0, 380.0]),
            [0.0, 100.0, 200.0, 300.0, 400.0, 500.0]
        );
        assert_eq!(
            ticks(&[-30.0, 10.0]),
            [-30.0, -20.0, -10.0, 0.0, 10.0, 20.0]
        );
        assert_eq!(ticks(&[0.0, 0.0]), [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]);
    }

    #[test]
    fn numbers_that_lie_close_together_are_told_apart() {
        let axis = Axis::over([99.5, 100.5].into_iter());

        assert!(axis.low > 90.0 && axis.place(100.5) - axis.place(99.5) > 0.3);
    }

    #[test]
    fn axis_of_any_numbers_has_few_ticks() {
        for numbers in [
            &[][..],
            &[f64::NAN, f64::INFINITY],
            &[1e30, -1e30],
            &[1e-30],
            &[5.0, 5.0],
            &[f64::MAX, f64::MIN],
        ] {
            let axis = Axis::over(numbers.iter().copied());
            let ticks = axis.ticks().count();
            assert!((2..=12).contains(&ticks), "{numbers:?}: {ticks} ticks");
        }
    }
}

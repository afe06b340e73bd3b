#![doc = include_str!("../README.md")]

/// A number with a percentage of it added, or taken away where the percentage
/// is negative.
pub fn with_percent(number: f64, percent: f64) -> f64 {
    let exact = || {
        let share = Decimal::of(percent)?.plus(HUNDRED)?;
        let product = Decimal::of(number)?.times(share)?;
        Some(product.shifted(-2).nearest())
    };
    exact().unwrap_or_else(|| number + number * percent / 100.0)
}

/// The sum; nothing if there is nothing to add.
pub fn sum(numbers: &[f64]) -> Option<f64> {
    let exact = || exact_sum(numbers).map(Decimal::nearest);
    (!numbers.is_empty()).then(|| exact().unwrap_or_else(|| numbers.iter().sum()))
}

/// The unweighted mean; nothing if there is nothing to average.
pub fn mean(numbers: &[f64]) -> Option<f64> {
    let count = numbers.len();
    let exact = || Some(exact_sum(numbers)?.over(i128::try_from(count).ok()?));
    let binary = || numbers.iter().sum::<f64>() / count as f64;
    (!numbers.is_empty()).then(|| exact().unwrap_or_else(binary))
}

/// The number with its point moved to the right, or to the left where `places`
/// is negative.
pub fn shifted(number: f64, places: i32) -> f64 {
    let exact = || Some(Decimal::of(number)?.shifted(places).nearest());
    exact().unwrap_or(number)
}

/// `digits` times ten to the power of `exponent`.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

const HUNDRED: Decimal = Decimal {
    digits: 100,
    exponent: 0,
};

fn exact_sum(numbers: &[f64]) -> Option<Decimal> {
    let mut numbers = numbers.iter().map(|number| Decimal::of(*number));
    let first = numbers.next()??;
    numbers.try_fold(first, |sum, number| sum.plus(number?))
}

impl Decimal {
    /// The shortest decimal that reads back as this number; none for what is
    /// not finite.
    fn of(number: f64) -> Option<Self> {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e')?;
        let exponent: i32 = exponent.parse().ok()?;
        let places = digits.split_once('.').map_or(0, |(_, behind)| behind.len());
        Some(Self {
            digits: digits.replace('.', "").parse().ok()?,
            exponent: exponent - i32::try_from(places).ok()?,
        })
    }

    fn plus(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        let digits = self
            .digits_at(exponent)?
            .checked_add(other.digits_at(exponent)?)?;
        Some(Self { digits, exponent })
    }

    fn times(self, other: Self) -> Option<Self> {
        Some(Self {
            digits: self.digits.checked_mul(other.digits)?,
            exponent: self.exponent + other.exponent,
        })
    }

    /// Divided by a count, to as many digits as there is room for.
    fn over(self, count: i128) -> f64 {
        let Self {
            digits,
            mut exponent,
        } = self;
        let mut quotient = digits / count;
        let mut rest = digits % count;
        while rest != 0 {
            let next = quotient.checked_mul(10).zip(rest.checked_mul(10));
            let Some((tens, dividend)) = next else { break };
            let Some(longer) = tens.checked_add(dividend / count) else {
                break;
            };
            quotient = longer;
            rest = dividend % count;
            exponent -= 1;
        }
        Self {
            digits: quotient,
            exponent,
        }
        .nearest()
    }

    fn shifted(self, places: i32) -> Self {
        Self {
            exponent: self.exponent + places,
            ..self
        }
    }

    /// The digits that say the same with a smaller exponent.
    fn digits_at(self, exponent: i32) -> Option<i128> {
        if self.digits == 0 {
            return Some(0);
        }
        let places = u32::try_from(self.exponent - exponent).ok()?;
        self.digits.checked_mul(10_i128.checked_pow(places)?)
    }

    /// The binary number that is nearest.
    fn nearest(self) -> f64 {
        let Self { digits, exponent } = self;
        format!("{digits}e{exponent}")
            .parse()
            .expect("digits and an exponent are a number")
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "that numbers are exact is the point")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_every_size_have_their_percentage() {
        for (number, percent, expected) in [
            (11.12, 15.0, 12.788),
            (11.12, -15.0, 9.452),
            (-11.12, 15.0, -12.788),
            (0.0, 15.0, 0.0),
            (1e300, 15.0, 1.15e300),
            (1e-9, 15.0, 1.15e-9),
            (1e-9, 12.5, 1.125e-9),
            (5e-324, 0.0, 5e-324),
            (0.1 + 0.2, 0.0, 0.1 + 0.2),
            (f64::MAX, 100.0, f64::INFINITY),
            (1.0, 1e-300, 1.0),
            (1.0, 1e300, 1e300 / 100.0),
        ] {
            assert_eq!(
                with_percent(number, percent),
                expected,
                "{number} {percent}"
            );
        }
        assert!(with_percent(f64::NAN, 15.0).is_nan());
        assert_eq!(with_percent(f64::INFINITY, 15.0), f64::INFINITY);
    }

    #[test]
    fn what_has_no_room_is_added_in_binary() {
        assert_eq!(sum(&[1e300, 1e-9]), Some(1e300));
        assert_eq!(mean(&[1e300, 1e-9]), Some(5e299));
        assert_eq!(sum(&[f64::MAX, f64::MAX]), Some(f64::INFINITY));
        assert!(mean(&[f64::NAN, 1.0]).is_some_and(f64::is_nan));
    }

    #[test]
    fn nothing_has_neither_sum_nor_mean() {
        assert_eq!(sum(&[]), None);
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn a_mean_without_end_is_rounded_once() {
        assert_eq!(mean(&[1.0, 0.0, 0.0]), Some(1.0 / 3.0));
        assert_eq!(mean(&[-1.0, -1.0, 0.0]), Some(-2.0 / 3.0));
        assert_eq!(mean(&[0.3; 3]), Some(0.3));
        assert_eq!(mean(&[1e300; 7]), Some(1e300));
    }

    /// A number of so many hundredths, as JSON has it.
    fn hundredths(count: i64) -> f64 {
        let sign = if count < 0 { "-" } else { "" };
        let (whole, behind) = (count.unsigned_abs() / 100, count.unsigned_abs() % 100);
        format!("{sign}{whole}.{behind:02}").parse().unwrap()
    }

    proptest! {
        #[test]
        fn sums_and_means_are_those_of_whole_numbers(
            counts in proptest::collection::vec(-1_000_000_i64..1_000_000, 1..20),
        ) {
            let numbers: Vec<_> = counts.iter().copied().map(hundredths).collect();
            let total: i64 = counts.iter().sum();
            prop_assert_eq!(sum(&numbers), Some(hundredths(total)));
            let count = i64::try_from(counts.len()).unwrap();
            if total % count == 0 {
                prop_assert_eq!(mean(&numbers), Some(hundredths(total / count)));
            }
        }

        #[test]
        fn no_percentage_changes_nothing(number in any::<f64>()) {
            prop_assume!(number.is_finite());
            prop_assert_eq!(with_percent(number, 0.0), number);
            prop_assert_eq!(shifted(number, 0), number);
        }
    }
}

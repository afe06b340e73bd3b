//! Rounds numbers for reading.

use monspec::readable;

/// Enough digits to decide by.
const DIGITS: usize = 4;

/// So many digits tell any two numbers apart that are worth it.
const MOST_DIGITS: usize = 12;

/// The numbers, rounded only so far that they still differ if they do.
pub(crate) fn distinct<const N: usize>(numbers: [Option<f64>; N]) -> [Option<String>; N] {
    let texts = |digits| numbers.map(|number| number.map(|number| rounded(number, digits)));
    (DIGITS..=MOST_DIGITS)
        .map(texts)
        .find(|texts| tell_apart(&numbers, texts))
        .unwrap_or_else(|| texts(MOST_DIGITS))
}

/// So many significant digits, thousands in groups.
pub(crate) fn rounded(number: f64, digits: usize) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e15).contains(&size) {
        return readable(number);
    }
    let exponent = exponent(size, digits);
    let decimals = match usize::try_from(exponent + 1) {
        Ok(before_point) => digits.saturating_sub(before_point),
        Err(_) => digits + usize::try_from(-exponent - 1).unwrap_or(0),
    };
    let text = format!("{number:.decimals$}");
    let text = match text.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => grouped(whole),
            fraction => format!("{}.{fraction}", grouped(whole)),
        },
        None => grouped(&text),
    };
    if text == "-0" { "0".to_owned() } else { text }
}

/// A round number in a few letters, for the narrow room beside a chart.
pub(crate) fn compact(number: f64) -> String {
    let (divisor, letter) = match number.abs() {
        1e5..1e6 => (1e3, "k"),
        1e6..1e9 => (1e6, "M"),
        1e9..1e12 => (1e9, "G"),
        1e12..1e15 => (1e12, "T"),
        _ => (1.0, ""),
    };
    format!("{}{letter}", rounded(number / divisor, DIGITS))
}

fn tell_apart(numbers: &[Option<f64>], texts: &[Option<String>]) -> bool {
    let pairs = || (0..numbers.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    pairs().all(|(a, b)| numbers[a] == numbers[b] || texts[a] != texts[b])
}

/// The power of ten of the first digit, after rounding.
fn exponent(size: f64, digits: usize) -> i32 {
    format!("{size:.*e}", digits.saturating_sub(1))
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0)
}

fn grouped(whole: &str) -> String {
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_take_little_room() {
        for (number, text) in [
            (2_500.0, "2,500"),
            (250_000.0, "250k"),
            (2_500_000.0, "2.5M"),
            (-4e12, "-4T"),
            (0.25, "0.25"),
        ] {
            assert_eq!(compact(number), text);
        }
    }

    #[test]
    fn numbers_are_rounded_to_what_is_read() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (437.123_4, "437.1"),
            (52_341.26, "52,341"),
            (1_234_567.0, "1,234,567"),
            (0.001_234_56, "0.001235"),
            (-2.5, "-2.5"),
            (1e300, "1.00000e300"),
        ] {
            assert_eq!(rounded(number, DIGITS), text);
        }
    }
}

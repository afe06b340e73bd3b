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
    // Most numbers are short already, and rounding takes many times as long.
    let plain = number.to_string();
    let text = if significant(&plain) <= digits {
        plain
    } else {
        format!("{number:.*}", decimals(&plain, digits))
    };
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

/// How many digits a number has from its first one that is not zero.
fn significant(text: &str) -> usize {
    let digits = text.trim_start_matches(['-', '0', '.']).bytes();
    digits.filter(u8::is_ascii_digit).count()
}

/// How many decimals show so many digits. A number that is rounded up to one
/// digit more ends with a zero more.
fn decimals(plain: &str, digits: usize) -> usize {
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    match whole.trim_start_matches(['-', '0']).len() {
        0 => digits + fraction.bytes().take_while(|digit| *digit == b'0').count(),
        before_point => digits.saturating_sub(before_point),
    }
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

    #[test]
    fn number_that_is_rounded_up_to_one_digit_more_stays_short() {
        for (number, text) in [
            (9.999_6, "10"),
            (99.996, "100"),
            (-999.96, "-1,000"),
            (0.099_999_6, "0.1"),
            (0.000_999_96, "0.001"),
            (0.000_999_94, "0.0009999"),
            (126.1, "126.1"),
            (126.104, "126.1"),
            (1_000.4, "1,000"),
            (9_999.6, "10,000"),
        ] {
            assert_eq!(rounded(number, DIGITS), text);
        }
    }
}

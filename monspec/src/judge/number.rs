//! Writes numbers for people.

/// Six significant digits are readable and distinguish most numbers.
const DIGITS: usize = 6;

/// The most significant digits that a number has.
const ALL_DIGITS: usize = 17;

/// The number, rounded for reading: `52341.3` or `0.000123457`.
pub fn readable(number: f64) -> String {
    rounded(number, DIGITS)
}

/// Both numbers, rounded only so far that they still differ if they do.
pub(super) fn distinct(one: f64, other: f64) -> (String, String) {
    (DIGITS..=ALL_DIGITS)
        .map(|digits| (rounded(one, digits), rounded(other, digits)))
        .find(|(one_text, other_text)| one_text != other_text)
        .unwrap_or_else(|| (readable(one), readable(other)))
}

fn rounded(number: f64, digits: usize) -> String {
    let scientific = format!("{number:.*e}", digits - 1);
    let parsed = scientific
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    match parsed {
        // Digits before the point are never rounded away.
        Some(exponent @ -5..=14) => {
            let before_point = usize::try_from(exponent + 1).unwrap_or(0);
            let leading_zeros = usize::try_from(-exponent - 1).unwrap_or(0);
            let decimals = digits.saturating_sub(before_point) + leading_zeros;
            trimmed(&format!("{number:.decimals$}"))
        }
        _ => scientific,
    }
}

fn trimmed(text: &str) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" {
        "0".to_owned()
    } else {
        short.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_for_reading() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (115.0, "115"),
            (52_341.26, "52341.3"),
            (1_234_567.89, "1234568"),
            (0.000_123_456_789, "0.000123457"),
            (-2.5, "-2.5"),
            (1e300, "1.00000e300"),
            (2e-9, "2.00000e-9"),
        ] {
            assert_eq!(readable(number), text);
        }
    }

    #[test]
    fn numbers_that_differ_are_told_apart() {
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(distinct(115.000_000_1, 115.0), pair("115.0000001", "115"));
        assert_eq!(distinct(90.0, 115.0), pair("90", "115"));
        assert_eq!(distinct(1.0, 1.0), pair("1", "1"));
    }
}

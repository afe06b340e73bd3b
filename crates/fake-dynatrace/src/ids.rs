//! The numbers a tenant gives to events, problems and comments.

/// A number in the range of the real ones: signed, and so large that a reader
/// who takes it for a double changes it. The first one is negative.
pub(super) fn large(sequence: u64) -> i64 {
    let magnitude = (scatter(sequence) >> 2) | (1 << 61);
    let magnitude = magnitude.cast_signed();
    if sequence.is_multiple_of(2) {
        magnitude
    } else {
        -magnitude
    }
}

/// Sixteen hexadecimal digits.
pub(super) fn hexadecimal(sequence: u64) -> String {
    format!("{:016x}", scatter(sequence))
}

/// Spreads neighbours over the whole range, so that their order tells nothing.
fn scatter(sequence: u64) -> u64 {
    const ODD: u64 = 0xA24B_AED4_963E_E407;
    sequence.wrapping_mul(ODD)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_differ_and_are_beyond_what_a_double_holds() {
        let all: BTreeSet<_> = (1..=10_000).map(large).collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|number| number.unsigned_abs() > 1 << 53));
    }

    #[test]
    fn the_first_number_is_negative_and_the_second_is_not() {
        assert!(large(1) < 0);
        assert!(large(2) > 0);
    }
}

//! Whether a change may have come before a problem.
//!
//! A tenant tells when a problem began to the minute: one that began at 10:05:40
//! is told as 10:05:00. A time that is no whole minute was not rounded.

use jiff::{SignedDuration, Timestamp};

use crate::window::saturating_add;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Whether a change came before a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// It came before.
    Surely,
    /// It came within the minute in which the problem began, before or after.
    ByRounding,
    /// It came after.
    No,
}

/// Says whether a change of any kind that came at `change` may have caused a
/// problem that began at `began`, as the tenant says.
pub fn may_precede(change: Timestamp, began: Timestamp) -> Precedence {
    if change <= began {
        Precedence::Surely
    } else if change < end_of_beginning(began) {
        Precedence::ByRounding
    } else {
        Precedence::No
    }
}

/// The moment at which the problem had surely begun.
pub fn end_of_beginning(began: Timestamp) -> Timestamp {
    let is_rounded = began.as_millisecond() % 60_000 == 0;
    if is_rounded {
        saturating_add(began, MINUTE)
    } else {
        began
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_within_the_minute_of_the_beginning_is_a_cause_only_by_rounding() {
        use Precedence::{ByRounding, No, Surely};
        let precedence = |change: i64, began: i64| {
            let at = |ms| Timestamp::from_millisecond(ms).unwrap();
            may_precede(at(change), at(began))
        };
        for (change, began, expected) in [
            (0, 60_000, Surely),
            (60_000, 60_000, Surely),
            (60_001, 60_000, ByRounding),
            (119_999, 60_000, ByRounding),
            (120_000, 60_000, No),
            // The tenant knew it to the millisecond.
            (60_500, 60_500, Surely),
            (60_501, 60_500, No),
        ] {
            assert_eq!(precedence(change, began), expected, "{change} {began}");
        }
    }
}

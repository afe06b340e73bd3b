//! Reads how far back a window lies.

use lint::{Fields, Report};

/// The longest shift, ten years: enough for everyone, and no sum of times overflows.
const MAX_SHIFT_SECONDS: i64 = 10 * 366 * 86_400;

/// How far ahead a window may be. Nothing is judged before its window is over, so
/// a gate that waits for days is probably a mistaken minus sign.
const MAX_AHEAD_SECONDS: i64 = 86_400;

/// Shifts in seconds that look like minutes.
const LOOKS_LIKE_MINUTES: [i64; 5] = [1, 2, 10, 60, 1440];

/// Reads a shift in seconds; a missing one is 0.
pub(super) fn read_shift(fields: &Fields<'_>, name: &str, report: &mut Report<'_>) -> Option<i64> {
    let Some(cursor) = fields.get(name) else {
        return Some(0);
    };
    let Some(seconds) = whole_seconds(cursor.number(report)?) else {
        report.error(
            &cursor.place,
            "a shift is a whole number of seconds, ten years at most",
            "write how many seconds back the window lies: 3600 is an hour, 86400 a day",
        );
        return None;
    };
    if seconds < -MAX_AHEAD_SECONDS {
        report.error(
            &cursor.place,
            "the window looks more than a day ahead",
            "write how many seconds back the window lies, without a minus sign",
        );
    } else if seconds < 0 {
        report.warning(
            &cursor.place,
            "a negative shift lies in the future, where there is no data yet",
            "write how many seconds back the window lies",
        );
    }
    if LOOKS_LIKE_MINUTES.contains(&seconds) {
        report.hint(
            &cursor.place,
            format!("shifts count seconds; were {seconds} minutes meant?"),
            format!("{seconds} minutes are {}", seconds * 60),
        );
    }
    Some(seconds)
}

fn whole_seconds(number: f64) -> Option<i64> {
    let in_range = number.abs() <= MAX_SHIFT_SECONDS as f64 && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and far inside the range"
    )]
    in_range.then_some(number as i64)
}

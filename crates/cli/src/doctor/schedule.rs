//! How often the schedules run, as their rules say it.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

/// What a tick may take longer, to arrive and to write that it ran.
const SLACK: SignedDuration = SignedDuration::from_mins(3);

/// The `Schedule` of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    text: String,
    /// Unknown where it is a `cron(…)`.
    every: Option<SignedDuration>,
}

impl Schedule {
    /// Whether a tick is overdue that long after the last one: where two are
    /// missing. Nothing, where nobody knows.
    pub(super) fn is_late(&self, ago: SignedDuration) -> Option<bool> {
        let every = self.every?;
        Some(every.saturating_add(every).saturating_add(SLACK) < ago)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let expected = || "write it as the stack does, such as `rate(15 minutes)`".to_owned();
        let inside = |kind: &str| text.strip_prefix(kind)?.strip_suffix(')');
        let every = match (inside("rate("), inside("cron(")) {
            (Some(rate), _) => Some(every(rate).ok_or_else(expected)?),
            (None, Some(_)) => None,
            (None, None) => return Err(expected()),
        };
        Ok(Self {
            text: text.to_owned(),
            every,
        })
    }
}

/// `15 minutes`
fn every(rate: &str) -> Option<SignedDuration> {
    let (number, unit) = rate.trim().split_once(' ')?;
    let number: u16 = number.parse().ok()?;
    let hours = match unit.trim() {
        "minute" | "minutes" => return some(SignedDuration::from_mins(number.into())),
        "hour" | "hours" => 1,
        "day" | "days" => 24,
        _ => return None,
    };
    some(SignedDuration::from_hours(i64::from(number) * hours))
}

fn some(every: SignedDuration) -> Option<SignedDuration> {
    every.is_positive().then_some(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_late(schedule: &str, minutes: i64) -> Option<bool> {
        let schedule: Schedule = schedule.parse().unwrap();
        schedule.is_late(SignedDuration::from_mins(minutes))
    }

    #[test]
    fn schedule_is_late_once_two_ticks_are_missing() {
        for (schedule, minutes) in [
            ("rate(1 minute)", 5),
            ("rate(15 minutes)", 33),
            ("rate(1 hour)", 123),
            ("rate(1 day)", 2_883),
        ] {
            assert_eq!(is_late(schedule, minutes), Some(false), "{schedule}");
            assert_eq!(is_late(schedule, minutes + 1), Some(true), "{schedule}");
        }
    }

    #[test]
    fn nobody_knows_whether_a_cron_is_late() {
        assert_eq!(is_late("cron(0/15 * * * ? *)", 900), None);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for wrong in [
            "",
            "15",
            "rate(15)",
            "rate(0 minutes)",
            "rate(5 weeks)",
            "15 minutes",
        ] {
            assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
        }
    }
}

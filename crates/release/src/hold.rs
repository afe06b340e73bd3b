//! What is said on a problem of the flags that it holds, where nobody else says it.
//!
//! A rule tells its problem what it does, and whoever sends a request is answered.
//! What the clock does, and the watch once a problem is over, is stored with the change
//! of the flag and said after it, as [`crate::outbox`] says. Each row is a case of the
//! tests.
//!
//! | Row | What became of what the problem held | By | Said |
//! |---|---|---|---|
//! | `given-back` | what was before is back, because the problem is over | the watch, or the clock where it was late | what the flag is again |
//! | `bound` | the same, because it was held for as long as that may be | the clock | the same, and why |
//! | `released` | another problem holds it on | the watch or the clock | that it stays, and why |
//! | `superseded` | somebody said something later | the watch | that it stays, and who and when |
//! | `postponed` | it is given back later | the watch | that, and why |
//! | `below` | it ended below another word | the clock | – |
//! | `others` | anything | anybody else | –, they say it |
//! | `held.near` | it is held on, and in an hour it has been for as long as it may | the clock | which flags, and when; an alarm |
//! | `held.gone` | the same hour comes, and it is held no longer, or for longer | the clock | – |
//! | `held.short` | it is held for an hour or less from the beginning | anybody | – |

use std::collections::BTreeMap;

use flags::state::{AuthorKind, State};
use flags::{Cause, Record};
use jiff::{SignedDuration, Timestamp};

use crate::comment::{bounded, plain, time};
use crate::window::saturating_add;

/// How long before a hold ends by the clock that is said.
pub const WARNED_BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// When it is said that a hold ends soon that begins now; nothing, where it is short.
pub fn warned_at(ends: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let at = ends.checked_sub(WARNED_BEFORE).ok()?;
    (now < at).then_some(at)
}

/// What is said on a problem that holds flags until then, and will not be over; nothing,
/// if it holds none of them any more, or for longer.
pub fn near(states: &BTreeMap<String, State>, problem: &str, ends: Timestamp) -> Option<String> {
    let until = |state: &State, at| state.holds_ending(at).contains(&problem);
    let begins = saturating_add(ends, -SignedDuration::from_millis(1));
    let held = states
        .iter()
        .filter(|(_, state)| until(state, ends) && !until(state, begins));
    let held: Vec<String> = held.map(|(flag, _)| plain(flag)).collect();
    (!held.is_empty()).then(|| {
        bounded(format!(
            "Unbreakable: at {} this problem will have held {} for as long as it may. What was \
             before is then back, whether or not the problem is over, unless somebody sets it.",
            time(ends),
            held.join(", ")
        ))
    })
}

/// What is said on a problem of these entries about flags that it held; nothing, if
/// none of them has to be told.
pub fn said<'a>(records: impl IntoIterator<Item = &'a Record>) -> Option<String> {
    let said: Vec<String> = records.into_iter().filter_map(one).collect();
    (!said.is_empty()).then(|| bounded(format!("Unbreakable: {}", said.join(" "))))
}

fn one(record: &Record) -> Option<String> {
    if record.by.kind != AuthorKind::Clock {
        return None;
    }
    let flag = plain(&record.flag);
    let value = plain(&record.after.to_json().to_string());
    Some(match &record.cause {
        Cause::GivenBack => format!("flag {flag} is {value} again, because the problem is over."),
        Cause::BoundReached => format!(
            "flag {flag} is {value} again, whether or not the problem is over: it was held for as \
             long as that may be."
        ),
        Cause::Released => format!(
            "flag {flag} stays {value}: this problem holds it no longer, and another one does."
        ),
        Cause::Superseded(by) => format!(
            "the problem holds flag {flag} no longer; that stays {value}, because {} changed it at {}.",
            plain(&by.by.name),
            time(by.at)
        ),
        Cause::Postponed => format!(
            "the problem is over, and flag {flag} is given back later, because it was changed back \
             and forth."
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use flags::Value;
    use flags::state::{Assignment, Author, Course, End, Holder, Since};

    use super::*;

    /// The file that the table is in.
    const TABLE: &str = include_str!("hold.rs");

    fn record(cause: Cause, kind: AuthorKind) -> Record {
        Record {
            set: "prod".to_owned(),
            flag: "circuit_breaker".to_owned(),
            version: 7,
            at: Timestamp::from_second(1_700_000_000).unwrap(),
            cause,
            before: Value::Boolean(true),
            after: Value::Boolean(false),
            ends: None,
            change: "c7".to_owned(),
            batch: None,
            by: Author {
                name: "the clock".to_owned(),
                kind,
            },
            why: String::new(),
            triggered_by: "schedule".to_owned(),
            problem: Some("P-1".to_owned()),
        }
    }

    #[test]
    fn what_became_of_a_flag_is_said_as_the_table_says() {
        let superseded = Cause::Superseded(Since {
            change: "ann-1".to_owned(),
            by: Author {
                name: "ann*".to_owned(),
                kind: AuthorKind::Person,
            },
            at: Timestamp::from_second(1_700_000_000).unwrap(),
        });
        let clock = AuthorKind::Clock;
        let cases = [
            (
                "given-back",
                Cause::GivenBack,
                clock,
                "flag circuit\\_breaker is false again, because the problem is over.",
            ),
            (
                "bound",
                Cause::BoundReached,
                clock,
                "flag circuit\\_breaker is false again, whether or not the problem is over: it was held for as long as that may be.",
            ),
            (
                "released",
                Cause::Released,
                clock,
                "flag circuit\\_breaker stays false: this problem holds it no longer, and another one does.",
            ),
            (
                "superseded",
                superseded,
                clock,
                "the problem holds flag circuit\\_breaker no longer; that stays false, because ann\\* changed it at 2023-11-14 22:13:20 UTC.",
            ),
            (
                "postponed",
                Cause::Postponed,
                clock,
                "the problem is over, and flag circuit\\_breaker is given back later, because it was changed back and forth.",
            ),
            ("below", Cause::EndedBelow, clock, ""),
            ("others", Cause::GivenBack, AuthorKind::Rule, ""),
            ("others", Cause::GivenBack, AuthorKind::Machine, ""),
        ];
        for (row, cause, kind, expected) in cases.clone() {
            let told = said([&record(cause, kind)]);
            let expected = (!expected.is_empty()).then(|| format!("Unbreakable: {expected}"));
            assert_eq!(told, expected, "{row}");
        }
        let held = ["held.near", "held.gone", "held.short"];
        let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).chain(held).collect();
        let rows = TABLE
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next());
        assert_eq!(named, rows.collect());
    }

    #[test]
    fn end_of_a_hold_is_said_an_hour_before() {
        let second = |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap();
        let held = |until: Timestamp, closed| {
            let holder = Holder { until, closed };
            let by = record(Cause::Mitigated, AuthorKind::Rule).by;
            let assignment = Assignment {
                change: "c7".to_owned(),
                by,
                at: second(0),
                version: 7,
                course: Course::Steady(Value::Boolean(false)),
                end: End::Holds([("P-1".to_owned(), holder)].into()),
                kept: None,
            };
            State {
                assignments: vec![assignment],
                ..State::default()
            }
        };
        let day = second(86_400);
        for (row, state, problem, is_said) in [
            ("held.near", held(day, false), "P-1", true),
            ("held.gone", held(day, true), "P-1", false),
            ("held.gone", held(second(86_401), false), "P-1", false),
            ("held.gone", held(day, false), "P-2", false),
            ("held.gone", State::default(), "P-1", false),
        ] {
            let states = BTreeMap::from([("breaker".to_owned(), state)]);
            let said = near(&states, problem, day);
            assert_eq!(said.is_some(), is_said, "{row}: {said:?}");
            let text = "at 2023-11-15 22:13:20 UTC this problem will have held breaker";
            assert!(said.is_none_or(|said| said.contains(text)), "{row}");
        }
        assert_eq!(warned_at(day, second(0)), Some(second(82_800)));
        assert_eq!(warned_at(second(3_600), second(0)), None, "held.short");
    }

    #[test]
    fn what_ended_together_is_said_together() {
        let record = record(Cause::GivenBack, AuthorKind::Clock);
        let told = said([&record, &record]).unwrap();
        assert_eq!(told.matches("again").count(), 2, "{told}");
        assert_eq!(told.matches("Unbreakable").count(), 1, "{told}");
        assert_eq!(said([]), None);
    }
}

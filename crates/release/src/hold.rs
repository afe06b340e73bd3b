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

use flags::state::AuthorKind;
use flags::{Cause, Record};

use crate::comment::{bounded, plain, time};

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
    use flags::state::{Author, Since};
    use jiff::Timestamp;

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
        let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
        let rows = TABLE
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next());
        assert_eq!(named, rows.collect());
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

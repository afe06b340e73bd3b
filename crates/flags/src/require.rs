//! A change that is made only together with its event: both or none.
//!
//! Where a flag declares `"events": "require"`, a change of it is *prepared*: what
//! would be written lies beside the flag, where no reader looks, until the tenant
//! has taken the event. Then it is written as it was prepared. What takes something
//! back never waits for an event, and neither does a mitigation: a change because of
//! a problem by a rule, or by a key that may `mitigate`. That a request names a
//! problem is not enough.
//!
//! A prepared change belongs to the claim of the request that made it. If that
//! dies, the schedule finds it once the claim ends, and looks for the event by
//! `change.id` and `change.version`.
//!
//! [`ending`] decides the rows whose name does not begin with `story.`, and the flag
//! and its state the others. Each row also has a story with a store and a tenant,
//! which `tests/tests/it/rows.rs` names.
//!
//! | Row | What waits | Event | Durable write | Then | Crash before | Crash after |
//! |---|---|---|---|---|---|---|
//! | `story.prepared` | nothing, or what is overtaken | a change that requires its event | what would be written, beside each flag, and the request | the event is sent | repeated | looked for once the claim ends |
//! | `story.busy` | another change of the flag | a change that requires its event | – | refused for some seconds | – | – |
//! | `story.named` | nothing | a change that names a problem, by a key that may not mitigate | as `story.prepared` | the same | the same | the same |
//! | `story.mitigated` | nothing | a change that names a problem, by a key that may mitigate | what follows from it | its event is queued | repeated | its event follows |
//! | `story.passed` | another change of the flag | a change that waits for no event | what follows from it; what waits is overtaken | its event is queued | repeated | its event follows |
//! | `story.clock` | a change of the flag | a trial or a ramp ends | –, it is written down once nothing waits; readers see the end all the same | – | – | – |
//! | `taken` | this change, and its flags are as it found them | the tenant took the event | what was prepared, the event as sent, and the answer | 200 | looked for: `found` | the same request gets the answer |
//! | `found` | the same, from a request that died | the tenant has the event | the same | – | looked for again | – |
//! | `refused` | this change | the tenant did not take the event in time | entry `aborted`; the value stays | 503; `corrected` | looked for: `found` or `missing` | `corrected` |
//! | `missing` | this change, from a request that died | the tenant does not have the event | the same | `corrected` | looked for again | `corrected` |
//! | `silent` | the same | the tenant cannot be asked | –, for ten minutes; then as `missing` | – | – | – |
//! | `overtaken` | this change, and another was made of one of its flags | the tenant took the event | entry `aborted`; the value stays | 409; `corrected` | looked for, then the same | `corrected` |
//! | `story.corrected` | nothing; an aborted change | the tenant has its event after all | the outbox has an event `aborted`, which is sent only then | event | looked for later | – |

use jiff::{SignedDuration, Timestamp};

use crate::audit::Because;
use crate::declaration::{Declaration, EventPolicy};
use crate::step::{Event, Target};

/// How long a tenant that cannot be asked is asked whether it has an event.
pub const ASKED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// After how many seconds it is worth trying again while a change waits.
pub const BUSY_SECONDS: i64 = 5;

/// What a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Whatever its author wants.
    Wish,
    /// A problem is mitigated, by somebody who may.
    Mitigation,
}

/// Whether this change of the flag is made only if the tenant takes its event.
pub fn requires_event(flag: &Declaration, purpose: Purpose, event: &Event) -> bool {
    let announces_something = match event {
        Event::Stop
        | Event::Closed { .. }
        | Event::Recovery { .. }
        | Event::TakeBack { .. }
        | Event::Unlock
        | Event::Abort(_)
        | Event::Tick => false,
        // It takes back whatever is set.
        Event::Set {
            to: Target::Value(value),
            ..
        } => *value != flag.default,
        Event::Set { .. } | Event::Confirm => true,
    };
    flag.events == EventPolicy::Require
        && flag.touches.is_some()
        && purpose == Purpose::Wish
        && announces_something
}

/// What is known of the event of a prepared change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The tenant has it.
    Taken,
    /// The tenant did not take it, or does not have it.
    NotTaken,
    /// The tenant cannot be asked whether it has it.
    Unknown {
        /// Since when the change waits.
        since: Timestamp,
    },
}

/// What becomes of a prepared change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is written as it was prepared.
    Made,
    /// It is not made.
    Aborted(Because),
    /// It waits on.
    Waits,
}

/// What becomes of a prepared change; `is_prepared` says whether all of its flags
/// are as it found them.
pub fn ending(heard: Heard, is_prepared: bool, now: Timestamp) -> Ending {
    match heard {
        Heard::Taken if is_prepared => Ending::Made,
        Heard::Taken => Ending::Aborted(Because::Overtaken),
        Heard::Unknown { since } if now.duration_since(since) < ASKED_FOR => Ending::Waits,
        Heard::NotTaken | Heard::Unknown { .. } => Ending::Aborted(Because::NotTold),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::declaration::Entities;
    use crate::step::{LONGEST_HOLD, Term, percent};
    use crate::value::Value;

    /// The file that the table is in.
    const TABLE: &str = include_str!("require.rs");

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minute * 60).unwrap()
    }

    fn campaign() -> Declaration {
        let mut flag = percent();
        flag.events = EventPolicy::Require;
        flag.touches = Some(Entities {
            etype: "SERVICE".to_owned(),
            tags: Vec::new(),
        });
        flag
    }

    fn set(value: i64, term: Term) -> Event {
        let to = Target::Value(Value::Integer(value));
        Event::Set { to, term }
    }

    #[test]
    fn what_begins_something_requires_its_event_and_what_ends_something_does_not() {
        let ramp = Event::Set {
            to: Target::Ramp {
                to: Value::Integer(50),
                duration: SignedDuration::from_secs(60),
            },
            term: Term::Stays,
        };
        let problem = "P1".to_owned();
        for (event, requires) in [
            (set(50, Term::Stays), true),
            (set(50, Term::Until(minute(5))), true),
            (ramp, true),
            (Event::Confirm, true),
            (set(5, Term::Stays), false),
            (
                set(
                    50,
                    Term::While {
                        problem: problem.clone(),
                        longest: LONGEST_HOLD,
                    },
                ),
                true,
            ),
            (
                set(
                    5,
                    Term::While {
                        problem: problem.clone(),
                        longest: LONGEST_HOLD,
                    },
                ),
                false,
            ),
            (Event::Stop, false),
            (
                Event::Closed {
                    problem: problem.clone(),
                },
                false,
            ),
            (Event::Recovery { problem }, false),
            (
                Event::TakeBack {
                    change: "c".to_owned(),
                    began: None,
                },
                false,
            ),
            (Event::Unlock, false),
            (Event::Tick, false),
        ] {
            let told = requires_event(&campaign(), Purpose::Wish, &event);
            assert_eq!(told, requires, "{event:?}");
            let mitigation = Purpose::Mitigation;
            assert!(!requires_event(&campaign(), mitigation, &event));
            assert!(!requires_event(&percent(), Purpose::Wish, &event));
        }
        let mut nowhere = campaign();
        nowhere.touches = None;
        let event = set(50, Term::Stays);
        assert!(!requires_event(&nowhere, Purpose::Wish, &event));
    }

    #[test]
    fn prepared_change_ends_as_the_table_says() {
        let unknown = Heard::Unknown { since: minute(0) };
        let cases = [
            ("taken", Heard::Taken, true, 1, Ending::Made),
            ("found", Heard::Taken, true, 100, Ending::Made),
            (
                "refused",
                Heard::NotTaken,
                true,
                1,
                Ending::Aborted(Because::NotTold),
            ),
            (
                "missing",
                Heard::NotTaken,
                false,
                1,
                Ending::Aborted(Because::NotTold),
            ),
            ("silent", unknown, true, 9, Ending::Waits),
            (
                "silent",
                unknown,
                true,
                10,
                Ending::Aborted(Because::NotTold),
            ),
            (
                "overtaken",
                Heard::Taken,
                false,
                1,
                Ending::Aborted(Because::Overtaken),
            ),
        ];
        for (row, heard, is_prepared, now, expected) in cases {
            assert_eq!(ending(heard, is_prepared, minute(now)), expected, "{row}");
        }
        let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
        let rows = TABLE
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
            .filter(|row| !row.starts_with("story."));
        assert_eq!(named, rows.collect());
    }
}

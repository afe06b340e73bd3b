//! Each row of the table of [`super`] as a case.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::audit::{Because, verify};
use crate::read::read;

/// The file that the table is in.
const TABLE: &str = include_str!("../step.rs");

#[test]
fn every_row_is_a_case_and_goes_as_the_table_says() {
    let cases = cases();
    let goes_otherwise = |case: &&Case| case.told() != case.expected;
    let wrong: Vec<String> = cases
        .iter()
        .filter(goes_otherwise)
        .map(|case| {
            format!(
                "{}: {:?}\n  {}\n  {}",
                case.row,
                case.story,
                case.told(),
                case.expected
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let named: BTreeSet<&str> = cases.iter().map(|case| case.row).collect();
    let rows: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .collect();
    assert_eq!(named, rows);
}

struct Case {
    row: &'static str,
    /// What is said, as `<minute> <who> <what> …`; the last is what is told.
    story: &'static [&'static str],
    expected: &'static str,
}

impl Case {
    fn told(&self) -> String {
        let mut world = World::new();
        self.story
            .iter()
            .map(|told| world.tell(told))
            .last()
            .unwrap()
    }
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn cases() -> Vec<Case> {
    let case = |row, story, expected| Case {
        row,
        story,
        expected,
    };
    vec![
        case("any.aborted", &["0 ann abort 50"], "Aborted(50) 5->5"),
        case(
            "any.aborted",
            &["0 ann lease 37 60", "61 bob abort 50"],
            "LeaseEnded 37->5 at 60, Aborted(50) 5->5",
        ),
        case("settled.same", &["0 ann set 37"], "Changed 5->37"),
        case("settled.same", &["0 ann set 5"], "unchanged"),
        case(
            "settled.same",
            &["0 ann set 37", "1 ann set 37"],
            "unchanged",
        ),
        case(
            "settled.same",
            &["0 ann set 37", "1 @flow set 37"],
            "unchanged",
        ),
        case(
            "settled.kept",
            &["0 @flow set 37", "1 ann set 37"],
            "Confirmed 37->37",
        ),
        case(
            "settled.kept",
            &["0 ann set 37", "1 bob set 37"],
            "Confirmed 37->37",
        ),
        case(
            "any.set",
            &["0 ann set 37", "1 @flow set 40"],
            "Changed 37->40",
        ),
        case(
            "any.set",
            &["0 ann lease 37 60", "1 bob set 40"],
            "Changed 37->40",
        ),
        case(
            "any.lease",
            &["0 ann set 37", "1 ann lease 50 60"],
            "Leased 37->50 until 60",
        ),
        case(
            "any.lease",
            &["0 ann lease 50 60", "1 ann lease 60 30"],
            "Leased 50->60 until 30",
        ),
        case(
            "leased.again",
            &["0 ann lease 50 60", "1 ann lease 50 90"],
            "Extended 50->50 until 90",
        ),
        case(
            "leased.again",
            &["0 ann lease 50 60", "1 ann lease 50 60"],
            "unchanged",
        ),
        case(
            "leased.confirm",
            &["0 ann lease 50 60", "1 bob confirm"],
            "Confirmed 50->50",
        ),
        case(
            "leased.confirm",
            &["0 ann lease 50 60", "61 bob confirm"],
            "refused: nothing ends by itself, so there is nothing to keep",
        ),
        case(
            "leased.over",
            &["0 ann lease 50 60", "61 * tick"],
            "LeaseEnded 50->5 at 60",
        ),
        case(
            "leased.over",
            &["0 ann lease 50 60", "61 ann set 7"],
            "LeaseEnded 50->5 at 60, Changed 5->7",
        ),
        // Back to what was before, which is not the default.
        case(
            "leased.over",
            &["0 ann set 37", "1 ann lease 50 60", "61 * tick"],
            "LeaseEnded 50->37 at 60",
        ),
        // What lies below and ends earlier is not seen again.
        case(
            "any.below",
            &["0 ann lease 50 30", "1 bob lease 60 60", "61 * tick"],
            "EndedBelow 60->60 at 30, LeaseEnded 60->5 at 60",
        ),
        case(
            "any.below",
            &["0 !rule hold 0 P1", "1 ann set 50", "1500 * tick"],
            "EndedBelow 50->50 at 1440",
        ),
        case(
            "leased.over",
            &["0 ann lease 50 90", "1 bob lease 60 60", "61 * tick"],
            "LeaseEnded 60->50 at 60",
        ),
        case(
            "leased.over",
            &["0 ann lease 50 60", "59 * tick"],
            "unchanged",
        ),
        case(
            "any.ramp",
            &["0 ann ramp 25 10"],
            "RampStarted 5->25 until 10",
        ),
        case("any.ramp", &["0 ann ramp 25 0"], "Changed 5->25"),
        case(
            "moving.over",
            &["0 ann ramp 25 10", "20 * tick"],
            "RampEnded 5->25 at 10",
        ),
        case(
            "moving.stop",
            &["0 ann ramp 25 10", "5 bob stop"],
            "RampStopped 5->15",
        ),
        case(
            "moving.stop",
            &["0 ann set 25", "5 bob stop"],
            "refused: nothing moves",
        ),
        case(
            "moving.change",
            &["0 ann ramp 25 10", "5 bob set 7"],
            "RampStopped 5->15 by the clock, Changed 15->7",
        ),
        case(
            "moving.change",
            &["0 ann ramp 25 10", "5 bob ramp 5 10"],
            "RampStopped 5->15 by the clock, RampStarted 15->5 until 15",
        ),
        // An interrupted ramp is not resumed.
        case(
            "moving.change",
            &["0 ann ramp 25 10", "5 !rule hold 0 P1", "20 * closed P1"],
            "GivenBack 0->15",
        ),
        case(
            "any.hold",
            &["0 ann set 37", "1 !rule hold 0 P1"],
            "Mitigated 37->0 until 1441",
        ),
        case(
            "held.joined",
            &["0 !rule hold 0 P1", "1 !rule hold 0 P2"],
            "Joined 0->0 until 1441",
        ),
        case(
            "held.other",
            &["0 !rule hold 0 P1", "1 !rule hold 1 P2"],
            "Mitigated 0->1 until 1441",
        ),
        case(
            "held.other",
            &["0 !rule hold 0 P1", "1 !rule hold 1 P2", "2 * closed P2"],
            "Released 1->1 until 1440",
        ),
        case(
            "held.again",
            &["0 !rule hold 0 P1", "1 !rule hold 0 P1"],
            "unchanged",
        ),
        case(
            "held.overruled",
            &["0 !rule hold 0 P1", "1 ann set 50", "2 !rule hold 0 P1"],
            "refused: ann said something else at 2023-11-14T22:14:20Z, and that holds",
        ),
        // However much they said since.
        case(
            "held.overruled",
            &[
                "0 !rule hold 0 P1",
                "1 ann set 50",
                "2 ann set 60",
                "3 bob set 70",
                "4 !rule hold 0 P1",
            ],
            "refused: bob said something else at 2023-11-14T22:16:20Z, and that holds",
        ),
        case(
            "held.superseded",
            &[
                "0 !rule hold 0 P1",
                "1 ann set 50",
                "2 ann set 60",
                "3 bob set 70",
                "4 * closed P1",
            ],
            "Superseded(bob) 70->70",
        ),
        case(
            "held.released",
            &["0 !rule hold 0 P1", "1 !rule hold 0 P2", "2 * closed P1"],
            "Released 0->0 until 1441",
        ),
        case(
            "held.given-back",
            &["0 ann set 37", "1 !rule hold 0 P1", "2 * closed P1"],
            "GivenBack 0->37",
        ),
        case(
            "held.given-back",
            &[
                "0 !rule hold 0 P1",
                "1 !rule hold 0 P2",
                "2 * closed P1",
                "3 * closed P2",
            ],
            "GivenBack 0->5",
        ),
        // A campaign that has ended meanwhile does not come back.
        case(
            "held.given-back",
            &["0 ann lease 50 60", "30 !rule hold 0 P1", "90 * closed P1"],
            "EndedBelow 0->0 at 60, GivenBack 0->5",
        ),
        case(
            "held.given-back",
            &["0 ann lease 50 60", "30 !rule hold 0 P1", "45 * closed P1"],
            "GivenBack 0->50 until 60",
        ),
        case(
            "held.superseded",
            &["0 !rule hold 0 P1", "1 ann set 50", "2 * closed P1"],
            "Superseded(ann) 50->50",
        ),
        // A person who says the same has said it all the same.
        case(
            "held.superseded",
            &["0 !rule hold 0 P1", "1 ann set 0", "2 * closed P1"],
            "Superseded(ann) 0->0",
        ),
        case(
            "held.gone",
            &[
                "0 !rule hold 0 P1",
                "1 ann set 50",
                "2 ann set 60",
                "3 * closed P1",
                "4 * closed P1",
            ],
            "not held, ann",
        ),
        case("held.gone", &["0 * closed P1"], "not held"),
        case(
            "held.gone",
            &["0 !rule hold 0 P1", "1 * closed P1", "2 @flow recovery P1"],
            "not held",
        ),
        case(
            "held.early",
            &["0 !rule hold 0 P1", "5 @flow recovery P1"],
            "deferred",
        ),
        case(
            "held.flapping",
            &[
                "0 !rule hold 0 P1",
                "1 * closed P1",
                "2 !rule hold 0 P2",
                "3 * closed P2",
                "4 !rule hold 0 P3",
                "5 * closed P3",
            ],
            "Postponed 0->0 until 32",
        ),
        case(
            "held.flapping",
            &[
                "0 !rule hold 0 P1",
                "1 * closed P1",
                "2 !rule hold 0 P2",
                "3 * closed P2",
                "4 !rule hold 0 P3",
                "5 * closed P3",
                "40 * tick",
            ],
            "GivenBack 0->5 at 32",
        ),
        case(
            "held.bound",
            &["0 !rule hold 0 P1", "1500 * tick"],
            "BoundReached 0->5 at 1440",
        ),
        case(
            "held.bound",
            &["0 !rule hold 0 P1 90", "1500 * tick"],
            "BoundReached 0->5 at 90",
        ),
        case(
            "held.bound",
            &[
                "0 !rule hold 0 P1",
                "60 !rule hold 0 P2",
                "1450 * closed P2",
            ],
            "Released 0->0 at 1440 until 1500, GivenBack 0->5",
        ),
        case(
            "any.often",
            &[
                "0 @flow set 1",
                "0 @flow set 2",
                "0 @flow set 3",
                "0 @flow set 4",
                "0 @flow set 6",
                "1 @flow set 7",
                "2 @flow set 8",
            ],
            "refused: the flag was changed too often: again from 2023-11-14T22:23:20Z on",
        ),
        case(
            "any.often",
            &[
                "0 @flow set 1",
                "0 @flow set 2",
                "0 @flow set 3",
                "0 @flow set 4",
                "0 @flow set 6",
                "1 @flow set 7",
                "2 ann set 8",
            ],
            "Changed 7->8",
        ),
        case(
            "any.flapping",
            &[
                "0 @flow set 1",
                "1 @flow set 5",
                "2 @flow set 1",
                "3 @flow set 5",
                "4 @flow set 1",
            ],
            "refused: programs change the flag back and forth: again from 2023-11-14T22:44:20Z on, or once a person allows it",
        ),
        // What stops harm is never held up by it.
        case(
            "any.flapping",
            &[
                "0 @flow set 1",
                "1 @flow set 5",
                "2 @flow set 1",
                "3 @flow set 5",
                "4 !rule hold 0 P1",
            ],
            "Mitigated 5->0 until 1444",
        ),
        case(
            "any.unlock",
            &[
                "0 !rule hold 0 P1",
                "1 * closed P1",
                "2 !rule hold 0 P2",
                "3 * closed P2",
                "4 !rule hold 0 P3",
                "5 * closed P3",
                "6 ann unlock",
            ],
            "Unlocked 0->0, GivenBack 0->5",
        ),
        case(
            "any.unlock",
            &["0 @flow unlock"],
            "refused: only a person lets programs change it again",
        ),
        case(
            "any.unlock",
            &["0 ann unlock"],
            "refused: programs may change it already",
        ),
        case(
            "any.moved",
            &["0 ann set 1", "1 ann set 2 @0"],
            "refused: the flag has version 1 by now, not 0",
        ),
        case(
            "any.moved",
            &["0 ann set 1", "1 ann set 2 @1"],
            "Changed 1->2",
        ),
        case(
            "any.bad",
            &["0 ann set 101"],
            "refused: 101 is above the largest value, 100",
        ),
        case(
            "any.bad",
            &["0 ann lease 50 99999"],
            "refused: a trial of this flag takes 720h at most",
        ),
        case(
            "any.bad",
            &["5 ann lease 50 5"],
            "refused: 2023-11-14T22:18:20Z is over",
        ),
        case(
            "any.bad",
            &["0 ann ramp 50 1441"],
            "refused: a ramp takes 24 hours at most, and its steps follow each other",
        ),
        case(
            "blamed.back",
            &["0 ann set 37", "10 ann set 50", "20 * back 10"],
            "TakenBack 50->37",
        ),
        case(
            "blamed.back",
            &["0 ann lease 50 60", "20 * back 0"],
            "TakenBack 50->5",
        ),
        case(
            "blamed.back",
            &["0 ann lease 10 60", "10 ann lease 50 60", "20 * back 10"],
            "TakenBack 50->10 until 60",
        ),
        // The trial that it replaced has ended meanwhile.
        case(
            "blamed.back",
            &["0 ann lease 10 30", "10 ann set 50", "40 * back 10"],
            "EndedBelow 50->50 at 30, TakenBack 50->5",
        ),
        case(
            "blamed.back",
            &[
                "0 ann set 37",
                "10 ann set 50",
                "20 !rule hold 0 P1",
                "30 * back 10",
            ],
            "TakenBack 0->37",
        ),
        // A rule does not give back what was to blame.
        case(
            "blamed.back",
            &[
                "0 ann set 37",
                "10 ann set 50",
                "20 !rule hold 0 P1",
                "30 * back 10",
                "40 * closed P1",
            ],
            "not held, ann",
        ),
        // So is what a rule sets and nobody gives back.
        case(
            "blamed.back",
            &[
                "0 ann set 37",
                "10 ann set 50",
                "20 !rule set 0",
                "25 !other set 1",
                "30 * back 10",
            ],
            "TakenBack 1->37",
        ),
        case(
            "blamed.back",
            &["0 ann lease 50 60", "10 !rule lease 0 50", "20 * back 0"],
            "TakenBack 0->5",
        ),
        case(
            "blamed.since",
            &[
                "0 ann lease 50 60",
                "10 !rule lease 0 50",
                "15 bob confirm",
                "20 * back 0",
            ],
            "refused: bob set or kept it since, at 2023-11-14T22:28:20Z (c15)",
        ),
        // The problem began in minute 15.
        case(
            "blamed.kept",
            &["0 ann lease 50 60", "16 bob confirm", "20 * back 0 15"],
            "refused: bob set or kept it since, at 2023-11-14T22:29:20Z (c16)",
        ),
        case(
            "blamed.kept",
            &["0 ann lease 50 60", "14 bob confirm", "20 * back 0 15"],
            "TakenBack 50->5",
        ),
        case(
            "blamed.kept",
            &["0 ann lease 50 60", "14 bob confirm", "20 * back 0"],
            "refused: bob set or kept it since, at 2023-11-14T22:27:20Z (c14)",
        ),
        case(
            "blamed.kept",
            &["0 ann lease 50 60", "16 @flow confirm", "20 * back 0 15"],
            "TakenBack 50->5",
        ),
        case(
            "blamed.kept",
            &["0 ann lease 50 60", "16 ann lease 50 90", "20 * back 0 15"],
            "refused: ann set or kept it since, at 2023-11-14T22:29:20Z (c16)",
        ),
        case(
            "blamed.kept",
            &["0 ann ramp 50 60", "16 bob stop", "20 * back 0 15"],
            "refused: bob set or kept it since, at 2023-11-14T22:29:20Z (c16)",
        ),
        case(
            "blamed.first",
            &[
                "0 ann set 1",
                "1 ann set 2",
                "2 ann set 3",
                "3 * back 2",
                "4 * back 1",
            ],
            "refused: what was before it is not known any more",
        ),
        case(
            "blamed.since",
            &["0 ann set 37", "1 bob set 50", "20 * back 0"],
            "refused: bob set or kept it since, at 2023-11-14T22:14:20Z (c1)",
        ),
        // Also where the person said the same.
        case(
            "blamed.since",
            &["0 @flow set 37", "1 bob set 37", "20 * back 0"],
            "refused: bob set or kept it since, at 2023-11-14T22:14:20Z (c1)",
        ),
        case(
            "blamed.since",
            &["0 ann set 1", "1 ann set 2", "2 bob set 3", "20 * back 0"],
            "refused: bob set or kept it since, at 2023-11-14T22:15:20Z (c2)",
        ),
        case(
            "blamed.since",
            &["0 * back 7"],
            "refused: this flag knows no change `c7`",
        ),
        case(
            "blamed.over",
            &["0 ann lease 50 10", "20 * back 0"],
            "already back",
        ),
        case(
            "blamed.over",
            &["0 ann set 37", "1 ann lease 50 10", "20 * back 1"],
            "already back",
        ),
    ]
}

#[test]
fn history_of_every_case_holds() {
    for case in cases() {
        let mut world = World::new();
        for told in case.story {
            world.tell(told);
        }
        verify(&world.entries).unwrap();
        assert_eq!(
            world.entries.len() as u64,
            world.state.version,
            "{:?}",
            case.story
        );
    }
}

#[test]
fn entries_name_the_problem_and_the_clock_the_change() {
    let mut world = World::new();
    for told in [
        "0 !rule hold 0 P1",
        "1 * closed P1",
        "2 ann lease 50 60",
        "61 * tick",
    ] {
        world.tell(told);
    }
    let told: Vec<_> = world
        .entries
        .iter()
        .map(|entry| {
            (
                entry.record.change.as_str(),
                entry.record.problem.as_deref(),
                entry.record.by.kind,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("c0", Some("P1"), AuthorKind::Rule),
            ("c1", Some("P1"), AuthorKind::Clock),
            ("c2", None, AuthorKind::Person),
            ("c2", None, AuthorKind::Clock),
        ]
    );
}

#[test]
fn trial_lasts_as_asked_for_or_as_declared() {
    let mut flag = percent();
    let asked = Some(SignedDuration::from_mins(5));
    assert_eq!(Term::of(&flag, asked, minute(0)), Term::Until(minute(5)));
    assert_eq!(Term::of(&flag, None, minute(0)), Term::Stays);
    flag.lease.default = Some(SignedDuration::from_mins(30));
    assert_eq!(Term::of(&flag, None, minute(0)), Term::Until(minute(30)));
}

#[test]
fn flag_with_single_values_takes_steps_and_no_even_ramp() {
    let mut flag = percent();
    flag.bounds.allowed = [0, 5, 50].map(Value::Integer).to_vec();
    let state = State::default();
    let situation = Situation {
        set: "prod",
        flag: &flag,
        state: &state,
        now: minute(0),
    };
    let request = Request {
        change: "c".to_owned(),
        batch: None,
        by: Author {
            name: "ann".to_owned(),
            kind: AuthorKind::Person,
        },
        why: String::new(),
        triggered_by: String::new(),
        problem: None,
        expected: None,
    };
    let told = |to| {
        let term = Term::Stays;
        step(situation, &request, &Event::Set { to, term })
    };
    let duration = SignedDuration::from_mins(10);
    let even = Target::Ramp {
        to: Value::Integer(50),
        duration,
    };
    assert_eq!(told(even), Outcome::Refused(Refusal::NothingBetween));
    let steps = |first, second| {
        let first = (SignedDuration::ZERO, Value::Integer(first));
        Target::Steps(vec![first, (duration, Value::Integer(second))])
    };
    assert!(matches!(told(steps(5, 50)), Outcome::Written(_)));
    assert!(matches!(
        told(steps(5, 7)),
        Outcome::Refused(Refusal::Value(_))
    ));
    let empty = told(Target::Steps(Vec::new()));
    assert_eq!(empty, Outcome::Refused(Refusal::BadRamp));
}

#[test]
fn refusals_for_a_while_say_how_long() {
    let refusal = Refusal::TooOften { until: minute(10) };
    assert_eq!(refusal.retry_after(minute(9)), Some(60));
    assert_eq!(refusal.retry_after(minute(10)), Some(1));
    assert_eq!(Refusal::NothingMoves.retry_after(minute(0)), None);
}

#[test]
fn clock_ends_a_hold_with_an_alarm_before_it() {
    let mut world = World::new();
    world.tell("0 !rule hold 0 P1");
    assert_eq!(world.state.timer(), Some(minute(1440)));
    assert_eq!(world.state.holds_ending(minute(1439)), [""; 0]);
    assert_eq!(world.state.holds_ending(minute(1440)), ["P1"]);
}

pub(super) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + minute * 60).unwrap()
}

pub(crate) fn percent() -> Declaration {
    let file =
        r#"{ "flags": { "percent": { "type": "integer", "default": 5, "min": 0, "max": 100 } } }"#;
    let mut declarations = read(file).declarations.unwrap();
    declarations.flags.remove("percent").unwrap()
}

struct World {
    flag: Declaration,
    state: State,
    entries: Vec<Entry>,
}

impl World {
    fn new() -> Self {
        Self {
            flag: percent(),
            state: State::default(),
            entries: Vec::new(),
        }
    }

    fn tell(&mut self, told: &str) -> String {
        let words: Vec<&str> = told.split(' ').collect();
        let now: i64 = words[0].parse().unwrap();
        let number = |index: usize| Value::Integer(words[index].parse().unwrap());
        let later = |index: usize| words[index].parse::<i64>().unwrap();
        let set = |to, term| Event::Set { to, term };
        let event = match words[2] {
            "set" => set(Target::Value(number(3)), Term::Stays),
            "lease" => set(Target::Value(number(3)), Term::Until(minute(later(4)))),
            "hold" => {
                let problem = words[4].to_owned();
                let longest = words.get(5).map_or(LONGEST_HOLD, |minutes| {
                    SignedDuration::from_mins(minutes.parse().unwrap())
                });
                set(Target::Value(number(3)), Term::While { problem, longest })
            }
            "ramp" => {
                let duration = SignedDuration::from_mins(later(4));
                let to = number(3);
                set(Target::Ramp { to, duration }, Term::Stays)
            }
            "confirm" => Event::Confirm,
            "stop" => Event::Stop,
            "unlock" => Event::Unlock,
            "abort" => Event::Abort(Aborted {
                wanted: words[3].to_owned(),
                because: Because::NotTold,
            }),
            "tick" => Event::Tick,
            "closed" => Event::Closed {
                problem: words[3].to_owned(),
            },
            "recovery" => Event::Recovery {
                problem: words[3].to_owned(),
            },
            "back" => Event::TakeBack {
                change: format!("c{}", words[3]),
                began: words
                    .get(4)
                    .map(|minute| self::minute(minute.parse().unwrap())),
            },
            other => panic!("{other}"),
        };
        let kind = match words[1].as_bytes()[0] {
            b'@' => AuthorKind::Machine,
            b'!' => AuthorKind::Rule,
            b'*' => AuthorKind::Clock,
            _ => AuthorKind::Person,
        };
        let request = Request {
            change: format!("c{now}"),
            batch: None,
            by: Author {
                name: words[1].to_owned(),
                kind,
            },
            why: "a test".to_owned(),
            triggered_by: "manual".to_owned(),
            problem: None,
            expected: words
                .last()
                .unwrap()
                .strip_prefix('@')
                .map(|version| version.parse().unwrap_or(99)),
        };
        let situation = Situation {
            set: "prod",
            flag: &self.flag,
            state: &self.state,
            now: minute(now),
        };
        match step(situation, &request, &event) {
            Outcome::Written(transition) => {
                let told: Vec<String> = transition
                    .entries
                    .iter()
                    .map(|entry| line(&entry.record, minute(now)))
                    .collect();
                self.state = transition.state;
                self.entries.extend(transition.entries);
                told.join(", ")
            }
            Outcome::Unchanged => "unchanged".to_owned(),
            Outcome::Deferred => "deferred".to_owned(),
            Outcome::NotHeld(None) => "not held".to_owned(),
            Outcome::NotHeld(Some(since)) => format!("not held, {}", since.by.name),
            Outcome::AlreadyBack => "already back".to_owned(),
            Outcome::Refused(refusal) => format!("refused: {refusal}"),
        }
    }
}

fn line(record: &Record, now: Timestamp) -> String {
    let minutes = |at: Timestamp| at.duration_since(minute(0)).as_secs() / 60;
    let cause = match &record.cause {
        Cause::Superseded(since) => format!("Superseded({})", since.by.name),
        Cause::Aborted(aborted) => format!("Aborted({})", aborted.wanted),
        other => format!("{other:?}"),
    };
    let mut line = format!("{cause} {}->{}", record.before, record.after);
    if record.at != now {
        write!(line, " at {}", minutes(record.at)).unwrap();
    } else if record.by.kind == AuthorKind::Clock && record.why == "by the clock" {
        line += " by the clock";
    }
    if let Some(ends) = record.ends {
        write!(line, " until {}", minutes(ends)).unwrap();
    }
    line
}

//! Each row of the table as a case, and walks that end.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use monspec::Verdict;

use super::*;
use crate::approval::Answer;
use crate::execution::ExecutionMode;
use crate::outbox::Entry;
use crate::validation::{Ending, Judged, Registrant, Registration, ValidationId};
use crate::window::Window;

/// The file that the table is in.
const TABLE: &str = include_str!("../life.rs");

#[test]
fn every_row_is_a_case_and_goes_as_the_table_says() {
    let seen = |approval: Part, result: Part| Seen {
        approval,
        result,
        ..Seen::default()
    };
    let waits = |what: &str| Part::Waits(Wait::for_(what));
    let nothing = Seen::default;
    let unmeasured = Seen {
        window: waits("a number"),
        ..nothing()
    };
    let posted = || validation(judged(Progress::Owed), Hook::Delivered);
    let owed = || validation(judged(Progress::Owed), Hook::Owed);
    let settled = || validation(judged(Progress::Settled(superseded())), Hook::Owed);
    let unjudged = |hook| validation(State::Unjudged(superseded()), hook);
    let waiting = || validation(State::Waiting, Hook::Owed);
    let cases = vec![
        ("judge", waiting(), nothing(), "judge"),
        ("unmeasured", waiting(), unmeasured, "waits for a number"),
        ("answer", owed(), nothing(), "answer"),
        ("answer", posted(), nothing(), "answer"),
        ("post", owed(), seen(Part::Done, Part::Unseen), "post"),
        (
            "post",
            owed(),
            seen(waits("a person"), Part::Unseen),
            "post",
        ),
        ("superseded", settled(), nothing(), "post"),
        ("no-result", unjudged(Hook::Owed), nothing(), "no result"),
        (
            "waits",
            posted(),
            seen(waits("a person"), Part::Done),
            "waits for a person",
        ),
        (
            "waits",
            owed(),
            seen(waits("a person"), waits("the receiver")),
            "waits for a person",
        ),
        (
            "undelivered",
            owed(),
            seen(Part::Done, waits("the receiver")),
            "waits for the receiver",
        ),
        (
            "undelivered",
            settled(),
            seen(Part::Unseen, waits("the receiver")),
            "waits for the receiver",
        ),
        ("done", posted(), seen(Part::Done, Part::Unseen), "done"),
        ("done", unjudged(Hook::GivenUp), nothing(), "done"),
    ];
    let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
    for (row, mut validation, looked, expected) in cases {
        assert_eq!(told(&next(&mut validation, &looked)), expected, "{row}");
    }

    let rows: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .filter(|row| !row.starts_with("over."))
        .collect();
    assert_eq!(named, rows);
}

#[test]
fn every_row_of_a_time_that_is_over_is_a_case() {
    let gave_up = || Ending::GaveUp {
        waiting_for: "a number".to_owned(),
    };
    let owed = || judged(Progress::Owed);
    let gave_up_judged = || judged(Progress::Ended(gave_up()));
    let rejected = || {
        judged(Progress::Ended(Ending::Answered {
            answer: Answer::Reject,
            action_execution: "run-1".to_owned(),
            overridden: None,
        }))
    };
    let superseded = || State::Unjudged(superseded());
    let gone = Hook::GivenUp;
    let cases = [
        (
            "over.unended",
            (State::Waiting, Hook::None),
            (State::Unjudged(gave_up()), Hook::None),
        ),
        (
            "over.unended",
            (owed(), Hook::Delivered),
            (gave_up_judged(), Hook::Delivered),
        ),
        (
            "over.undelivered",
            (State::Waiting, Hook::Owed),
            (State::Unjudged(gave_up()), gone),
        ),
        (
            "over.undelivered",
            (owed(), Hook::Owed),
            (gave_up_judged(), gone),
        ),
        (
            "over.undelivered",
            (rejected(), Hook::Owed),
            (rejected(), gone),
        ),
        (
            "over.undelivered",
            (superseded(), Hook::Owed),
            (superseded(), gone),
        ),
    ];
    let after = |(state, hook)| {
        let mut validation = validation(state, hook);
        validation.give_up("a number".to_owned());
        let hook = validation.hook();
        (validation.state, hook)
    };
    let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
    for (row, before, expected) in cases {
        assert_eq!(after(before), expected, "{row}");
    }

    let nothing = after((rejected(), Hook::Delivered));
    assert_eq!(nothing, (rejected(), Hook::Delivered));
    let rows: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .filter(|row| row.starts_with("over."))
        .collect();
    assert_eq!(named, rows);
}

#[test]
fn every_look_comes_to_an_end_and_does_each_thing_once() {
    let states = [
        State::Waiting,
        State::Unjudged(superseded()),
        judged(Progress::Owed),
        judged(Progress::Ended(Ending::NothingToAnswer)),
        judged(Progress::Settled(superseded())),
    ];
    for state in states {
        for hook in [Hook::None, Hook::Owed, Hook::Delivered, Hook::GivenUp] {
            let mut validation = validation(state.clone(), hook);
            let mut looked = Seen::default();
            let mut done = Vec::new();
            loop {
                let step = next(&mut validation, &looked);
                let word = told(&step);
                assert!(!done.contains(&word), "{word} again after {done:?}");
                match step {
                    Next::Judge => validation.state = judged(Progress::Owed),
                    Next::Answer(_) => looked.approval = Part::Done,
                    Next::Post(_) => looked.result = Part::Waits(Wait::for_("the receiver")),
                    Next::NoResult => validation.result = result(Hook::GivenUp),
                    Next::End(_) => break,
                }
                done.push(word);
            }
        }
    }
}

/// A step in words.
fn told(next: &Next<'_>) -> String {
    match next {
        Next::Judge => "judge".to_owned(),
        Next::Answer(_) => "answer".to_owned(),
        Next::Post(_) => "post".to_owned(),
        Next::NoResult => "no result".to_owned(),
        Next::End(Outcome::Done) => "done".to_owned(),
        Next::End(outcome) => format!("waits for {}", outcome.in_words()),
    }
}

fn validation(state: State, hook: Hook) -> Validation {
    Validation {
        state,
        result: result(hook),
        ..Validation::registered(registration(Timestamp::UNIX_EPOCH))
    }
}

/// The result of which this became.
fn result(hook: Hook) -> Option<Entry> {
    let owed = || Entry::new("1".to_owned(), Timestamp::UNIX_EPOCH);
    match hook {
        Hook::None => None,
        Hook::Owed => Some(owed()),
        Hook::Delivered => Some(Entry {
            posted: Some(Timestamp::UNIX_EPOCH),
            ..owed()
        }),
        Hook::GivenUp => Some(Entry {
            given_up: Some("no".to_owned()),
            ..owed()
        }),
    }
}

fn judged(progress: Progress) -> State {
    let judgement = Judgement {
        verdict: Verdict::Passed,
        answer: Answer::Approve,
        summary: String::new(),
        at: Timestamp::UNIX_EPOCH,
    };
    State::Judged(Judged {
        progress,
        ..Judged::new(judgement, None)
    })
}

fn superseded() -> Ending {
    Ending::Superseded {
        by: ValidationId::new(Timestamp::UNIX_EPOCH, [1; 10]),
    }
}

fn registration(at: Timestamp) -> Registration {
    Registration {
        id: ValidationId::new(at, [0; 10]),
        pipeline: "Shop".to_owned(),
        execution: None,
        mode: ExecutionMode::Superseded,
        registrant: Registrant::Direct,
        comparison: "StagingToProduction".to_owned(),
        environments: Vec::new(),
        window: Window { start: at, end: at },
        approval: None,
        spec: String::new(),
        sources: Vec::new(),
        version: "1".to_owned(),
        deployments: Vec::new(),
        untaught: None,
        source_groups: Vec::new(),
        otherwise: Vec::new(),
        compare_groups: Vec::new(),
        compared: BTreeMap::new(),
        result_hook: None,
        registered_at: at,
        due_at: at,
        give_up_at: at,
        expires_at: at,
    }
}

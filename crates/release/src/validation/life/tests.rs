//! Each row of the table as a case, and walks that end.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use monspec::Verdict;

use super::*;
use crate::approval::Answer;
use crate::execution::ExecutionMode;
use crate::validation::{
    Ending, Judgement, Registrant, Registration, Unfulfilled, ValidationId, Wish,
};
use crate::window::Window;

/// The file that the table is in.
const TABLE: &str = include_str!("../life.rs");

#[test]
fn every_row_is_a_case_and_goes_as_the_table_says() {
    let seen = |approval: Part, result: Part| Looked {
        approval,
        result,
        ..Looked::default()
    };
    let waits = |what: &str| Part::Waits(Wait::for_(what));
    let ends = |what: &str| Next::End(Outcome::Waits(vec![Wait::for_(what)]));
    let nothing = Looked::default;
    let unmeasured = Looked {
        window: waits("a number"),
        ..nothing()
    };
    let posted = || validation(Phase::Judged, true, Hook::Delivered);
    let owed = |phase| validation(phase, true, Hook::Owed);
    let waiting = || validation(Phase::Waiting, false, Hook::Owed);
    let cases = vec![
        ("judge", waiting(), nothing(), Next::Judge),
        ("unmeasured", waiting(), unmeasured, ends("a number")),
        ("answer", owed(Phase::Judged), nothing(), Next::Answer),
        ("answer", posted(), nothing(), Next::Answer),
        (
            "post",
            owed(Phase::Judged),
            seen(Part::Done, Part::Unseen),
            Next::Post,
        ),
        (
            "post",
            owed(Phase::Judged),
            seen(waits("a person"), Part::Unseen),
            Next::Post,
        ),
        ("superseded", owed(Phase::Settled), nothing(), Next::Post),
        (
            "no-result",
            validation(Phase::Settled, false, Hook::Owed),
            nothing(),
            Next::NoResult,
        ),
        (
            "waits",
            posted(),
            seen(waits("a person"), Part::Done),
            ends("a person"),
        ),
        (
            "waits",
            owed(Phase::Judged),
            seen(waits("a person"), waits("the receiver")),
            ends("a person"),
        ),
        (
            "undelivered",
            owed(Phase::Judged),
            seen(Part::Done, waits("the receiver")),
            ends("the receiver"),
        ),
        (
            "undelivered",
            owed(Phase::Settled),
            seen(Part::Unseen, waits("the receiver")),
            ends("the receiver"),
        ),
        (
            "done",
            posted(),
            seen(Part::Done, Part::Unseen),
            Next::End(Outcome::Done),
        ),
        (
            "done",
            validation(Phase::Settled, false, Hook::GivenUp),
            nothing(),
            Next::End(Outcome::Done),
        ),
    ];
    for (row, validation, looked, expected) in &cases {
        assert_eq!(next(validation, looked), *expected, "{row}");
    }

    let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
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
    let written = |ending, hook| GivenUp { ending, hook };
    let ended = |hook| {
        let mut validation = validation(Phase::Judged, true, hook);
        validation.ending = Some(Ending::NothingToAnswer);
        validation
    };
    let cases = [
        (
            "over.unended",
            validation(Phase::Waiting, false, Hook::None),
            written(Some(gave_up()), None),
        ),
        (
            "over.unended",
            validation(Phase::Judged, true, Hook::Delivered),
            written(Some(gave_up()), None),
        ),
        (
            "over.undelivered",
            validation(Phase::Judged, true, Hook::Owed),
            written(Some(gave_up()), Some(Hook::GivenUp)),
        ),
        (
            "over.undelivered",
            ended(Hook::Owed),
            written(None, Some(Hook::GivenUp)),
        ),
    ];
    for (row, validation, expected) in &cases {
        assert_eq!(
            given_up(validation, "a number".to_owned()),
            *expected,
            "{row}"
        );
    }

    let nothing = given_up(&ended(Hook::Delivered), "a number".to_owned());
    assert_eq!(nothing, written(None, None));
    let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
    let rows: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .filter(|row| row.starts_with("over."))
        .collect();
    assert_eq!(named, rows);
}

#[test]
fn every_look_comes_to_an_end_and_does_each_thing_once() {
    for phase in [Phase::Waiting, Phase::Judged, Phase::Settled] {
        for hook in [Hook::None, Hook::Owed, Hook::Delivered, Hook::GivenUp] {
            let mut validation = validation(phase, phase != Phase::Waiting, hook);
            let mut looked = Looked::default();
            let mut done = Vec::new();
            loop {
                let step = next(&validation, &looked);
                assert!(!done.contains(&step), "{step:?} again after {done:?}");
                match &step {
                    Next::Judge => {
                        validation.judgement = Some(judgement());
                        validation.phase = Phase::Judged;
                    }
                    Next::Answer => looked.approval = Part::Done,
                    Next::Post => looked.result = Part::Waits(Wait::for_("the receiver")),
                    Next::NoResult => validation.hook = Hook::GivenUp,
                    Next::End(_) => break,
                }
                done.push(step);
            }
        }
    }
}

fn validation(phase: Phase, judged: bool, hook: Hook) -> Validation {
    let mut validation = Validation::registered(registration(Timestamp::UNIX_EPOCH));
    validation.phase = phase;
    validation.judgement = judged.then(judgement);
    validation.hook = hook;
    validation
}

fn judgement() -> Judgement {
    Judgement {
        verdict: Verdict::Passed,
        answer: Answer::Approve,
        summary: String::new(),
        at: Timestamp::UNIX_EPOCH,
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

#[test]
fn what_gave_up_before_it_was_judged_may_be_judged_again() {
    let mut gave_up = validation(Phase::Waiting, false, Hook::GivenUp);
    assert_eq!(gave_up.may(Wish::Rejudge), Err(Unfulfilled::NotJudged));

    gave_up.ending = Some(Ending::GaveUp {
        waiting_for: "a number".to_owned(),
    });

    assert_eq!(gave_up.may(Wish::Rejudge), Ok(()));
    assert_eq!(gave_up.may(Wish::Release), Err(Unfulfilled::NotJudged));
}

//! Laws that hold whatever happens to a flag.

use proptest::prelude::*;

use super::tests::{minute, percent};
use super::*;
use crate::audit::verify;
use crate::state::End;

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        (0_i64..=100).prop_map(|value| Target::Value(Value::Integer(value))),
        (0_i64..=2).prop_map(|value| Target::Value(Value::Integer(value))),
        (0_i64..=100, 0_i64..100).prop_map(|(to, minutes)| Target::Ramp {
            to: Value::Integer(to),
            duration: SignedDuration::from_mins(minutes),
        }),
        (0_i64..=100, 0_i64..100).prop_map(|(to, minutes)| Target::Steps(vec![
            (SignedDuration::ZERO, Value::Integer(to / 2)),
            (SignedDuration::from_mins(minutes + 1), Value::Integer(to)),
        ])),
    ]
}

fn held(problem: String) -> Term {
    Term::While {
        problem,
        longest: LONGEST_HOLD,
    }
}

fn problem() -> impl Strategy<Value = String> {
    (1..4).prop_map(|number| format!("P{number}"))
}

/// An event, whose moments are relative to its own.
fn event() -> impl Strategy<Value = Event> {
    let set = |to, term| Event::Set { to, term };
    prop_oneof![
        3 => target().prop_map(move |to| set(to, Term::Stays)),
        3 => (target(), 1_i64..3_000).prop_map(move |(to, until)| set(to, Term::Until(minute(until)))),
        3 => (target(), problem()).prop_map(move |(to, problem)| set(to, held(problem))),
        2 => problem().prop_map(|problem| Event::Closed { problem }),
        1 => problem().prop_map(|problem| Event::Recovery { problem }),
        1 => (0_usize..40).prop_map(|change| Event::TakeBack { change: format!("c{change}"), began: None }),
        1 => Just(Event::Confirm),
        1 => Just(Event::Stop),
        1 => Just(Event::Unlock),
        1 => Just(Event::Tick),
    ]
}

fn kind() -> impl Strategy<Value = AuthorKind> {
    proptest::sample::select(vec![
        AuthorKind::Person,
        AuthorKind::Machine,
        AuthorKind::Rule,
    ])
}

/// Events with who makes them and how many minutes after the one before.
fn story() -> impl Strategy<Value = Vec<(i64, AuthorKind, Event)>> {
    proptest::collection::vec((0_i64..120, kind(), event()), 1..40)
}

fn request(index: usize, kind: AuthorKind) -> Request {
    Request {
        change: format!("c{index}"),
        batch: None,
        by: Author {
            name: format!("{kind:?}"),
            kind,
        },
        why: "a law".to_owned(),
        triggered_by: "manual".to_owned(),
        problem: None,
        expected: None,
    }
}

fn at<'a>(flag: &'a Declaration, state: &'a State, now: Timestamp) -> Situation<'a> {
    Situation {
        set: "prod",
        flag,
        state,
        now,
    }
}

/// The state after the clock wrote down everything until `now`.
fn ticked(flag: &Declaration, state: &State, now: Timestamp) -> State {
    match step(
        at(flag, state, now),
        &request(99, AuthorKind::Clock),
        &Event::Tick,
    ) {
        Outcome::Written(transition) => transition.state,
        _ => state.clone(),
    }
}

proptest! {
    #[test]
    fn nothing_gets_lost_and_reading_needs_no_timer(story in story()) {
        let flag = percent();
        let (mut state, mut entries, mut now) = (State::default(), Vec::<Entry>::new(), 0);
        for (index, (pause, kind, event)) in story.into_iter().enumerate() {
            now += pause;
            let moment = minute(now);

            // What holds does not depend on whether the timer came.
            let written = ticked(&flag, &state, moment);
            prop_assert_eq!(written.value(&flag, moment), state.value(&flag, moment));
            prop_assert!(!written.is_overdue(moment));

            let event = match event {
                Event::Set { to, term: Term::Until(until) } => {
                    let until = later(until, SignedDuration::from_mins(now));
                    Event::Set { to, term: Term::Until(until) }
                }
                other => other,
            };
            let before = state.value(&flag, moment);
            let outcome = step(at(&flag, &state, moment), &request(index, kind), &event);
            if let Outcome::Written(transition) = outcome {
                state = transition.state;
                entries.extend(transition.entries);
                let record = &entries.last().unwrap().record;
                // A change begins from what held; nothing jumps.
                if record.change == format!("c{index}") && record.cause.competes() {
                    prop_assert_eq!(&record.before, &before);
                    let is_even = matches!(event, Event::Set { to: Target::Ramp { .. }, .. });
                    if record.cause == Cause::RampStarted && is_even {
                        prop_assert_eq!(state.value(&flag, moment), before);
                    }
                }
                if record.cause != Cause::RampStarted {
                    prop_assert_eq!(&state.value(&flag, record.at), &record.after);
                }
            } else {
                prop_assert_eq!(state.value(&flag, moment), before);
            }
            prop_assert!(state.assignments.len() <= 40, "{}", state.assignments.len());
            prop_assert!(flag.bounds.admit(&state.value(&flag, moment)).is_ok());
        }
        prop_assert!(verify(&entries).is_ok());
        prop_assert_eq!(entries.len() as u64, state.version);
    }

    /// What is given back or taken back never overwrites what a person said later.
    #[test]
    fn words_of_persons_stay(story in story(), value in 0_i64..=100, after in story()) {
        let flag = percent();
        let (mut state, mut now) = (State::default(), 0);
        let mut index = 0;
        let mut play = |state: &mut State, now: i64, kind, event: &Event| {
            let done = step(at(&flag, state, minute(now)), &request(index, kind), event);
            index += 1;
            if let Outcome::Written(transition) = done {
                *state = transition.state;
            }
        };
        for (pause, kind, event) in story {
            now += pause;
            play(&mut state, now, kind, &event);
        }
        now += 60;
        let assignment = Event::Set { to: Target::Value(Value::Integer(value)), term: Term::Stays };
        play(&mut state, now, AuthorKind::Person, &assignment);
        prop_assume!(state.assignment(minute(now)).is_some_and(|assignment| assignment.by.kind == AuthorKind::Person && assignment.end == End::Never));
        let persons = state.assignment(minute(now)).unwrap().change.clone();
        for (pause, kind, event) in after {
            now += pause;
            let takes_back_the_word = matches!(&event, Event::TakeBack { change, .. } if *change == persons);
            let gives_back = matches!(event, Event::Closed { .. } | Event::TakeBack { .. } | Event::Recovery { .. } | Event::Tick);
            if gives_back && !takes_back_the_word {
                play(&mut state, now, kind, &event);
                prop_assert_eq!(state.value(&flag, minute(now)), Value::Integer(value));
            }
        }
    }

    /// What is given back or taken back leaves no trace in the value: it is what it
    /// would be if nothing had happened, but that what moved has stopped.
    #[test]
    fn what_is_taken_back_leaves_no_trace(
        story in story(), kind in 0_usize..3, value in 0_i64..=100, lasts in 1_i64..200, after in 0_i64..2_000,
    ) {
        let flag = percent();
        let play = |state: &State, now: i64, change: usize, event: &Event| {
            let written = step(at(&flag, state, minute(now)), &request(change, AuthorKind::Person), event);
            match written {
                Outcome::Written(transition) => Some(transition.state),
                _ => None,
            }
        };
        let (mut state, mut now) = (State::default(), 0);
        for (index, (pause, kind, event)) in story.into_iter().enumerate() {
            now += pause;
            if let Outcome::Written(transition) = step(at(&flag, &state, minute(now)), &request(index, kind), &event) {
                state = transition.state;
            }
        }
        // What the story did in a hurry must be no reason to refuse.
        state.recent.clear();
        let untouched = play(&state, now, 100, &Event::Stop).unwrap_or_else(|| state.clone());
        let on_hold = ticked(&flag, &state, minute(now)).assignments.last().is_some_and(|assignment| matches!(assignment.end, End::Holds(_)));
        // Another problem would hold what is held already.
        let kind = if on_hold { kind.max(1) } else { kind };

        let to = Target::Value(Value::Integer(value));
        let term = match kind {
            0 => held("P9".to_owned()),
            1 => Term::Stays,
            _ => Term::Until(minute(now + 10_000)),
        };
        let done = play(&state, now, 101, &Event::Set { to, term });
        // The same for longer is no change of the value, and no word of its own.
        let is_word = |state: &State| state.assignments.iter().any(|assignment| assignment.change == "c101");
        prop_assume!(done.as_ref().is_some_and(is_word));
        let undo = match kind {
            0 => Event::Closed { problem: "P9".to_owned() },
            _ => Event::TakeBack { change: "c101".to_owned(), began: None },
        };
        let undone = play(&done.unwrap(), now + lasts, 102, &undo);
        prop_assert!(undone.is_some());
        let undone = undone.unwrap();
        for moment in [now + lasts, now + lasts + after] {
            prop_assert_eq!(undone.value(&flag, minute(moment)), untouched.value(&flag, minute(moment)));
        }
    }
}

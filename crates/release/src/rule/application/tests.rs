//! Each row of the table as a case, and random walks that find no state without a
//! way on.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::condition::{Clause, Comparison, Condition};
use crate::rule::Action;

/// The file that the table is in.
const TABLE: &str = include_str!("../application.rs");

fn rule(restore: Restore) -> Rule {
    Rule {
        description: None,
        when: Condition::default(),
        action: Action::Preset("defensiveMode".to_owned()),
        ttl: None,
        restore,
        mode: Mode::Auto,
        max_per_day: 6,
    }
}

fn applying(restore: Restore) -> State {
    State::Applying {
        as_matched: Box::new(rule(restore)),
    }
}

fn became(became: Became) -> BTreeMap<String, Became> {
    [("cache".to_owned(), became)].into()
}

fn back(back: Back) -> BTreeMap<String, Back> {
    [("cache".to_owned(), back)].into()
}

fn holding() -> State {
    State::Holding {
        flags: became(Became::Already),
    }
}

const MAY: Allowed = Allowed {
    in_time: true,
    paused: false,
    mode: Mode::Auto,
};

const OPEN: Situation = Situation {
    heard: true,
    closed: false,
    allowed: MAY,
};
const PAUSED: Situation = Situation {
    allowed: Allowed {
        paused: true,
        ..MAY
    },
    ..OPEN
};
const LATE: Situation = Situation {
    allowed: Allowed {
        in_time: false,
        paused: true,
        ..MAY
    },
    ..OPEN
};
const OFF: Situation = Situation {
    allowed: Allowed {
        mode: Mode::Off,
        ..MAY
    },
    ..OPEN
};
const ONLY_TOLD: Situation = Situation {
    allowed: Allowed {
        mode: Mode::Shadow,
        ..MAY
    },
    ..OPEN
};
const SILENT: Situation = Situation {
    heard: false,
    closed: false,
    allowed: MAY,
};
const CLOSED: Situation = Situation {
    heard: true,
    closed: true,
    allowed: MAY,
};
const CLOSED_BY_WORD: Situation = Situation {
    heard: false,
    closed: true,
    allowed: LATE.allowed,
};

fn of(state: State) -> Application {
    Application {
        rule: "defensive".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        state,
    }
}

fn goes(state: State, situation: Situation, observed: &Observed) -> String {
    match step(&of(state), situation, observed) {
        Step::Call(Call::Set) => "set".to_owned(),
        Step::Call(Call::Look) => "look".to_owned(),
        Step::Call(Call::GiveBack) => "give back".to_owned(),
        Step::Write(state) => state.word().to_owned(),
        Step::Wait(wait) => format!("wait: {}", wait.waiting_for),
        Step::Rest => "rest".to_owned(),
        Step::Ask(never) => match never {},
    }
}

fn begins(answer: Answer<'_>, allowed: Allowed) -> String {
    let rule = rule(Restore::OnClose);
    match begin("defensive", &rule, answer, allowed, Timestamp::UNIX_EPOCH) {
        Begin::Late => "late".to_owned(),
        Begin::Differs(checked) => checked.to_string(),
        Begin::Ask(metric) => format!("ask {}", metric.selector),
        Begin::Paused => "paused".to_owned(),
        Begin::Write(application) => application.state.word().to_owned(),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn every_row_is_a_case_and_goes_as_the_table_says() {
    let differs = || {
        Answer::Differs(Checked {
            clause: Clause::MinServices,
            wants: "at least 2".to_owned(),
            found: "1".to_owned(),
            holds: Some(false),
        })
    };
    let metric = Metric {
        selector: "errors".to_owned(),
        op: Comparison::Above,
        value: 5.0,
        window: SignedDuration::from_mins(5),
        entity_type: "SERVICE".to_owned(),
    };
    let nothing = Observed::default();
    let set = |set| Observed {
        set: Some(set),
        back: None,
    };
    let done = |one| set(Set::Done(became(one)));
    let none = set(Set::Done(BTreeMap::new()));
    let refused = set(Set::Refused("the rule was followed too often".to_owned()));
    let taken = Became::Taken {
        by: "other".to_owned(),
    };
    let returned = Observed {
        set: None,
        back: Some(back(Back::Gone)),
    };
    let cases = [
        (
            "none.late",
            begins(
                Answer::Holds,
                Allowed {
                    in_time: false,
                    ..MAY
                },
            ),
            "late",
        ),
        (
            "none.late",
            begins(
                Answer::Holds,
                Allowed {
                    mode: Mode::Off,
                    ..MAY
                },
            ),
            "late",
        ),
        (
            "none.differs",
            begins(differs(), MAY),
            "`minServices` wants at least 2, found 1",
        ),
        ("none.ask", begins(Answer::Ask(&metric), MAY), "ask errors"),
        (
            "none.paused",
            begins(
                Answer::Holds,
                Allowed {
                    paused: true,
                    ..MAY
                },
            ),
            "paused",
        ),
        (
            "none.shadow",
            begins(
                Answer::Holds,
                Allowed {
                    mode: Mode::Shadow,
                    paused: true,
                    ..MAY
                },
            ),
            "shadowed",
        ),
        ("none.matches", begins(Answer::Holds, MAY), "applying"),
        (
            "applying.unheard",
            goes(applying(Restore::OnClose), SILENT, &nothing),
            "wait: the tenant to know the problem",
        ),
        (
            "applying.set",
            goes(applying(Restore::OnClose), OPEN, &nothing),
            "set",
        ),
        (
            "applying.disallowed",
            goes(applying(Restore::OnClose), PAUSED, &nothing),
            "look",
        ),
        (
            "applying.disallowed",
            goes(applying(Restore::OnClose), LATE, &nothing),
            "look",
        ),
        (
            "applying.disallowed",
            goes(applying(Restore::OnClose), OFF, &nothing),
            "look",
        ),
        (
            "applying.disallowed",
            goes(applying(Restore::OnClose), ONLY_TOLD, &nothing),
            "look",
        ),
        (
            "applying.paused",
            goes(applying(Restore::OnClose), PAUSED, &none),
            "wait: changes to be allowed",
        ),
        (
            "applying.dropped",
            goes(applying(Restore::OnClose), LATE, &none),
            "notNeeded",
        ),
        (
            "applying.dropped",
            goes(applying(Restore::OnClose), OFF, &none),
            "notNeeded",
        ),
        (
            "applying.dropped",
            goes(applying(Restore::OnClose), ONLY_TOLD, &none),
            "notNeeded",
        ),
        (
            "applying.held",
            goes(applying(Restore::OnClose), PAUSED, &done(Became::Already)),
            "holding",
        ),
        (
            "applying.held",
            goes(applying(Restore::OnClose), LATE, &done(Became::Already)),
            "holding",
        ),
        (
            "applying.held",
            goes(applying(Restore::OnClose), OFF, &done(Became::Already)),
            "holding",
        ),
        (
            "applying.held",
            goes(applying(Restore::OnClose), OPEN, &done(Became::Already)),
            "holding",
        ),
        (
            "applying.kept",
            goes(applying(Restore::Never), OPEN, &done(Became::Already)),
            "kept",
        ),
        (
            "applying.nothing",
            goes(applying(Restore::OnClose), OPEN, &done(Became::Blamed)),
            "notNeeded",
        ),
        (
            "applying.nothing",
            goes(applying(Restore::Never), OPEN, &done(taken)),
            "notNeeded",
        ),
        (
            "applying.refused",
            goes(applying(Restore::OnClose), OPEN, &refused),
            "refused",
        ),
        (
            "applying.closed",
            goes(applying(Restore::OnClose), CLOSED, &nothing),
            "look",
        ),
        (
            "applying.closed",
            goes(applying(Restore::OnClose), CLOSED_BY_WORD, &nothing),
            "look",
        ),
        (
            "applying.in-vain",
            goes(applying(Restore::OnClose), CLOSED, &none),
            "notNeeded",
        ),
        (
            "holding.open",
            goes(holding(), OPEN, &nothing),
            "wait: the problem to close",
        ),
        (
            "holding.open",
            goes(holding(), SILENT, &nothing),
            "wait: the problem to close",
        ),
        (
            "holding.close",
            goes(holding(), CLOSED, &nothing),
            "give back",
        ),
        (
            "holding.close",
            goes(holding(), CLOSED_BY_WORD, &nothing),
            "give back",
        ),
        ("holding.over", goes(holding(), CLOSED, &returned), "ended"),
        ("ended", goes(State::Shadowed, CLOSED, &nothing), "rest"),
        (
            "gave-up.applying",
            given_up(applying(Restore::OnClose)),
            "gaveUp",
        ),
        ("gave-up.holding", given_up(holding()), "gaveUp"),
    ];
    for (row, goes, expected) in &cases {
        assert_eq!(goes, expected, "{row}");
    }

    let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
    let rows: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .collect();
    assert_eq!(named, rows);
}

fn given_up(state: State) -> String {
    give_up(&of(state))
        .map_or("nothing", |state| state.word())
        .to_owned()
}

/// Whatever can be found, with whatever can become of calls.
fn look() -> impl Strategy<Value = (Situation, Set, Back)> {
    let situation = proptest::sample::select(vec![
        OPEN,
        PAUSED,
        LATE,
        OFF,
        ONLY_TOLD,
        SILENT,
        CLOSED,
        CLOSED_BY_WORD,
    ]);
    let set = proptest::sample::select(vec![
        Set::Done(BTreeMap::new()),
        Set::Done(became(Became::Already)),
        Set::Done(became(Became::Blamed)),
        Set::Refused("no".to_owned()),
    ]);
    let back = proptest::sample::select(vec![Back::Gone, Back::Shared, Back::Later]);
    (situation, set, back)
}

/// One look: how far it goes, and whether a flag was set in it.
fn looked_at(state: State, (situation, set, given): (Situation, Set, Back)) -> (State, bool) {
    let mut application = of(state);
    let mut observed = Observed::default();
    let mut has_set = false;
    for _ in 0..10 {
        match step(&application, situation, &observed) {
            Step::Call(Call::Set) => {
                has_set = true;
                observed.set = Some(set.clone());
            }
            Step::Call(Call::Look) => observed.set = Some(set.clone()),
            Step::Call(Call::GiveBack) => observed.back = Some(back(given.clone())),
            Step::Write(state) => {
                application.state = *state;
                observed = Observed::default();
            }
            Step::Wait(_) | Step::Rest => return (application.state, has_set),
            Step::Ask(never) => match never {},
        }
    }
    panic!("it goes in a circle: {application:?}");
}

proptest! {
    #[test]
    fn every_state_has_a_way_on(
        looks in proptest::collection::vec(look(), 0..20),
        restore in proptest::sample::select(Restore::ALL.to_vec()),
    ) {
        let mut state = applying(restore);
        for look in looks {
            let situation = look.0;
            let was_final = state.is_final();
            let (next, has_set) = looked_at(state.clone(), look);
            prop_assert!(!was_final || next == state, "what is final stays");
            prop_assert!(!has_set || situation == OPEN);
            state = next;
        }
        prop_assert!(give_up(&of(state.clone())).is_none_or(|end| end.is_final()));
        let last = (CLOSED, Set::Done(became(Became::Already)), Back::Gone);
        prop_assert!(looked_at(state, last).0.is_final());
    }
}

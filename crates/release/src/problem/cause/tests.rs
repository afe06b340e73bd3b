//! The rows `cause.…` and `begin.…` of the table in [`crate::remediation`], as
//! cases.

use std::collections::BTreeSet;

use super::*;
use crate::attribution::Doubt;
use crate::change::Change;
use crate::deployment::{Deployment, Group, Origin};
use crate::ledger::Effect;
use crate::problem::sample::{minute, problem, run};
use crate::remediation::{HealRefusal, State, begin};
use crate::runbook::{self, Move, Refusal};

/// The file that the table is in.
const TABLE: &str = include_str!("../../remediation.rs");

#[test]
fn every_row_of_a_cause_is_a_case_and_goes_as_the_table_says() {
    let [one, two] = [culprit("d-1"), culprit("d-2")];
    let ambiguous = Attribution::Ambiguous {
        newest: Box::new(two.clone()),
        older: Box::new(one.clone()),
        doubt: Doubt::Rounding,
    };
    let too_many = Attribution::TooManyPlaces(vec![one.clone(), two]);
    let blamed = Attribution::Culprits(vec![one.clone()]);
    let nothing = Attribution::Nothing;
    let given_up = Problem {
        give_up_at: minute(20),
        ..problem()
    };
    let closed = Problem {
        closed: Some(minute(11)),
        ..problem()
    };
    assert_eq!(
        conclude(&problem(), None, SignedDuration::ZERO, minute(99)),
        Conclusion::Ask
    );
    let conclusions = [
        ("cause.none-yet", Evidence::NotProduction, problem(), 30),
        (
            "cause.none-yet",
            Evidence::Attributed(&nothing),
            problem(),
            40,
        ),
        ("cause.none", Evidence::NotProduction, problem(), 41),
        ("cause.none", Evidence::Attributed(&nothing), problem(), 41),
        ("cause.none", Evidence::Attributed(&nothing), given_up, 20),
        (
            "cause.too-many",
            Evidence::Attributed(&too_many),
            problem(),
            11,
        ),
        (
            "cause.either",
            Evidence::Attributed(&ambiguous),
            problem(),
            11,
        ),
        ("cause.found", Evidence::Attributed(&blamed), problem(), 11),
        ("cause.found", Evidence::Attributed(&blamed), problem(), 99),
        ("cause.over", Evidence::Attributed(&blamed), closed, 11),
    ];
    let concluded = conclusions.map(|(row, evidence, problem, now)| {
        let max_age = SignedDuration::from_mins(30);
        (
            row,
            conclude(&problem, Some(evidence), max_age, minute(now)),
        )
    });
    let ids = |culprits: &[&str]| culprits.iter().map(|&id| id.to_owned()).collect();
    let tag = "an affected entity to get the tag of production";
    let announced = "a deployment to be announced";
    let expected = [
        Conclusion::NotYet(tag),
        Conclusion::NotYet(announced),
        Conclusion::Nothing(Cause::NotProduction),
        Conclusion::Nothing(Cause::NothingChanged),
        Conclusion::Nothing(Cause::NothingChanged),
        Conclusion::Nothing(Cause::TooManyPlaces { places: 2 }),
        Conclusion::Nothing(Cause::Ambiguous {
            changes: ids(&["d-2", "d-1"]),
        }),
        Conclusion::Blamed(vec![one.clone()]),
        Conclusion::Blamed(vec![one]),
        Conclusion::Nothing(Cause::Over),
    ];
    for ((row, concluded), expected) in concluded.iter().zip(&expected) {
        assert_eq!(concluded, expected, "{row}");
    }

    let mut named: BTreeSet<&str> = concluded.iter().map(|(row, _)| *row).collect();
    named.insert(AGAIN);
    assert_eq!(named, rows("cause."));
}

const AGAIN: &str = "cause.again";

#[test]
fn run_that_is_refused_has_the_cause_looked_for_again() {
    let after = |why: Refusal, closed: bool| {
        let mut problem = Problem {
            closed: closed.then(|| minute(12)),
            ..problem()
        };
        problem.blame(Vec::new(), vec![run()], None);
        let what = Move {
            state: Some(runbook::State::Refused { why }),
            ..Move::default()
        };
        problem.take_of_run(0, what.state.is_some(), |run| run.take(&what));
        problem.cause
    };
    let denied = Refusal::Denied {
        who: "ann".to_owned(),
    };

    assert_eq!(
        after(Refusal::SwitchedOff, false),
        Cause::Pending,
        "{AGAIN}"
    );
    assert_eq!(after(denied, false), Cause::Blamed, "{AGAIN}");
    assert_eq!(after(Refusal::SwitchedOff, true), Cause::Blamed, "{AGAIN}");
}

#[test]
fn every_row_of_a_beginning_is_a_case_and_goes_as_the_table_says() {
    let joined = State::Joined {
        problem: "P-2".to_owned(),
    };
    let refused = State::Refused(HealRefusal::HealOfHeal {
        deployment: "d-1".to_owned(),
    });
    let begun = [
        ("begin.free", Origin::Release, None, State::Attributed),
        (
            "begin.free",
            Origin::Release,
            Some("P-1"),
            State::Attributed,
        ),
        ("begin.held", Origin::Release, Some("P-2"), joined),
        ("begin.heal", Origin::Heal, None, refused.clone()),
        ("begin.heal", Origin::Heal, Some("P-2"), refused),
    ];
    for (row, origin, holder, expected) in &begun {
        let culprit = change("d-1", *origin);
        let (remediation, effect) = begin(&culprit, "P-1", holder.map(str::to_owned));
        assert_eq!(remediation.state, *expected, "{row}");
        let binds = *expected == State::Attributed;
        assert_eq!(remediation.holds, binds, "{row}");
        let blame = Effect::Blame { change: culprit };
        assert_eq!(effect, binds.then_some(blame), "{row}");
    }

    let named: BTreeSet<&str> = begun.iter().map(|(row, ..)| *row).collect();
    assert_eq!(named, rows("begin."));
}

fn rows(prefix: &str) -> BTreeSet<&'static str> {
    let rows = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next());
    rows.filter(|row| row.starts_with(prefix)).collect()
}

/// Noticed in minute 10.
fn culprit(id: &str) -> Culprit {
    Culprit {
        change: change(id, Origin::Release),
        at: minute(5),
    }
}

fn change(id: &str, origin: Origin) -> Change {
    Change::Deployment(Deployment {
        id: id.to_owned(),
        group: Group {
            application: "Shop".to_owned(),
            name: "Production".to_owned(),
        },
        at: minute(5),
        execution: None,
        version: id.to_owned(),
        identity: id.to_owned(),
        location: None,
        digest: None,
        origin,
    })
}

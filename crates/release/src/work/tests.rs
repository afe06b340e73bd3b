//! Each row of the table as a case.

use std::collections::BTreeSet;

use super::*;

/// The file that the table is in.
const TABLE: &str = include_str!("../work.rs");

const NOW: i64 = 1_000;

#[test]
fn every_row_is_a_case_and_goes_as_the_table_says() {
    let soon = || Wait {
        until: Some(at(NOW + 1)),
        ..Wait::for_("what is known")
    };
    let late = || Wait {
        until: Some(at(NOW + 900)),
        ..soon()
    };
    let any_time = || Wait::for_("whatever comes");
    let waits = Outcome::Waits;
    let again = |seconds, faults, waits| Disposition::Again {
        until: at(NOW + seconds),
        counts: Counts { faults, waits },
    };
    // It was looked at: three times it met a fault, twice it waited.
    let cases = [
        ("lost", Outcome::Lost, Time::Left, Disposition::Leave),
        ("lost", Outcome::Lost, Time::Over, Disposition::Leave),
        ("done", Outcome::Done, Time::Left, Disposition::Settle),
        ("done", Outcome::Done, Time::Over, Disposition::Settle),
        (
            "waits.known",
            waits(vec![soon()]),
            Time::Left,
            again(1, 0, 3),
        ),
        (
            "waits.known",
            waits(vec![late()]),
            Time::Left,
            again(900, 0, 3),
        ),
        (
            "waits",
            waits(vec![any_time()]),
            Time::Left,
            again(20, 0, 3),
        ),
        ("waits", waits(Vec::new()), Time::Left, again(20, 0, 3)),
        (
            "waits.several",
            waits(vec![any_time(), soon()]),
            Time::Left,
            again(1, 0, 3),
        ),
        (
            "waits.several",
            waits(vec![late(), any_time()]),
            Time::Left,
            again(20, 0, 3),
        ),
        ("fault", Outcome::Fault, Time::Left, again(40, 4, 2)),
        (
            "given-up.waits",
            waits(vec![soon()]),
            Time::Over,
            Disposition::GiveUp,
        ),
        (
            "given-up.waits",
            waits(Vec::new()),
            Time::Over,
            Disposition::GiveUp,
        ),
        (
            "given-up.fault",
            Outcome::Fault,
            Time::Over,
            Disposition::GiveUp,
        ),
    ];
    let counts = Counts {
        faults: 3,
        waits: 2,
    };
    for (row, outcome, time, expected) in &cases {
        let decided = disposition(outcome, counts, *time, at(NOW));
        assert_eq!(decided, *expected, "{row}: {outcome:?}");
    }

    let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
    let rows: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .collect();
    assert_eq!(named, rows);
}

#[test]
fn counts_never_overflow() {
    let most = Counts {
        faults: u32::MAX,
        waits: u32::MAX,
    };
    for outcome in [Outcome::Fault, Outcome::Waits(Vec::new())] {
        let Disposition::Again { until, counts } = disposition(&outcome, most, Time::Left, at(NOW))
        else {
            panic!("its time is left");
        };
        assert_eq!((until, counts.waits), (at(NOW + 300), u32::MAX));
    }
}

#[test]
fn backoff_grows_to_five_minutes_and_stays_there() {
    let seconds: Vec<i64> = (0..9).map(|looks| backoff(looks).as_secs()).collect();

    assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    assert_eq!(backoff(u32::MAX).as_secs(), 300);
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

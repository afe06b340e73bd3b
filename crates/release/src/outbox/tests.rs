//! Each row of the table as a case.

use std::collections::BTreeSet;

use super::*;

/// The file that the table is in.
const TABLE: &str = include_str!("../outbox.rs");

const WHY: Option<&str> = Some("no comments today");

type Case = (&'static str, Vec<Entry>, usize, Option<Vec<String>>, Next);

#[test]
fn every_row_is_a_case_and_goes_as_the_table_says() {
    // One was said, two are owed.
    let owed = || entries(&[true, false, false]);
    let said = |texts: &[&str]| Some(texts.iter().map(|&text| text.to_owned()).collect());
    let cases: [Case; 8] = [
        ("look", owed(), 2, None, Next::Look),
        (
            "found",
            owed(),
            2,
            said(&["other", "text 1\n"]),
            Next::Found(1),
        ),
        ("repeat", owed(), 2, said(&["text 2"]), Next::Say(1)),
        ("repeat", owed(), 3, said(&[]), Next::Say(1)),
        ("say", owed(), 1, None, Next::Say(1)),
        ("say", owed(), 0, None, Next::Say(1)),
        ("done", entries(&[true, true]), 2, None, Next::Done),
        ("done", Vec::new(), 0, None, Next::Done),
    ];
    for (row, entries, older, said, expected) in &cases {
        let decided = next(entries, *older, said.as_deref());
        assert_eq!(decided, *expected, "{row}");
    }

    let again = Failed::Again {
        attempts: 1,
        until: at(10),
    };
    let failures = [
        ("refused", Time::Left, again, [None, None, None]),
        ("given-up", Time::Over, Failed::GivenUp, [None, WHY, WHY]),
    ];
    for (row, time, expected, given_up) in &failures {
        let mut entries = owed();
        let decided = failed(&mut entries, "no comments today", *time, at(0));
        assert_eq!(decided, *expected, "{row}");
        let noted = entries.iter().map(|entry| entry.given_up.as_deref());
        assert_eq!(noted.collect::<Vec<_>>(), given_up, "{row}");
        let then = next(&entries, 3, Some(&[]));
        let is_over = *time == Time::Over;
        assert_eq!(then == Next::Done, is_over, "{row}");
    }

    let mut never = owed();
    give_up(&mut never, "no comments today");
    let noted = never.iter().map(|entry| entry.given_up.as_deref());
    assert_eq!(noted.collect::<Vec<_>>(), [None, WHY, WHY], "never");

    let rows = cases.iter().map(|(row, ..)| *row);
    let rows = rows.chain(failures.iter().map(|(row, ..)| *row));
    let named: BTreeSet<&str> = rows.chain(["never"]).collect();
    let rows: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .collect();
    assert_eq!(named, rows);
}

#[test]
fn pause_grows_with_the_attempts_of_the_entry_that_is_owed_first() {
    let mut entries = entries(&[true, false, false]);

    let pauses = [(); 3].map(|()| match failed(&mut entries, "busy", Time::Left, at(0)) {
        Failed::Again { attempts, until } => (attempts, until.as_second()),
        Failed::GivenUp => panic!("there is time"),
    });

    assert_eq!(pauses, [(1, 10), (2, 20), (3, 40)]);
    assert_eq!(entries[0].attempts, 0);
    assert_eq!(entries[2].attempts, 0, "it waits for its turn");
}

fn entries(posted: &[bool]) -> Vec<Entry> {
    let entries = posted.iter().zip(0..);
    entries
        .map(|(posted, number)| Entry {
            posted: posted.then(|| at(1)),
            ..Entry::new(format!("text {number}"), at(0))
        })
        .collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

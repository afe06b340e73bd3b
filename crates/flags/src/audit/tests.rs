use super::*;
use crate::state::AuthorKind;

fn history() -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for version in 1..=4_i64 {
        let record = Record {
            set: "prod".to_owned(),
            flag: "percent".to_owned(),
            version: version.unsigned_abs(),
            at: Timestamp::from_second(1_700_000_000 + version).unwrap(),
            cause: Cause::Changed,
            before: Value::Integer(version - 1),
            after: Value::Integer(version),
            ends: None,
            change: format!("c{version}"),
            batch: None,
            by: Author {
                name: "ann".to_owned(),
                kind: AuthorKind::Person,
            },
            why: "because".to_owned(),
            triggered_by: "manual".to_owned(),
            problem: None,
        };
        let previous = entries.last().map(|entry| entry.digest.clone());
        entries.push(Entry::seal(record, previous));
    }
    entries
}

#[test]
fn history_that_was_written_holds_and_so_does_a_part_of_it() {
    assert_eq!(verify(&history()), Ok(()));
    assert_eq!(verify(&history()[2..]), Ok(()));
    assert_eq!(verify(&[]), Ok(()));
}

#[test]
fn whatever_is_done_to_a_history_is_seen() {
    let altered = |alter: fn(&mut Vec<Entry>)| {
        let mut entries = history();
        alter(&mut entries);
        verify(&entries)
    };
    let value: fn(&mut Vec<Entry>) = |entries| entries[1].record.after = Value::Integer(9);
    let why: fn(&mut Vec<Entry>) = |entries| entries[1].record.why = "another".to_owned();
    let gone: fn(&mut Vec<Entry>) = |entries| drop(entries.remove(1));
    let first: fn(&mut Vec<Entry>) = |entries| {
        entries[0] = Entry::seal(entries[0].record.clone(), Some(entries[3].digest.clone()));
    };
    // Whoever may write can seal anew, and then the next entry does not continue it.
    let anew: fn(&mut Vec<Entry>) = |entries| {
        let mut record = entries[1].record.clone();
        record.after = Value::Integer(9);
        entries[1] = Entry::seal(record, Some(entries[0].digest.clone()));
    };
    assert_eq!(altered(value), Err(Broken::Altered(2)));
    assert_eq!(altered(why), Err(Broken::Altered(2)));
    assert_eq!(altered(gone), Err(Broken::Gap { after: 1, found: 3 }));
    assert_eq!(altered(first), Err(Broken::Unchained(1)));
    assert_eq!(altered(anew), Err(Broken::Unchained(3)));
}

/// What was written once must hold in all time to come.
#[test]
fn digest_of_an_entry_never_changes() {
    assert_eq!(
        history()[3].digest.to_string(),
        "7e65e2f167716746838873c0029f6a544f5287efb579d5e249b0b53b556ff1bb"
    );
}

#[test]
fn difference_names_what_differs() {
    let history = history();
    let lines: Vec<String> = diff(&history[0], &history[2])
        .iter()
        .map(Difference::to_string)
        .collect();
    assert_eq!(
        lines,
        [
            "version: 1 -> 3",
            "value: 1 -> 3",
            "at: 2023-11-14T22:13:21Z -> 2023-11-14T22:13:23Z",
        ]
    );
}

/// An entry of this cause that takes the value from the one to the other, with its
/// end in seconds.
fn entry(version: u64, cause: Cause, (before, after): (i64, i64), ends: Option<i64>) -> Entry {
    let mut record = history()[0].record.clone();
    record.version = version;
    record.cause = cause;
    (record.before, record.after) = (Value::Integer(before), Value::Integer(after));
    record.ends = ends.map(|ends| Timestamp::from_second(ends).unwrap());
    Entry::seal(record, None)
}

#[test]
fn change_tells_only_what_it_changed() {
    let aborted = Aborted {
        wanted: "9".to_owned(),
        because: Because::NotTold,
    };
    let since = Since {
        change: "c1".to_owned(),
        by: Author {
            name: "ann".to_owned(),
            kind: AuthorKind::Person,
        },
        at: Timestamp::UNIX_EPOCH,
    };
    let (ten, twenty) = ("1970-01-01T00:00:10Z", "1970-01-01T00:00:20Z");
    let set = (Cause::Changed, (1, 2), None);
    let lease = (Cause::Leased, (1, 2), Some(10));
    let ramp = (Cause::RampStarted, (2, 8), Some(10));
    let held = (Cause::Mitigated, (1, 2), Some(20));
    let moves = |to: &str| format!("moves to: {to}");
    let until = |to: String| format!("until: {to}");
    for (before, cause, values, ends, expected) in [
        (
            &set,
            Cause::Changed,
            (2, 3),
            None,
            vec!["value: 2 -> 3".to_owned()],
        ),
        // The default that was declared meanwhile is told as what it was changed from.
        (
            &set,
            Cause::Changed,
            (7, 3),
            None,
            vec!["value: 7 -> 3".to_owned()],
        ),
        (
            &set,
            Cause::Leased,
            (2, 3),
            Some(10),
            vec!["value: 2 -> 3".to_owned(), until(format!("- -> {ten}"))],
        ),
        (
            &lease,
            Cause::Extended,
            (2, 2),
            Some(20),
            vec![until(format!("{ten} -> {twenty}"))],
        ),
        (
            &lease,
            Cause::Confirmed,
            (2, 2),
            None,
            vec![until(format!("{ten} -> -"))],
        ),
        (
            &lease,
            Cause::LeaseEnded,
            (2, 1),
            None,
            vec!["value: 2 -> 1".to_owned(), until(format!("{ten} -> -"))],
        ),
        (&lease, Cause::EndedBelow, (2, 2), None, vec![]),
        (
            &set,
            Cause::RampStarted,
            (2, 8),
            Some(10),
            vec![moves(&format!("- -> 8 by {ten}"))],
        ),
        (
            &ramp,
            Cause::RampEnded,
            (2, 8),
            None,
            vec![
                "value: 2 -> 8".to_owned(),
                moves(&format!("8 by {ten} -> -")),
            ],
        ),
        (
            &ramp,
            Cause::RampStopped,
            (2, 5),
            Some(20),
            vec![
                "value: 2 -> 5".to_owned(),
                moves(&format!("8 by {ten} -> -")),
                until(format!("- -> {twenty}")),
            ],
        ),
        // It moves on.
        (&ramp, Cause::Confirmed, (4, 4), None, vec![]),
        (&ramp, Cause::EndedBelow, (4, 4), None, vec![]),
        (
            &set,
            Cause::Mitigated,
            (2, 0),
            Some(20),
            vec!["value: 2 -> 0".to_owned(), until(format!("- -> {twenty}"))],
        ),
        (&held, Cause::Joined, (2, 2), Some(20), vec![]),
        (&held, Cause::Released, (2, 2), Some(20), vec![]),
        (&held, Cause::Unlocked, (2, 2), None, vec![]),
        (&held, Cause::Aborted(aborted), (2, 2), Some(20), vec![]),
        (&set, Cause::Superseded(since), (2, 2), None, vec![]),
        (
            &held,
            Cause::GivenBack,
            (2, 1),
            None,
            vec!["value: 2 -> 1".to_owned(), until(format!("{twenty} -> -"))],
        ),
        (
            &set,
            Cause::TakenBack,
            (2, 1),
            None,
            vec!["value: 2 -> 1".to_owned()],
        ),
    ] {
        let name = format!("{} after {}", cause.word(), before.0.word());
        let before = entry(1, before.0.clone(), before.1, before.2);
        let after = entry(2, cause, values, ends);
        let lines = changed(Some(&before), &after);
        let lines: Vec<String> = lines.iter().map(Difference::to_string).collect();
        assert_eq!(lines, expected, "{name}");
    }
}

#[test]
fn first_change_tells_what_it_changed_from_what_was_declared() {
    let first = entry(1, Cause::Leased, (0, 5), Some(10));
    let lines = changed(None, &first);
    let lines: Vec<String> = lines.iter().map(Difference::to_string).collect();
    assert_eq!(lines, ["value: 0 -> 5", "until: - -> 1970-01-01T00:00:10Z"]);
}

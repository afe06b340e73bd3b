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

/// What an entry says.
type Saying = (Cause, (i64, i64), Option<i64>);

/// What a change is told to have changed, with times in seconds.
fn told(before: &Saying, after: Saying) -> String {
    let before = entry(1, before.0.clone(), before.1, before.2);
    let lines = changed(Some(&before), &entry(2, after.0, after.1, after.2));
    let lines: Vec<String> = lines.iter().map(Difference::to_string).collect();
    let lines = lines.join(", ").replace("1970-01-01T00:00:", "");
    lines.replace("0Z", "0 s")
}

#[test]
fn change_tells_only_what_it_changed() {
    let set = (Cause::Changed, (1, 2), None);
    let lease = (Cause::Leased, (1, 2), Some(10));
    for (before, cause, values, ends, expected) in [
        (&set, Cause::Changed, (2, 3), None, "value: 2 -> 3"),
        // The default that was declared meanwhile is what it was changed from.
        (&set, Cause::Changed, (7, 3), None, "value: 7 -> 3"),
        (&set, Cause::TakenBack, (2, 1), None, "value: 2 -> 1"),
        (
            &set,
            Cause::Leased,
            (2, 3),
            Some(10),
            "value: 2 -> 3, until: - -> 10 s",
        ),
        (
            &lease,
            Cause::Extended,
            (2, 2),
            Some(20),
            "until: 10 s -> 20 s",
        ),
        (&lease, Cause::Confirmed, (2, 2), None, "until: 10 s -> -"),
        (
            &lease,
            Cause::LeaseEnded,
            (2, 1),
            None,
            "value: 2 -> 1, until: 10 s -> -",
        ),
        // The trial on top goes on.
        (&lease, Cause::EndedBelow, (2, 2), None, ""),
    ] {
        let name = format!("{} after {}", cause.word(), before.0.word());
        assert_eq!(told(before, (cause, values, ends)), expected, "{name}");
    }
}

#[test]
fn change_of_a_ramp_tells_where_it_moves() {
    let set = (Cause::Changed, (1, 2), None);
    let ramp = (Cause::RampStarted, (2, 8), Some(10));
    for (before, cause, values, ends, expected) in [
        (
            &set,
            Cause::RampStarted,
            (2, 8),
            Some(10),
            "moves to: - -> 8 by 10 s",
        ),
        (
            &ramp,
            Cause::RampEnded,
            (2, 8),
            None,
            "value: 2 -> 8, moves to: 8 by 10 s -> -",
        ),
        (
            &ramp,
            Cause::RampStopped,
            (2, 5),
            Some(20),
            "value: 2 -> 5, moves to: 8 by 10 s -> -, until: - -> 20 s",
        ),
        // It moves on.
        (&ramp, Cause::Confirmed, (4, 4), None, ""),
        (&ramp, Cause::EndedBelow, (4, 4), None, ""),
    ] {
        let name = format!("{} after {}", cause.word(), before.0.word());
        assert_eq!(told(before, (cause, values, ends)), expected, "{name}");
    }
}

#[test]
fn change_because_of_a_problem_tells_how_long_it_is_held() {
    let set = (Cause::Changed, (1, 2), None);
    let held = (Cause::Mitigated, (1, 2), Some(20));
    let aborted = Aborted {
        wanted: "9".to_owned(),
        because: Because::NotTold,
    };
    let since = Since {
        change: "c1".to_owned(),
        by: history()[0].record.by.clone(),
        at: Timestamp::UNIX_EPOCH,
    };
    for (before, cause, values, ends, expected) in [
        (
            &set,
            Cause::Mitigated,
            (2, 0),
            Some(20),
            "value: 2 -> 0, until: - -> 20 s",
        ),
        (&held, Cause::Joined, (2, 2), Some(20), ""),
        (&held, Cause::Released, (2, 2), Some(20), ""),
        (&held, Cause::Unlocked, (2, 2), None, ""),
        (&held, Cause::Aborted(aborted), (2, 2), Some(20), ""),
        (&set, Cause::Superseded(since), (2, 2), None, ""),
        (
            &held,
            Cause::GivenBack,
            (2, 1),
            None,
            "value: 2 -> 1, until: 20 s -> -",
        ),
    ] {
        let name = format!("{} after {}", cause.word(), before.0.word());
        assert_eq!(told(before, (cause, values, ends)), expected, "{name}");
    }
}

#[test]
fn first_change_tells_what_it_changed_from_what_was_declared() {
    let first = entry(1, Cause::Leased, (0, 5), Some(10));
    let lines = changed(None, &first);
    let lines: Vec<String> = lines.iter().map(Difference::to_string).collect();
    assert_eq!(lines, ["value: 0 -> 5", "until: - -> 1970-01-01T00:00:10Z"]);
}

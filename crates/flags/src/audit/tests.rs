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

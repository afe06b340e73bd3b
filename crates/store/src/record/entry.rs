//! What is written down of a change of a flag. Its digest is that of
//! [`flags::Entry`], whatever is stored here.

use aws_sdk_dynamodb::types::AttributeValue;
use flags::{Because, Digest, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::flag::{Author, Since};
use super::record;
use crate::StoreError;
use crate::flag_set;
use crate::item::{self, Item};

/// An entry, as an attribute.
pub(crate) fn attribute(entry: &flags::Entry) -> AttributeValue {
    item::json_attribute(&Entry::from(entry.clone()))
}

/// The entry that is stored.
pub(crate) fn read(item: &Item) -> Result<flags::Entry, StoreError> {
    item::json::<Entry>(item, "entry").map(Into::into)
}

/// What names entries, as an attribute.
pub(crate) fn ids(ids: &[flag_set::EntryId]) -> AttributeValue {
    let ids = ids.iter().cloned().map(EntryId::from);
    item::json_attribute(&ids.collect::<Vec<_>>())
}

/// What is stored as the names of entries.
pub(crate) fn read_ids(item: &Item) -> Result<Vec<flag_set::EntryId>, StoreError> {
    let ids: Vec<EntryId> = item::json(item, "entries")?;
    Ok(ids.into_iter().map(Into::into).collect())
}

#[derive(Serialize, Deserialize)]
struct EntryId {
    flag: String,
    version: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(flatten)]
    record: Record,
    previous: Option<Digest>,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    set: String,
    flag: String,
    version: u64,
    at: Timestamp,
    cause: Cause,
    before: Value,
    after: Value,
    ends: Option<Timestamp>,
    change: String,
    batch: Option<String>,
    by: Author,
    why: String,
    triggered_by: String,
    problem: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Cause {
    Changed,
    Leased,
    Extended,
    Mitigated,
    Joined,
    RampStarted,
    RampEnded,
    RampStopped,
    Confirmed,
    LeaseEnded,
    EndedBelow,
    GivenBack,
    Released,
    Postponed,
    BoundReached,
    Superseded(Since),
    TakenBack,
    Unlocked,
    Aborted(Aborted),
}

#[derive(Serialize, Deserialize)]
struct Aborted {
    wanted: String,
    because: Because,
}

record!(EntryId = flag_set::EntryId {
    same: flag, version;
});

record!(Entry = flags::Entry {
    same: previous, digest;
    inner: record;
});

record!(Record = flags::Record {
    same: set, flag, version, at, before, after, ends, change, batch, why, triggered_by, problem;
    inner: cause, by;
});

record!(enum Cause = flags::Cause {
    Changed,
    Leased,
    Extended,
    Mitigated,
    Joined,
    RampStarted,
    RampEnded,
    RampStopped,
    Confirmed,
    LeaseEnded,
    EndedBelow,
    GivenBack,
    Released,
    Postponed,
    BoundReached,
    Superseded(since),
    TakenBack,
    Unlocked,
    Aborted(aborted),
});

record!(Aborted = flags::Aborted {
    same: wanted, because;
});

#[cfg(test)]
mod tests {
    use flags::Kind;
    use flags::state::AuthorKind;

    use super::*;

    #[test]
    fn entry_that_was_stored_is_read_again_and_holds() {
        let object = serde_json::json!({"b": [10.0, 0.1], "a": null});
        for after in [
            Value::Number(10.0),
            Value::Number(1e300),
            Value::String("a\u{202e}".to_owned()),
            Value::Boolean(true),
            Kind::Object.value(&object).unwrap(),
        ] {
            let entry = flags::Entry::seal(record(after), None);
            let item = [("entry".to_owned(), attribute(&entry))].into();
            let read = read(&item).unwrap();
            assert_eq!(read, entry);
            assert_eq!(flags::verify(&[read]), Ok(()));
        }
    }

    fn record(after: Value) -> flags::Record {
        flags::Record {
            set: "prod".to_owned(),
            flag: "percent".to_owned(),
            version: 1,
            at: Timestamp::UNIX_EPOCH,
            cause: flags::Cause::Changed,
            before: Value::Integer(5),
            after,
            ends: None,
            change: "c-1".to_owned(),
            batch: None,
            by: flags::state::Author {
                name: "ann".to_owned(),
                kind: AuthorKind::Person,
            },
            why: "a test".to_owned(),
            triggered_by: "manual".to_owned(),
            problem: None,
        }
    }
}

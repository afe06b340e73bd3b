//! What names an entry of a history.

use flags::Entry;

/// An entry, by what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryId {
    /// The flag.
    pub flag: String,
    /// The version that it made.
    pub version: u64,
}

impl EntryId {
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            flag: entry.record.flag.clone(),
            version: entry.record.version,
        }
    }
}
